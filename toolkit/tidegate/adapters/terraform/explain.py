"""Why a terraform command failed, in one sentence with its diagnostics and the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.adapters.terraform.stream import text_of
from tidegate.core.errors import TerraformError
from tidegate.ports import Diagnostic

_LOCKED = "error acquiring the state lock"
_STALE = "saved plan is stale"
_UNPREPARED = ("backend initialization required", "inconsistent dependency lock file", "module not installed")
_NEWER_FORMAT = re.compile(
    r"uses format version \d+, which is not supported by ((?:Terraform|OpenTofu) [\d.]+\S*?)\. "
    r"This state file was created by ((?:Terraform|OpenTofu) [\d.]+\S*?)\.(?:\s|$)"
)
_NEWER_PROVIDER = re.compile(r"current state of (\S+) was created by a newer provider version")
_DAMAGED = "The state file could not be parsed as JSON"
_FIELD = re.compile(r"^\s*(ID|Path|Operation|Who|Created|Info):[ \t]*(.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Lock:
    """Who holds the lock of a state, as far as the backend tells; empty where it does not."""

    id: str = ""
    who: str = ""
    created: str = ""
    operation: str = ""


def lock_of(diagnostics: Sequence[Diagnostic]) -> Lock | None:
    """The lock that kept the command from running, if that was the reason."""
    for found in diagnostics:
        if found.summary.lower() == _LOCKED:
            fields = {key: value.strip() for key, value in _FIELD.findall(found.detail)}
            return Lock(
                fields.get("ID", ""),
                fields.get("Who", ""),
                _seconds_only(fields.get("Created", "")),
                fields.get("Operation", "").removeprefix("OperationType").lower(),
            )
    return None


def failure(
    command: str, directory: Path, code: int, diagnostics: Sequence[Diagnostic], other: Sequence[str]
) -> TerraformError:
    """The error for a command that ended with `code`. `other` is text that belongs to no diagnostic."""
    errors = [found for found in diagnostics if found.severity == "error"]
    if trouble := _unreadable_state(directory, errors):
        return trouble
    lock = lock_of(errors)
    if lock is not None:
        return _locked(command, directory, lock, errors)
    summaries = {found.summary.lower() for found in errors}
    if _STALE in summaries:
        return TerraformError(
            f"The plan of {directory} is stale: the state was changed after it was made; nothing was applied",
            hint="run the same command again: it makes a new plan from the state as it is now",
        )
    told = "\n".join(f"  {text_of(found)}".replace("\n", "\n  ") for found in errors)
    if not told:
        told = "\n".join(f"  {line}" for line in [line for line in other if line.strip()][-20:])
    end = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
    headline = f"terraform {command} in {directory} {end}"
    hint = ""
    if any(summary.startswith(_UNPREPARED) for summary in summaries):
        hint = f"run terraform init in {directory}"
    return TerraformError(f"{headline}:\n{told}" if told else f"{headline} and said nothing", hint=hint)


def _unreadable_state(directory: Path, errors: Sequence[Diagnostic]) -> TerraformError | None:
    """The error for a state that is there and cannot be used. Some backends report it as a failed lock."""
    told = " ".join(" ".join(f"{found.summary} {found.detail}".split()) for found in errors)
    if newer := _NEWER_FORMAT.search(told):
        return TerraformError(
            f"The Terraform state of {directory} was written by {newer[2]}, in a format that {newer[1]} does "
            "not know; nothing was changed",
            hint=f"use {newer[2]} or newer here as well",
        )
    if newer := _NEWER_PROVIDER.search(told):
        return TerraformError(
            f"The Terraform state of {directory} was written with a newer google provider: {newer[1]} cannot "
            "be read; nothing was changed",
            hint="remove .terraform.lock.hcl there, so that the newest allowed provider is taken, or upgrade "
            "tidegate if its range ends before that",
        )
    if _DAMAGED in told:
        return TerraformError(
            f"The Terraform state of {directory} is damaged: it is no JSON; nothing was changed",
            hint="put an earlier version in its place (terraform.tfstate.backup beside it, or the bucket's "
            "previous version of the object); without one, move it away: the next deployment takes over "
            "what exists",
        )
    return None


def _locked(command: str, directory: Path, lock: Lock, errors: Sequence[Diagnostic]) -> TerraformError:
    if not lock.id and not lock.who:
        reason = next((found.detail for found in errors if found.summary.lower() == _LOCKED), "")
        return TerraformError(
            f"terraform {command} in {directory} cannot lock the state: {' '.join(reason.split())[:400]}",
            hint="check that the state's backend can be reached and that you may write there",
        )
    who = lock.who or "somebody else"
    since = f" since {lock.created}" if lock.created else ""
    doing = f" for {lock.operation}" if lock.operation else ""
    return TerraformError(
        f"The Terraform state of {directory} is locked by {who}{since}{doing}",
        hint=f"wait until that has ended; only if it has certainly died: terraform force-unlock {lock.id}",
    )


def _seconds_only(created: str) -> str:
    return re.sub(r"\.\d+ \+0000 UTC$", " UTC", created)
