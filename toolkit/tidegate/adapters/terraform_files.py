"""Terraform that others wrote: the files of a directory, a plan."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tidegate.core.document import MAX_BYTES
from tidegate.core.errors import UsageError

_LARGEST_PLAN = 1 << 28


def hcl_files(directory: Path) -> dict[str, bytes]:
    """Every `.tf` and `.tofu` below it, by path as one would type it here; hidden directories are left out.

    Raises UsageError for what is no readable directory, or has no such file.
    """
    if not directory.is_dir():
        what = "is a file, not a directory" if directory.exists() else "is not there"
        raise UsageError(f"{directory} {what}", hint="say which directory of Terraform: --terraform DIR")
    found: dict[str, bytes] = {}
    texts: dict[bytes, bytes] = {}  # a module copied a thousand times is held once
    for place, folders, names in os.walk(directory, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith((".tf", ".tofu")) and not name.startswith("."):
                path = Path(place) / name
                text = _read(path)
                found[path.as_posix()] = texts.setdefault(text, text)
    if not found:
        raise UsageError(f"{directory} has no Terraform files (.tf) in it")
    return found


def plan_file(path: Path) -> bytes:
    """The text of a plan as JSON; `-` is standard input. Raises UsageError for what cannot be read."""
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as stream:
            text = stream.read(_LARGEST_PLAN + 1)
    except OSError as error:
        hint = "write it with `terraform show -json PLAN > FILE`"
        raise UsageError(f"the plan {path} cannot be read: {error.strerror}", hint=hint) from error
    if len(text) > _LARGEST_PLAN:
        raise UsageError(f"the plan {path} is larger than {_LARGEST_PLAN:,} bytes")
    return text


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _refuse(error: OSError) -> None:
    raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error
