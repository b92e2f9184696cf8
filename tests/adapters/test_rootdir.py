"""Rendered trees on a real disk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.adapters import rootdir
from tidegate.core.errors import TidegateError, UsageError

FILES = {
    "service/main.tf": "# one\n",
    "service/modules/service/main.tf": "# two\n",
    "monitoring/main.tf": "é\n",
}


def tree(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != rootdir.MANIFEST
    }


def test_a_tree_is_written_and_written_again_without_touching_it(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    written = rootdir.write(out, FILES)
    assert tree(out) == FILES
    assert set(written.changed) == set(FILES)
    before = {path: (out / path).stat().st_mtime_ns for path in FILES}
    again = rootdir.write(out, FILES)
    assert (again.changed, again.removed, set(again.unchanged)) == ((), (), set(FILES))
    assert {path: (out / path).stat().st_mtime_ns for path in FILES} == before


def test_what_is_no_longer_rendered_goes_and_what_terraform_keeps_stays(tmp_path: Path) -> None:
    rootdir.write(tmp_path, FILES | {"service/old/extra.tf": "# old\n"})
    kept = [
        "service/.terraform/modules.json",
        "service/terraform.tfstate",
        "service/.terraform.lock.hcl",
        "notes.txt",
    ]
    for path in kept:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("kept")
    written = rootdir.write(tmp_path, {"service/main.tf": "# new\n"})
    assert tree(tmp_path) == {"service/main.tf": "# new\n", **dict.fromkeys(kept, "kept")}
    assert set(written.removed) == {
        "service/old/extra.tf",
        "service/modules/service/main.tf",
        "monitoring/main.tf",
    }
    assert not (tmp_path / "service" / "old").exists()
    assert not (tmp_path / "monitoring").exists()


def test_files_are_readable_as_the_umask_allows(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        rootdir.write(tmp_path, FILES)
    finally:
        os.umask(before)
    assert (tmp_path / "service/main.tf").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    "name",
    ["service/own.tf", "service/own.tf.json", "service/own_override.tf", "service/main.tf", "service/x.tofu"],
)
def test_code_from_elsewhere_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / name).write_text("# mine\n")
    with pytest.raises(UsageError, match="was not rendered by tidegate") as error:
        rootdir.write(tmp_path, FILES)
    assert name in error.value.message
    assert error.value.hint
    assert tree(tmp_path) == {name: "# mine\n"}


def test_code_from_elsewhere_is_refused_later_too(tmp_path: Path) -> None:
    rootdir.write(tmp_path, FILES)
    (tmp_path / "service/more.tf").write_text("# mine\n")
    with pytest.raises(UsageError, match=r"more\.tf"):
        rootdir.write(tmp_path, FILES | {"service/more.tf": "# theirs\n"})
    assert (tmp_path / "service/more.tf").read_text() == "# mine\n"


@pytest.mark.parametrize("path", ["../out.tf", "/etc/out.tf", "a/../../out.tf", "", "a\\b.tf", "a\0b.tf"])
def test_a_path_that_leaves_the_directory_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(UsageError, match="not a path inside"):
        rootdir.write(tmp_path / "out", {path: "x"})
    assert not (tmp_path / "out").exists()


def test_a_manifest_cannot_have_files_elsewhere_removed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("x")
    out = tmp_path / "out"
    rootdir.write(out, FILES)
    (out / rootdir.MANIFEST).write_text(json.dumps({"format": "tidegate-render/1", "files": ["../victim"]}))
    with pytest.raises(UsageError, match="damaged"):
        rootdir.write(out, FILES)
    assert victim.exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": "other", "files": []}', '{"format": 1, "files": 2}']
)
def test_a_damaged_manifest_is_said(tmp_path: Path, text: str) -> None:
    rootdir.write(tmp_path, FILES)
    (tmp_path / rootdir.MANIFEST).write_text(text)
    with pytest.raises(UsageError, match="damaged") as error:
        rootdir.write(tmp_path, FILES)
    assert error.value.hint


def test_a_linked_folder_is_not_written_through(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "service").symlink_to(elsewhere)
    with pytest.raises(UsageError, match="symbolic link"):
        rootdir.write(out, FILES)
    assert list(elsewhere.iterdir()) == []


def test_a_link_in_place_of_a_rendered_file_is_replaced_and_its_target_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    rootdir.write(out, FILES)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (out / "service/main.tf").unlink()
    (out / "service/main.tf").symlink_to(victim)
    rootdir.write(out, FILES)
    assert victim.read_text() == "precious"
    assert not (out / "service/main.tf").is_symlink()
    assert tree(out) == FILES


def test_a_linked_output_directory_is_the_users_choice(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    rootdir.write(tmp_path / "link", FILES)
    assert tree(tmp_path / "real") == FILES


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/tidegate"])
def test_a_place_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written") as error:
        rootdir.write(tmp_path / place, FILES)
    assert "\n" not in error.value.message
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory_says_what_to_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match="cannot be written") as error:
            rootdir.write(tmp_path, FILES)
        assert error.value.hint
    finally:
        tmp_path.chmod(0o700)


KILLED = """
import sys
from pathlib import Path
from tidegate.adapters import rootdir
out = Path(sys.argv[1])
print("ready", flush=True)
for turn in range(10**6):
    rootdir.write(out, {f"service/f{n}.tf": f"# {turn % 7} " * 4000 for n in range(turn % 5 + 1)})
