"""The image catalogue: which command stands for which container image on this machine.

::

    images:
      demo/orders:v1:
        command: [python, app.py]     # what the image would run; `python` is the one tidegate runs on
        args: []                      # optional, replaced by the container's own args
        directory: .                  # optional, relative to the file
        env: {LEAK: none}             # optional, overridden by the container's env
        digest: sha256:…              # optional, so that demo/orders@sha256:… names it too
    backing:                          # what the services call and what lives elsewhere on Google Cloud
      upstream:
        command: [python, upstream.py]

Backing services are started once, with the local Cloud Run. They get a `PORT`; an image's env refers to it as
`${backing.upstream.port}` or `${backing.upstream.url}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from tidegate.core.errors import UsageError

_LIMIT = 1 << 20
_REFERENCE = re.compile(r"[a-z0-9][\w.\-/:]*(@sha256:[0-9a-f]{64})?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_BACKING_REFERENCE = re.compile(r"\$\{backing\.([\w-]+)\.(port|url)\}")
_IMAGE_KEYS = ("command", "args", "directory", "env", "digest")
_BACKING_KEYS = ("command", "directory", "env")


@dataclass(frozen=True)
class Image:
    name: str
    """The reference, or the name of a backing service."""
    command: tuple[str, ...]
    directory: Path
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""

    def command_line(self, command: tuple[str, ...], args: tuple[str, ...]) -> tuple[str, ...]:
        """As a container runtime does it: a command of its own replaces both, args replace args."""
        return (*command, *args) if command else (*self.command, *(args or self.args))


@dataclass(frozen=True)
class Catalogue:
    images: Mapping[str, Image] = field(default_factory=dict)
    backing: Mapping[str, Image] = field(default_factory=dict)

    def find(self, reference: str) -> Image | None:
        """By the exact reference, or by its digest. None when the catalogue does not know it."""
        if reference in self.images:
            return self.images[reference]
        tagged, _, digest = reference.partition("@")
        if not digest:
            return None
        repository = _repository(tagged)
        if f"{repository}@{digest}" in self.images:
            return self.images[f"{repository}@{digest}"]
        for name, image in self.images.items():
            if image.digest == digest and _repository(name.partition("@")[0]) == repository:
                return image
        return None


def load(path: Path) -> Catalogue:
    """Raises UsageError, with the place, for the first thing wrong in the file."""
    document = _parse(path)
    where = _Where(path)
    if document is None:
        return Catalogue()
    where.mapping(document, "the catalogue", ("images", "backing"))
    images = {
        reference: _image(where, entry, reference)
        for reference, entry in where.entries(document, "images", _IMAGE_KEYS, _check_reference)
    }
    backing = {
        name: _image(where, entry, name)
        for name, entry in where.entries(document, "backing", _BACKING_KEYS, _check_backing_name)
    }
    for image in images.values():
        for value in image.env.values():
            for name, _ in _BACKING_REFERENCE.findall(value):
                if name not in backing:
                    raise UsageError(
                        f"{path}: {image.name} refers to the backing service {name}, not in the file"
                    )
    return Catalogue(images, backing)


class Catalogues:
    """The catalogue as it is on disk now: an edited file counts from the next instance on."""

    def __init__(self, path: Path | None, told: Callable[[str], None]) -> None:
        self._path = path
        self._told = told
        self._stamp = _stamp(path)
        self._current = load(path) if path else Catalogue()

    def current(self) -> Catalogue:
        """The last readable state of the file; a fault made since is told once and changes nothing."""
        stamp = _stamp(self._path)
        if self._path and stamp != self._stamp:
            self._stamp = stamp
            try:
                self._current = load(self._path)
            except UsageError as fault:
                self._told(f"{fault.message}; going on with the catalogue as it was")
        return self._current


def with_backing(env: Mapping[str, str], ports: Mapping[str, int]) -> dict[str, str]:
    """The environment with `${backing.NAME.port}` and `${backing.NAME.url}` filled in."""

    def fill(found: re.Match[str]) -> str:
        port = ports.get(found[1], 0)
        return str(port) if found[2] == "port" else f"http://127.0.0.1:{port}"

    return {key: _BACKING_REFERENCE.sub(fill, value) for key, value in env.items()}


def _parse(path: Path) -> Any:
    try:
        if path.stat().st_size > _LIMIT:
            raise UsageError(f"{path}: larger than 1 MiB, which no image catalogue is")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such image catalogue", hint="name one with --images") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not UTF-8 text") from error
    try:
        return YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        problem = (error.problem or "not YAML").splitlines()[0]
        raise UsageError(f"{place}: not valid YAML: {problem}") from error
    except (YAMLError, RecursionError, ValueError) as error:
        raise UsageError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from error


def _image(where: _Where, entry: Any, name: str) -> Image:
    command = where.strings(entry, "command", name)
    if not command:
        raise where.fault(entry, f"{name} needs a command, a list such as [python, app.py]")
    directory = entry.get("directory", ".")
    if not isinstance(directory, str):
        raise where.fault(entry, f"the directory of {name} is a path", "directory")
    absolute = (where.path.parent / directory).resolve()
    if not absolute.is_dir():
        raise where.fault(entry, f"the directory of {name} does not exist: {absolute}", "directory")
    digest = entry.get("digest", "")
    if digest and not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
        raise where.fault(entry, f"the digest of {name} is sha256: and 64 hex digits", "digest")
    return Image(
        name, command, absolute, where.strings(entry, "args", name), where.environment(entry, name), digest
    )


class _Where:
    """Checks of shape that know the place in the file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fault(self, node: Any, message: str, key: Any = None) -> UsageError:
        place = str(self.path)
        marks = getattr(node, "lc", None)
        if marks is not None:
            data = marks.data or {}
            line, column = data[key][:2] if key is not None and key in data else (marks.line, marks.col)
            place = f"{place}:{line + 1}:{column + 1}"
        return UsageError(f"{place}: {message}")

    def mapping(self, node: Any, what: str, keys: tuple[str, ...]) -> None:
        if not isinstance(node, dict):
            raise self.fault(node, f"{what} is a mapping with the keys {', '.join(keys)}")
        for key in node:
            if key not in keys:
                raise self.fault(node, f"{what} has no key {key!r}; it has {', '.join(keys)}", key)

    def entries(
        self, document: Any, section: str, keys: tuple[str, ...], check: Callable[[str], str]
    ) -> list[tuple[str, Any]]:
        node = document.get(section)
        if node is None:
            return []
        if not isinstance(node, dict):
            raise self.fault(document, f"{section} is a mapping from names to commands", section)
        for name, entry in node.items():
            problem = check(name) if isinstance(name, str) else f"the name {name!r} is not text"
            if problem:
                raise self.fault(node, problem, name)
            if not isinstance(entry, dict):
                raise self.fault(node, f"{name} is a mapping with the keys {', '.join(keys)}", name)
            self.mapping(entry, name, keys)
        return list(node.items())

    def strings(self, entry: Any, key: str, name: str) -> tuple[str, ...]:
        value = entry.get(key) or ()
        if isinstance(value, str) or not all(isinstance(item, (str, int)) for item in value):
            raise self.fault(entry, f"the {key} of {name} is a list of words", key)
        return tuple(str(item) for item in value)

    def environment(self, entry: Any, name: str) -> dict[str, str]:
        value = entry.get("env") or {}
        if not isinstance(value, dict):
            raise self.fault(entry, f"the env of {name} is a mapping", "env")
        for key, item in value.items():
            plain = isinstance(item, (str, int, float)) and not isinstance(item, bool)
            if not isinstance(key, str) or not key or "=" in key or not plain:
                raise self.fault(value, f"the env entry {key} of {name} is a text or a number", key)
        return {key: str(item) for key, item in value.items()}


def _check_reference(name: str) -> str:
    return "" if _REFERENCE.fullmatch(name) else f"{name!r} is not an image reference"


def _check_backing_name(name: str) -> str:
    return "" if re.fullmatch(r"[\w-]+", name) else f"{name!r} is not a name of letters, digits and dashes"


def _repository(tagged: str) -> str:
    """`host:5000/name:tag` without its tag; a colon before the last slash belongs to the host's port."""
    head, slash, last = tagged.rpartition("/")
    return head + slash + last.partition(":")[0]


def _stamp(path: Path | None) -> tuple[int, int]:
    try:
        found = path.stat() if path else None
    except OSError:
        found = None
    return (found.st_mtime_ns, found.st_size) if found else (0, 0)
