"""The manual is true: what is drawn from the code is current, and every command in it runs."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tidegate.cli import COMMANDS, tidegate

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(p for p in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")))
EXAMPLE = ROOT / "examples" / "python-service"
BLOCK = re.compile(r"^```(\w+) ?(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


EXIT_CODE = re.compile(r"exit code (\d+)")


def commands(kind: str) -> Iterator[tuple[Path, str]]:
    for page, command, _ in lines(kind):
        yield page, command


def lines(kind: str) -> Iterator[tuple[Path, str, str]]:
    """Page, command, and the comment behind it."""
    for page in PAGES:
        for language, mark, body in BLOCK.findall(page.read_text(encoding="utf-8")):
            if language == "sh" and mark == kind:
                for line in body.splitlines():
                    command, _, comment = line.partition("#")
                    if command.strip():
                        yield page, command.strip(), comment


def test_what_is_drawn_from_the_code_is_current() -> None:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for page, text in generate.pages().items():
        assert page.read_text(encoding="utf-8") == text, f"{page.name}: run python docs/generate.py"


@pytest.mark.parametrize(("page", "command"), [(p.name, c) for p, c in commands("google")])
def test_commands_against_google_can_be_parsed(page: str, command: str) -> None:
    program, name, *rest = shlex.split(command)
    assert program == "tidegate"
    with tidegate.make_context("tidegate", [name]) as context:
        found = tidegate.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            name, *rest = rest
            found = found.get_command(context, name)
            assert found is not None
        found.make_context(name, rest, parent=context)


@pytest.mark.parametrize(("page", "command"), [(p.name, c) for p, c in commands("")])
def test_make_targets_and_packages_exist(page: str, command: str) -> None:
    words = shlex.split(command)
    if words[0] == "make":
        done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    else:
        assert words == ["pip", "install", ".[local]"]  # there is nothing on an index


@pytest.mark.parametrize("page", [*PAGES, *ROOT.glob("templates/**/*.j2"), *ROOT.glob("examples/*/*.md")])
def test_nothing_is_installed_by_a_name_that_is_on_no_index(page: Path) -> None:
    for arguments in re.findall(r"pip install (.*)", page.read_text(encoding="utf-8")):
        assert not re.search(r"(?<![\w/.])tidegate(?:\[\w+\])?(?! ?@)(?![\w/])", arguments), arguments


def test_every_command_is_in_the_manual() -> None:
    told = " ".join(command for kind in ("local", "google") for _, command in commands(kind))
    assert {name for name in COMMANDS if f"tidegate {name} " not in f"{told} "} == set()


def run(command: str, comment: str) -> str:
    """In bash with `set -e`; a comment may say another exit code than 0."""
    said = f"echo '$ {command}' >&2\n"
    if code := EXIT_CODE.search(comment):
        return f"{said}if {command}; then false; else test $? = {code[1]}; fi"
    return said + command


@pytest.mark.e2e
@pytest.mark.parametrize("page", sorted({p.name for p, _ in commands("local")}))
def test_local_commands_run_one_after_the_other(page: str, tmp_path: Path) -> None:
    for source in EXAMPLE.iterdir():
        if source.is_file():
            (tmp_path / source.name).write_bytes(source.read_bytes())
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("TIDEGATE_LOCAL", None)
    script = "set -e\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"
    script += "\n".join(run(command, comment) for p, command, comment in lines("local") if p.name == page)
    try:
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
    finally:
        subprocess.run(["tidegate", "local", "down"], cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_page_of_the_manual_is_in_the_list_of_the_readme() -> None:
    listed = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Documentation")[2]
    assert {p.name for p in ROOT.glob("docs/*.md") if f"](docs/{p.name})" not in listed} == set()


def test_the_specs_in_the_manual_are_valid() -> None:
    from tidegate.core.spec import load, load_policy

    found = 0
    for page in PAGES:
        for language, _, body in BLOCK.findall(page.read_text(encoding="utf-8")):
            if language == "yaml" and body.startswith("service:"):
                load(body.encode(), page.name)
                found += 1
            elif language == "yaml" and body.startswith("analysis:"):
                load_policy(body.encode(), page.name)
                found += 1
    assert found
    for name in (None, "local"):
        load((EXAMPLE / "tidegate.yaml").read_bytes(), "tidegate.yaml", name)
