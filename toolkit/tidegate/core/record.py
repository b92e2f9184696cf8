"""The rollout's own record: `State` ↔ the annotations on the service.

`tidegate/rollout` holds the present rollout (or the last one), `tidegate/history` the last ten ended ones,
newest first. `tidegate/request` is what somebody asks of the process that works on the rollout. All are
compact JSON; unknown keys of a newer version are kept out of the way, not trusted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from tidegate.core.rollout import Moved, Phase, Settings, State, shortened

ROLLOUT = "tidegate/rollout"
HISTORY = "tidegate/history"
REQUEST = "tidegate/request"
VERSION = 1
KEPT = 10
_REASON = 600
"""Characters kept of a reason: all annotations of a service together are limited."""


@dataclass(frozen=True)
class Record:
    """A rollout as found on the service. `lease` is when its owner counts as dead, epoch seconds.

    `terms` are what it is judged by and how it is measured, for whoever goes on with it from elsewhere.
    `gone` is not written: the process that worked on it has certainly ended, whatever its lease says.
    """

    state: State
    updated: float
    lease: float
    terms: Mapping[str, Any] = field(default_factory=dict)
    gone: bool = False

    def lives_at(self, now: float) -> bool:
        """Whether somebody works on it, as far as is known."""
        return not (self.state.final or self.gone) and now < self.lease

    def held_at(self, now: float) -> bool:
        """Whether somebody works on it, or a person must first say what becomes of it."""
        return self.lives_at(now) or self.traffic_at_risk or self.state.phase is Phase.PAUSED

    @property
    def traffic_at_risk(self) -> bool:
        """Whether the candidate has traffic that no verdict has allowed it to keep."""
        return not self.state.final and bool(self.state.candidate) and self.state.percent > 0


@dataclass(frozen=True)
class Unreadable:
    """There is a record, but this version of tidegate cannot read it."""

    reason: str


def encode(state: State, *, now: float, lease: float, terms: Mapping[str, Any] | None = None) -> str:
    """The annotation's text. Deterministic."""
    fields = asdict(as_read(state))
    head = {"v": VERSION, "updated": round(now, 3), "lease": round(lease, 3), "terms": dict(terms or {})}
    return _compact(head | fields)


def as_read(state: State) -> State:
    """The state as it comes back from the record: a long reason is cut, and says so."""
    return replace(state, reason=shortened(state.reason, _REASON))


def decode(text: str) -> Record | Unreadable:
    """Never raises: somebody may have written anything there."""
    try:
        fields = json.loads(text)
        if fields["v"] != VERSION:
            return Unreadable(f"it was written by another version of tidegate (format {fields['v']!r})")
        terms = fields.get("terms", {})
        if not isinstance(terms, dict):
            raise TypeError("terms is not a mapping")
        return Record(_state(fields), float(fields["updated"]), float(fields["lease"]), terms)
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
    code, following = fields["exit_code"], fields.get("next")
    return State(
        id=text("id"),
        owner=text("owner"),
        holder=str(fields.get("holder", "")),
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
        next=None if following is None else int(following),
        forced=bool(fields.get("forced", False)),
        # A record from before it was a fact of its own says it in the reason alone.
        aborted=bool(fields.get("aborted", text("reason").startswith("aborted by "))),
        hooked=tuple(Phase(ending) for ending in fields.get("hooked", ())),
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
            pauses=tuple(int(p) for p in settings.get("pauses", ())),
            on_cancel=settings.get("on_cancel", "rollback"),
        ),
    )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


# ------------------------------------------------------------------------------------------- requests

Wish = Literal["pause", "abort", "promote"]
_WISHES: tuple[Wish, ...] = get_args(Wish)


@dataclass(frozen=True)
class Request:
    """What somebody asks of the process that works on rollout `rollout`."""

    wish: Wish
    rollout: str
    by: str
    at: float


def ask(request: Request) -> str:
    """The annotation's text."""
    return _compact(asdict(request))


def asked(annotations: Mapping[str, str], rollout: str) -> Request | None:
    """What is asked of this rollout; what is damaged, or meant for another one, is nothing."""
    try:
        found = Request(**json.loads(annotations.get(REQUEST, "null")))
    except (ValueError, TypeError, RecursionError):
        return None
    return found if found.wish in _WISHES and found.rollout == rollout else None


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
        shortened(state.reason, _REASON // 3),
    )  # fmt: skip
    rest = [past for past in history(annotations) if past.id != state.id]
    return _compact([asdict(past) for past in (latest, *rest)[:KEPT]])


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
