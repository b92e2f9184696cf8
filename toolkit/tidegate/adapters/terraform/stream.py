"""What Terraform says: `-json` lines to Progress and Diagnostic values, with secrets masked."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tidegate.ports import Diagnostic, OnProgress, Progress

LINE_LIMIT = 4 * 1024 * 1024
"""Bytes; what a single line has beyond this is dropped (an output value can be as long as it likes)."""
KEPT_LINES = 200
KEPT_CHARACTERS = 2000
MASK = "(sensitive value)"
SHORTEST_SECRET = 4
"""Characters; masking anything shorter would only garble the text."""

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = re.compile(r"^[│╷╵|]\s?")
_HEADLINE = re.compile(r"^(Error|Warning): (.+)$")
_PLACE = re.compile(r"^\s+on (.+) line (\d+)(?:, in .*)?:$")
_RESOURCE = re.compile(r"^\s+with (.+),$")
_BLOCK = re.compile(r'^resource "([^"]+)" "([^"]+)"$')
_STAGES = ("apply", "refresh", "ephemeral_op")


class Masker:
    """Replaces known secret values wherever they appear in a text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        wanted = {part for secret in secrets for part in (secret, *secret.splitlines())}
        # Longest first, so that a secret containing another one goes as a whole.
        known = sorted(
            (part for part in wanted if len(part.strip()) >= SHORTEST_SECRET), key=len, reverse=True
        )
        self._pattern = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(MASK, text)


class Lines:
    """Bytes in any portions to complete lines, with bounded memory."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> None:
        *complete, rest = chunk.split(b"\n")
        for part in complete:
            self._add(part)
            self.close()
        self._add(rest)

    def close(self) -> None:
        """The line so far is complete: also called at the end, where the last newline may be missing."""
        line, self._rest = bytes(self._rest), bytearray()
        if line.strip():
            self._on_line(line.decode(errors="replace"))

    def _add(self, part: bytes) -> None:
        self._rest += part[: max(0, LINE_LIMIT - len(self._rest))]


class EventStream:
    """Takes the lines of one command run with `-json`; tells `on_progress` and remembers what went wrong."""

    def __init__(self, on_progress: OnProgress | None, mask: Masker, *, tell_plan: bool = True) -> None:
        self._on_progress = on_progress
        self._tell_plan = tell_plan
        self._mask = mask
        self.diagnostics: list[Diagnostic] = []
        self.other: deque[str] = deque(maxlen=KEPT_LINES)
        """The last lines that were not events, for the error text."""

    def line(self, text: str) -> None:
        event = _event(text)
        if event is None:
            self.other.append(self._mask(text[:KEPT_CHARACTERS].rstrip()))
            return
        if event.get("type") == "diagnostic":
            diagnostic = self._masked(diagnostic_of(event.get("diagnostic", {})))
            if diagnostic in self.diagnostics:
                return
            self.diagnostics.append(diagnostic)
        if self._on_progress is not None:
            for progress in progress_of(event, self._mask):
                # An apply repeats the plan that it was given.
                if progress.kind != "plan" or self._tell_plan:
                    self._on_progress(progress)

    def notice(self, text: str) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress("diagnostic", action="warning", message=text))

    def _masked(self, found: Diagnostic) -> Diagnostic:
        return masked(found, self._mask)


def masked(found: Diagnostic, mask: Masker) -> Diagnostic:
    return Diagnostic(
        found.severity, mask(found.summary), mask(found.detail), found.path, found.line, found.address
    )


def _event(text: str) -> Mapping[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) and "type" in value else None


def progress_of(event: Mapping[str, Any], mask: Masker) -> Iterator[Progress]:
    """The progress values of one event: none for what is of no interest. Never the value of anything."""
    kind = str(event["type"])
    hook = _mapping(event.get("hook"))
    change = _mapping(event.get("change"))
    address = str(_mapping(hook.get("resource") or change.get("resource")).get("addr", ""))
    action = str(hook.get("action") or change.get("action") or "")
    seconds = _number(hook.get("elapsed_seconds"))
    stage, _, moment = kind.rpartition("_")
    if kind == "planned_change":
        yield Progress("plan", address, action, str(change.get("reason", "")).replace("_", " "))
    elif kind == "resource_drift":
        yield Progress("plan", address, "drift", f"changed outside Terraform ({action})")
    elif stage in _STAGES:
        action = action or ("refresh" if stage == "refresh" else stage)
        told = {"start": "start", "progress": "progress", "complete": "done", "errored": "failed"}.get(moment)
        if told is not None:
            yield Progress(told, address, action, "", seconds)
    elif kind == "provision_progress":
        yield Progress("progress", address, "provision", mask(str(hook.get("output", "")))[:KEPT_CHARACTERS])
    elif kind == "diagnostic":
        found = masked(diagnostic_of(event.get("diagnostic", {})), mask)
        yield Progress("diagnostic", found.address, found.severity, text_of(found))
    elif kind == "change_summary":
        yield Progress(
            "summary",
            action=str(_mapping(event.get("changes")).get("operation", "")),
            message=mask(str(event.get("@message", ""))),
        )


def diagnostic_of(raw: object) -> Diagnostic:
    """One diagnostic of Terraform's JSON, in an event or in `validate -json`."""
    fields = _mapping(raw)
    place = _mapping(fields.get("range"))
    return Diagnostic(
        severity=str(fields.get("severity", "error")),
        summary=str(fields.get("summary", "")),
        detail=str(fields.get("detail", "")),
        path=str(place.get("filename", "")),
        line=int(_number(_mapping(place.get("start")).get("line"))),
        address=str(fields.get("address") or _address_in(_mapping(fields.get("snippet")).get("context"))),
    )


def _address_in(context: object) -> str:
    """The resource in whose block the place is, for the diagnostics that give no address of their own."""
    block = _BLOCK.match(str(context or ""))
    return f"{block[1]}.{block[2]}" if block else ""


def diagnostics_in(text: str) -> list[Diagnostic]:
    """The diagnostics in the text that Terraform writes for people, framed and coloured or not."""
    found: list[Diagnostic] = []
    severity, summary, address, path, line = "", "", "", "", 0
    detail: list[str] = []

    def finish() -> None:
        if severity:
            joined = "\n".join(detail).strip()
            found.append(Diagnostic(severity, summary, joined, path, line, address))

    for raw in _COLOUR.sub("", text).splitlines():
        plain = _FRAME.sub("", raw).rstrip()
        if headline := _HEADLINE.match(plain):
            finish()
            severity, summary = headline[1].lower(), headline[2]
            address, path, line, detail = "", "", 0, []
        elif place := _PLACE.match(plain):
            path, line = place[1], int(place[2])
        elif resource := _RESOURCE.match(plain):
            address = resource[1]
        elif not re.match(r"^\s+\d+: ", plain):
            detail.append(plain)
    finish()
    return found


def text_of(found: Diagnostic) -> str:
    """`summary (address, file:line): detail` on as few lines as the detail has."""
    place = f"{found.path}:{found.line}" if found.path and found.line else found.path
    where = ", ".join(part for part in (found.address, place) if part)
    head = f"{found.summary} ({where})" if where else found.summary
    return f"{head}: {found.detail}" if found.detail else head


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
