"""A deployment in several regions in words, and as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.core.waves.state import Region, Stand, Waves

_WORDS: Mapping[Stand, str] = {
    Stand.WAITING: "not begun",
    Stand.RUNNING: "running",
    Stand.STOPPING: "stopping",
    Stand.RETURNING: "going back",
    Stand.PROMOTED: "promoted",
    Stand.UNCHANGED: "nothing to change",
    Stand.REGRESSED: "rolled back",
    Stand.RETURNED: "sent back",
    Stand.ABORTED: "aborted",
    Stand.PAUSED: "paused",
    Stand.HELD: "held",
    Stand.FAILED: "failed",
    Stand.NEEDS_PERSON: "needs a person",
    Stand.LOST: "ended without a word",
}
_WAYS_OUT: Mapping[Stand, str] = {
    Stand.PAUSED: "`tidegate resume --region {region}` goes on with it",
    Stand.HELD: "`tidegate resume`, `abort` or `rollback` with --region {region} decides",
    Stand.LOST: "`tidegate resume --region {region}` goes on with it, `tidegate abort` takes it back",
    Stand.NEEDS_PERSON: "look at it now: `tidegate status --region {region}`",
}


def headline(waves: Waves) -> str:
    """How it ended, in one sentence: who caused it, and what became of the others."""
    count = len(waves.regions)
    if len(waves.having(Stand.PROMOTED, Stand.UNCHANGED)) == count:
        return f"done in all {count} regions"
    said = []
    if waves.cause:
        verb = "regressed" if waves.regions[waves.cause].stand is Stand.REGRESSED else "is in trouble"
        said.append(f"{waves.cause} {verb}")
        for stand, words in (
            (Stand.RETURNED, "sent back because of it"),
            (Stand.UNCHANGED, "had the revision before and was left alone"),
        ):
            if found := waves.having(stand):
                said.append(f"{', '.join(found)} {words}")
    else:
        stops = [f"{name} {_WORDS[waves.regions[name].stand]}" for name in waves.stopped_by]
        said += [f"stopped: {', '.join(stops)}"] if stops else ["stopped by a signal"] * bool(waves.signal)
        if found := waves.having(Stand.PROMOTED):
            said.append(f"{', '.join(found)} promoted and left so")
    others = [
        f"{name} {_WORDS[waves.regions[name].stand]}"
        for name in waves.having(Stand.REGRESSED, Stand.HELD, Stand.NEEDS_PERSON, Stand.LOST)
        if name != waves.cause and name not in ("" if waves.cause else waves.stopped_by)
    ]
    said += [", ".join(others)] * bool(others)
    if found := waves.having(Stand.WAITING):
        said.append(f"{', '.join(found)} not begun")
    return "; ".join(said)


def lines(waves: Waves) -> list[str]:
    """A line per region in the order of the waves, under it why, where to read more, and what can be done."""
    width = max(map(len, waves.regions))
    shown = []
    for number, wave in enumerate(waves.waves, 1):
        for name in wave:
            region = waves.regions[name]
            shown.append(f"wave {number}  {name:<{width}}  {_WORDS[region.stand]}{_revisions(region)}")
            indent = " " * (width + 10)
            shown += [
                f"{indent}{text}" for text in (region.reason, _report(region), _way_out(waves, name)) if text
            ]
    return shown


def data(waves: Waves) -> dict[str, Any]:
    """For JSON. Under `rollout` and `back` stands what the region's own commands said."""
    return {
        "exit_code": waves.exit_code,
        "sentence": headline(waves),
        "cause": waves.cause or None,
        "waves": [list(wave) for wave in waves.waves],
        "regions": {
            name: {
                "wave": number,
                "stand": str(waves.regions[name].stand),
                "exit_code": waves.regions[name].code,
                "reason": waves.regions[name].reason,
                "rollout": _said(waves.regions[name].outcome),
                "back": _said(waves.regions[name].back),
            }
            for number, wave in enumerate(waves.waves, 1)
            for name in wave
        },
    }


def _said(outcome: Any) -> dict[str, Any] | None:
    return dict(outcome.data) if outcome is not None and outcome.data else None


def _report(region: Region) -> str:
    places = region.outcome.data.get("reports") if region.outcome is not None else None
    return str(next(iter(places.values()), "")) if isinstance(places, Mapping) else ""


def _revisions(region: Region) -> str:
    outcome = region.outcome
    if outcome is None or not outcome.candidate:
        return ""
    if region.stand in (Stand.REGRESSED, Stand.RETURNED) and outcome.stable:
        return f": {outcome.candidate} → {outcome.stable}"
    return f": {outcome.candidate}"


def _way_out(waves: Waves, name: str) -> str:
    region = waves.regions[name]
    if waves.cause and region.stand is Stand.UNCHANGED:
        return f"`tidegate rollback --region {name}` takes it back as well"
    return _WAYS_OUT.get(region.stand, "").format(region=name)
