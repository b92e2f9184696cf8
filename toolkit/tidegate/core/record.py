"""The rollout's own record: `State` ↔ the annotations on the service.

`tidegate/rollout` holds the present rollout (or the last one), `tidegate/history` the last ten ended ones,
newest first. Both are compact JSON; unknown keys of a newer version are kept out of the way, not trusted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from tidegate.core.rollout import Moved, Phase, Settings, State

ROLLOUT = "tidegate/rollout"
HISTORY = "tidegate/history"
VERSION = 1
KEPT = 10
_REASON = 600
"""Characters kept of a reason: all annotations of a service together are limited."""


@dataclass(frozen=True)
class Record:
    """A rollout as found on the service. `lease` is when its owner counts as dead, epoch seconds."""

    state: State
    updated: float
    lease: float

    def held_at(self, now: float) -> bool:
        """Whether somebody still works on it, or died while the candidate had traffic."""
        return not self.state.final and (now < self.lease or self.traffic_at_risk)

    @property
    def traffic_at_risk(self) -> bool:
        """Whether the candidate has traffic that no verdict has allowed it to keep."""
        return not self.state.final and bool(self.state.candidate) and self.state.percent > 0


@dataclass(frozen=True)
class Unreadable:
    """There is a record, but this version of tidegate cannot read it."""

    reason: str


def encode(state: State, *, now: float, lease: float) -> str:
    """The annotation's text. Deterministic."""
    fields = asdict(as_read(state))
    return _compact({"v": VERSION, "updated": round(now, 3), "lease": round(lease, 3)} | fields)


def as_read(state: State) -> State:
    """The state as it comes back from the record: a long reason is cut."""
    return replace(state, reason=state.reason[:_REASON])


def decode(text: str) -> Record | Unreadable:
    """Never raises: somebody may have written anything there."""
    try:
        fields = json.loads(text)
        if fields["v"] != VERSION:
            return Unreadable(f"it was written by another version of tidegate (format {fields['v']!r})")
        return Record(_state(fields), float(fields["updated"]), float(fields["lease"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return Unreadable(f"it is damaged ({type(error).__name__}: {error})")


def find(annotations: Mapping[str, str]) -> Record | Unreadable | None:
    text = annotations.get(ROLLOUT)
    return None if text is None else decode(text)


def _state(fields: Mapping[str, Any]) -> State:
    def text(name: str) -> str:
        if not isinstance(value := fields[name], str):
            raise TypeError(f"{name} is not a text")
        return value

    settings = fields["settings"]
    code = fields["exit_code"]
    return State(
        id=text("id"),
        owner=text("owner"),
        started=float(fields["started"]),
        phase=Phase(fields["phase"]),
        stable=text("stable"),
        candidate=text("candidate"),
        step=int(fields["step"]),
        percent=int(fields["percent"]),
        entered=float(fields["entered"]),
        moves=tuple(Moved(float(m["time"]), int(m["percent"])) for m in fields["moves"]),
        reason=text("reason"),
        decided=_number(fields["decided"]),
        restored=_number(fields["restored"]),
        exit_code=None if code is None else int(code),
        settings=Settings(
            steps=tuple(int(p) for p in settings["steps"]),
            step_duration=float(settings["step_duration"]),
            bake=float(settings["bake"]),
            look_every=float(settings["look_every"]),
            settle=float(settings["settle"]),
            recovery=float(settings["recovery"]),
            on_inconclusive=settings["on_inconclusive"],
            on_pre_existing=settings.get("on_pre_existing", "hold"),
        ),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


# ------------------------------------------------------------------------------------------- history


@dataclass(frozen=True)
class Past:
    """One ended rollout, in short."""

    id: str
    owner: str
    started: float
    ended: float
    phase: Phase
    stable: str
    candidate: str
    reason: str


def history(annotations: Mapping[str, str]) -> tuple[Past, ...]:
    """Newest first. What cannot be read is left out."""
    try:
        rows = json.loads(annotations.get(HISTORY, "[]"))
    except (ValueError, RecursionError):
        return ()
    found = []
    for row in rows if isinstance(rows, list) else []:
        try:
            found.append(Past(**{**row, "phase": Phase(row["phase"])}))
        except (TypeError, ValueError, KeyError):
            continue
    return tuple(found)


def remember(annotations: Mapping[str, str], state: State, *, now: float) -> str:
    """The history annotation with `state` on top; the same rollout is never there twice."""
    latest = Past(
        state.id, state.owner, state.started, round(now, 3), state.phase, state.stable, state.candidate,
        state.reason[: _REASON // 3],
    )  # fmt: skip
    rest = [past for past in history(annotations) if past.id != state.id]
    return _compact([asdict(past) for past in (latest, *rest)[:KEPT]])


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