"""


def test_killed_at_any_moment_every_file_is_whole_and_the_next_render_works(tmp_path: Path) -> None:
    for delay in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        with process, process.stdout as stream:
            assert stream.readline() == "ready\n"
            seen = 0
            while seen < 5 + 37 * delay:  # a moment that differs from turn to turn
                seen += len(list(tmp_path.rglob("*.tf"))) or 1
            process.send_signal(signal.SIGKILL)
        for path in tmp_path.rglob("*.tf"):
            text = path.read_text()
            assert text == text[:4] * 4000
    rootdir.write(tmp_path, FILES)
    assert tree(tmp_path) == FILES


def test_packaged_modules_and_templates_are_found() -> None:
    modules, templates = rootdir.module_texts(), rootdir.template_texts()
    assert {"service/main.tf", "monitoring/main.tf", "monitoring/runbooks/fd_growth.md.tftpl"} <= set(modules)
    assert {"service/main.tf.j2", "monitoring/main.tf.j2"} <= set(templates)
    assert not [path for path in (*modules, *templates) if ".terraform" in path]


def test_an_installed_package_brings_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "tidegate"
    for path in ("_data/infra/modules/service/main.tf", "_data/templates/service/main.tf.j2", "__init__.py"):
        (package / path).parent.mkdir(parents=True, exist_ok=True)
        (package / path).write_text("installed")
    monkeypatch.setattr("tidegate.__file__", str(package / "__init__.py"))
    assert rootdir.module_texts() == {"service/main.tf": "installed"}
    assert rootdir.template_texts() == {"service/main.tf.j2": "installed"}


def test_an_installation_without_them_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidegate.__file__", str(tmp_path / "a" / "tidegate" / "__init__.py"))
    with pytest.raises(TidegateError, match="lacks its infra files"):
        rootdir.module_texts()


def test_templates_of_ones_own_come_on_top(tmp_path: Path) -> None:
    (tmp_path / "service").mkdir()
    (tmp_path / "service" / "main.tf.j2").write_text("mine")
    (tmp_path / "service" / "more.tf.j2").write_text("more")
    found = rootdir.template_texts(tmp_path)
    assert (found["service/main.tf.j2"], found["service/more.tf.j2"]) == ("mine", "more")
    assert "monitoring/main.tf.j2" in found


def test_templates_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a directory"):
        rootdir.template_texts(tmp_path / "none")
    (tmp_path / "x.tf.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        rootdir.template_texts(tmp_path)
    (tmp_path / "x.tf.j2").write_bytes(b"x" * (1 << 21))
    with pytest.raises(UsageError, match="larger than"):
        rootdir.template_texts(tmp_path)
