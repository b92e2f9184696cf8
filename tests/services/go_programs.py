"""Programs in Go, built once a run; what needs them is skipped where Go or its modules are not there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SERVICE = EXAMPLES / "go-service"
SNIPPETS = EXAMPLES / "snippets"
PATIENCE = 600.0
"""Seconds for a build without any cache on a busy machine."""


def go(*arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Runs the go command on the module there, exactly as go.mod and go.sum have it."""
    program = shutil.which("go")
    if program is None:
        pytest.skip("Go is not installed")
    _needs_modules(program, directory)
    return _run(program, arguments, directory)


def build(into: Path) -> Path:
    """The example service as a program, `orders`; it is also its own upstream and database."""
    done = go("build", "-o", str(into / "orders"), ".", directory=SERVICE)
    assert done.returncode == 0, done.stderr
    return into / "orders"


def _needs_modules(program: str, directory: Path) -> None:
    wanted = re.search(r"^go (\S+)$", (directory / "go.mod").read_text(), re.MULTILINE)
    assert wanted is not None
    found = _run(program, ("mod", "download"), directory)
    if "requires go >=" in found.stderr:
        pytest.skip(f"Go {wanted[1]} is not installed: {found.stderr.strip()}")
    if found.returncode != 0:
        reason = (found.stderr.strip().splitlines() or ["no reason given"])[-1]
        assert "checksum mismatch" not in found.stderr, found.stderr
        assert "missing go.sum entry" not in found.stderr, found.stderr
        pytest.skip(f"the Go modules are not to be had: {reason}")


def _run(program: str, arguments: tuple[str, ...], directory: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"}
    return subprocess.run(
        [program, *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
