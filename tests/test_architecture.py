"""The floors of the house are kept, and every module stands on one of them."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def lint(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_contracts_are_kept() -> None:
    done = lint()
    assert done.returncode == 0, done.stdout + done.stderr
    for contract in CONTRACTS:
        assert f"{contract['name']} KEPT" in done.stdout


def test_a_module_must_be_placed_and_floors_cannot_be_jumped() -> None:
    layers = [contract for contract in CONTRACTS if contract["type"] == "layers"]
    assert {tuple(contract["containers"]) for contract in layers} == {("tidegate",), ("tidegate.core",)}
    assert all(contract["exhaustive"] for contract in layers)


@pytest.mark.parametrize("line", ["import click", "import time", "from tidegate import ports"])
def test_a_breach_would_be_seen(tmp_path: Path, line: str) -> None:
    """The contracts look at what is there: a copy with one wrong import breaks them."""
    package = tmp_path / "tidegate"
    subprocess.run(["cp", "-r", str(ROOT / "toolkit" / "tidegate"), str(package)], check=True)
    module = package / "core" / "verdict.py"
    module.write_text(module.read_text() + f"\n{line}\n")
    done = lint(PYTHONPATH=str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BROKEN" in done.stdout
    assert "tidegate.core.verdict" in done.stdout
