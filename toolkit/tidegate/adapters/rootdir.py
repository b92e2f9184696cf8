"""Rendered root modules on disk, and the module and template texts that come with tidegate."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import tidegate
from tidegate.core.errors import TidegateError, UsageError

MANIFEST = ".tidegate-render.json"
_FORMAT = "tidegate-render/1"
_TEMPORARY = ".tidegate-"
_CODE = (".tf", ".tf.json", ".tofu", ".tofu.json")
_MODULE_FILES = ("*.tf", "*.tftpl", "*.md")
_MAX_TEMPLATE = 1 << 20


@dataclass(frozen=True)
class Written:
    """Paths relative to the directory. `unchanged` files were not touched."""

    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: tuple[str, ...]


# ---------------------------------------------------------------------------------- what tidegate comes with


def module_texts() -> dict[str, str]:
    """Text of every file of the packaged Terraform modules, by path such as `service/main.tf`."""
    return _texts(_packaged("infra") / "modules", _MODULE_FILES)


def template_texts(extra: Path | None = None) -> dict[str, str]:
    """Text of every packaged template by path such as `service/main.tf.j2`; those in `extra` come on top.

    Raises UsageError when `extra` is not a readable directory of UTF-8 texts.
    """
    found = _texts(_packaged("templates"), ("*.j2",))
    if extra is not None:
        if not extra.is_dir():
            raise UsageError(f"{extra} is not a directory of templates")
        found.update(_texts(extra, ("*.j2",)))
    return found


def _packaged(name: str) -> Path:
    package = Path(tidegate.__file__).resolve().parent
    # Inside an installed wheel, else beside toolkit/ in a checkout.
    for candidate in (package / "_data" / name, package.parents[1] / name):
        if candidate.is_dir():
            return candidate
    raise TidegateError(
        f"this installation of tidegate lacks its {name} files", hint="install tidegate again from a wheel"
    )


def _texts(directory: Path, patterns: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for path in sorted({path for pattern in patterns for path in directory.rglob(pattern)}):
        relative = path.relative_to(directory)
        if any(part.startswith(".") for part in relative.parts) or not path.is_file():
            continue
        try:
            if path.stat().st_size > _MAX_TEMPLATE:
                raise UsageError(f"{path} is larger than 1 MiB")
            found[relative.as_posix()] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} is not UTF-8 text") from error
        except OSError as error:
            raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    return found


# ---------------------------------------------------------------------------------------- the rendered tree


def write(directory: Path, files: Mapping[str, str]) -> Written:
    """Makes the rendered files under `directory` be exactly `files` (text by relative path).

    Each file is replaced as a whole: whenever this is killed, it is the old one or the new one. Files written
    by an earlier call and no longer among `files` are removed; everything else, such as `.terraform` and
    state, stays. Raises UsageError when the directory holds Terraform code from elsewhere, when a path would
    leave it, or when it cannot be written.
    """
    for path in files:
        _check_relative(path)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _locked(directory):
            return _write(directory.resolve(), files)
    except OSError as error:
        raise _cannot_write(directory, error) from error


def _write(directory: Path, files: Mapping[str, str]) -> Written:
    before = _manifest(directory)
    for path in {*files, *before}:
        _check_no_links(directory, path)
    _check_foreign(directory, before, files)
    # Named before they exist: a kill in between leaves no file this directory does not know as its own.
    _write_manifest(directory, {*before, *files})
    changed: list[str] = []
    unchanged: list[str] = []
    for path, text in sorted(files.items()):
        (changed if _replace(directory / path, text) else unchanged).append(path)
    removed = sorted(path for path in before - set(files) if _remove(directory, path))
    _write_manifest(directory, set(files))
    return Written(tuple(changed), tuple(removed), tuple(unchanged))


def _replace(target: Path, text: str) -> bool:
    data = text.encode("utf-8")
    if target.is_file() and not target.is_symlink() and target.read_bytes() == data:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in target.parent.glob(f"{_TEMPORARY}*.tmp"):
        leftover.unlink()
    temporary = target.parent / f"{_TEMPORARY}{os.getpid()}.tmp"
    try:
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return True


def _remove(directory: Path, path: str) -> bool:
    target = directory / path
    if not target.is_file() and not target.is_symlink():
        return False
    target.unlink()
    for parent in target.parents:
        if parent == directory:
            break
        with contextlib.suppress(OSError):
            parent.rmdir()
    return True


def _manifest(directory: Path) -> set[str]:
    path = directory / MANIFEST
    if not path.exists():
        return set()
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names = content["files"] if content["format"] == _FORMAT else None
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            for name in names:
                _check_relative(name)
            return set(names)
    except (ValueError, KeyError, TypeError, UsageError):
        pass
    raise UsageError(
        f"{path} is damaged, so it is not known which files here were rendered",
        hint="render into another directory, or delete the rendered files and this one",
    )


def _write_manifest(directory: Path, paths: set[str]) -> None:
    text = json.dumps({"format": _FORMAT, "files": sorted(paths)}, indent=2) + "\n"
    _replace(directory / MANIFEST, text)


# ------------------------------------------------------------------------------------------------- refusals


def _check_relative(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise UsageError(f"{path!r} is not a path inside the output directory")


def _check_no_links(directory: Path, path: str) -> None:
    for parent in (directory / path).parents:
        if parent == directory:
            return
        if parent.is_symlink():
            raise UsageError(f"{parent} is a symbolic link; files are not written through it")


def _check_foreign(directory: Path, own: set[str], files: Mapping[str, str]) -> None:
    """Terraform reads every code file of a folder, so one from elsewhere would become part of the plan."""
    folders = {(directory / path).parent for path in files if path.endswith(_CODE)}
    code = {
        found.relative_to(directory).as_posix()
        for folder in folders
        if folder.is_dir()
        for found in folder.iterdir()
        if found.name.endswith(_CODE)
    }
    there = {path for path in files if (directory / path).exists() or (directory / path).is_symlink()}
    if foreign := sorted((code | there) - own):
        raise UsageError(
            f"{directory / foreign[0]} was not rendered by tidegate",
            hint="render into a directory of its own, or move this file away",
        )


def _cannot_write(directory: Path, error: OSError) -> UsageError:
    place = error.filename if isinstance(error.filename, str) else str(directory)
    hint = {
        errno.EACCES: "give --out a directory you may write",
        errno.EROFS: "give --out a directory on a file system that can be written",
        errno.ENOSPC: "the disk is full",
    }.get(error.errno or 0, "")
    return UsageError(f"{place} cannot be written: {error.strerror or error}", hint=hint)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Two renders into one directory take turns. The lock ends with the process, and leaves no file."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
