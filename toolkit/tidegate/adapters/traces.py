"""Traces as directories: finding them, reading and writing their two files."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.adapters.files import write_files
from tidegate.core.errors import Fault, InvalidInput, UsageError
from tidegate.core.trace import ROLLOUT_FILE, SAMPLES_FILE

_FILES = (ROLLOUT_FILE, SAMPLES_FILE)
_WHAT = f"a trace is a directory with {' and '.join(_FILES)}"


@dataclass(frozen=True)
class Found:
    """`several`: more than one trace was asked for, whether or not more were found."""

    places: tuple[Path, ...]
    several: bool


def find(arguments: Sequence[str]) -> Found:
    """The traces meant by directories, directories of traces, and patterns. Raises UsageError for none."""
    places: list[Path] = []
    several = len(arguments) > 1
    for argument in arguments:
        if argument and _exists(argument):
            path = Path(argument)
            inside = _inside(path)
            several = several or bool(inside)
            places += inside or [path.parent if path.name in _FILES and path.is_file() else path]
        elif glob.has_magic(argument):
            several = True
            places += _matching(argument)
        else:
            raise UsageError(f"there is no directory {argument[:200]!r}", hint=_WHAT)
    return Found(tuple(dict.fromkeys(places)), several)


def _exists(argument: str) -> bool:
    try:
        return Path(argument).exists()
    except (OSError, ValueError):  # a name that is too long, or holds a NUL
        return False


def _inside(path: Path) -> list[Path]:
    """The traces that lie directly in a directory that is none itself."""
    if not path.is_dir() or is_trace(path):
        return []
    try:
        return [child for child in sorted(path.iterdir()) if child.is_dir() and is_trace(child)]
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _matching(pattern: str) -> list[Path]:
    matching = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207 - may be absolute
    found = [trace for match in matching for trace in ([match] if is_trace(match) else _inside(match))]
    if not found:
        raise UsageError(f"no trace matches {pattern[:200]!r}", hint=_WHAT)
    return found


def is_trace(path: Path) -> bool:
    return any((path / name).exists() for name in _FILES)


def load(place: Path) -> tuple[str, str]:
    """The texts of the two files. Raises UsageError where they cannot be read, InvalidInput for no text."""
    if not place.is_dir():
        raise UsageError(f"{place} is not a trace", hint=_WHAT)
    rollout, samples = (_text(place / name) for name in _FILES)
    return rollout, samples


def refuse_existing(place: Path) -> None:
    """Raises UsageError where there is a trace already, or what is no directory."""
    if is_trace(place):
        raise UsageError(f"{place} already holds a trace", hint="--force overwrites it")
    if place.exists() and not place.is_dir():
        raise UsageError(f"{place} is not a directory")


def save(place: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Writes the files of a trace, each as a whole; returns name → path. Raises UsageError."""
    return write_files(place, files)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"{path.parent} is not a trace: it has no {path.name}",
            hint=_WHAT,
        ) from error
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = f"is not UTF-8 text: byte {content[error.start]:#04x}"
        raise InvalidInput((Fault(path.name, line, column, message),)) from error
