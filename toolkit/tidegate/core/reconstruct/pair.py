"""Which revision took over from which."""

from __future__ import annotations

from tidegate.core.errors import UsageError
from tidegate.core.reconstruct.shares import Shares, describe
from tidegate.core.reconstruct.steps import steps
from tidegate.core.trace import Step

_HINT = "name them with --stable and --candidate, or choose the time with --from and --to"


def pair(shares: Shares, stable: str | None = None, candidate: str | None = None) -> tuple[str, str]:
    """Stable and candidate; what is given is taken, the rest worked out.

    The candidate is the one revision that had no traffic at first and got some; the stable one had it before.
    Raises UsageError, with every revision and its share, where there is none or more than one.
    """
    if not shares.requests:
        raise UsageError(
            "no requests were counted in that time", hint="choose another time, or look at the names"
        )
    moves = {revision: steps(shares, revision) for revision in shares.requests}
    chosen = candidate or _newcomer(shares, moves)
    if not moves.get(chosen):
        raise _unclear(shares, f"{chosen} had next to no requests in that time")
    if stable is None:
        stable = _before(shares, moves, chosen)
    began = moves[chosen][0].time
    third = [r for r, found in moves.items() if r not in (stable, chosen) and _highest(found, began) > 0]
    if third:
        raise _unclear(shares, f"{', '.join(sorted(third))} had traffic too while {chosen} took over")
    return stable, chosen


def _newcomer(shares: Shares, moves: dict[str, tuple[Step, ...]]) -> str:
    begin = float(shares.ends[0]) - shares.period / 2
    new = sorted(r for r, found in moves.items() if found and found[0].time > begin)
    if not new:
        raise _unclear(shares, "no revision got its first traffic in that time")
    if len(new) > 1:
        raise _unclear(shares, f"{len(new)} revisions got their first traffic in that time: {', '.join(new)}")
    return new[0]


def _before(shares: Shares, moves: dict[str, tuple[Step, ...]], candidate: str) -> str:
    began = moves[candidate][0].time
    had = {
        r: percent
        for r, found in moves.items()
        if (percent := _percent_before(found, began)) and r != candidate
    }
    if len(had) == 1:
        return next(iter(had))
    if not had:
        raise _unclear(
            shares,
            f"no revision had traffic before {candidate}",
            "--stable '' says that it was the first deployment",
        )
    raise _unclear(shares, f"{' and '.join(sorted(had))} had traffic before {candidate}")


def _percent_before(found: tuple[Step, ...], time: float) -> int:
    earlier = [step.percent for step in found if step.time < time]
    return earlier[-1] if earlier else 0


def _highest(found: tuple[Step, ...], since: float) -> int:
    """The largest percent at or after `since`."""
    return max((s.percent for s in found if s.time >= since), default=0) or _percent_before(found, since)


def _unclear(shares: Shares, what: str, hint: str = _HINT) -> UsageError:
    return UsageError(f"{what}; seen: {describe(shares)}", hint=hint)
