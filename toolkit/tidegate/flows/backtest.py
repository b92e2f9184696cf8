"""`tidegate alerts backtest`: what the alerts would have said in the past."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tidegate.core.alerting import Rule
from tidegate.core.alerting.backtest import Backtest, Data, concluded, covered, presence
from tidegate.core.alerting.firing import Evaluations, Held, IndexArray, Labels, Unread, evaluations
from tidegate.core.alerting.needs import reach
from tidegate.core.alerting.pieces import joined
from tidegate.core.errors import Rejected, Unreachable
from tidegate.core.samples import Window
from tidegate.ports import History

T = TypeVar("T")
MOST, LEAST = 10_000, 60
"""Evaluations asked for at a time, and below which no smaller piece is tried."""
_GIVEN_UP_AT_ONCE, _GIVEN_UP = 3, 24
"""Smallest pieces in a row that could not be read, after which the rest is not tried: before anything could
be read, and after that."""
_WELL = 4
"""Pieces in a row that were read, after which they may be larger again."""
_LONG = 86_400.0
_HOUR, _FIVE_MINUTES = 3600.0, 300.0


class SideBySide(Protocol):
    def __call__(self, works: Sequence[Callable[[], T]]) -> Iterator[tuple[int, T]]:
        """Each result with the number of its work, as they come."""


@dataclass(frozen=True)
class Past:
    """Whose history it is, and how it is read. `say` is told how far it is, in a few words."""

    history: History
    project: str
    window: Window
    step: float
    side_by_side: SideBySide
    say: Callable[[str], None] = lambda _: None


def backtest(rules: Sequence[Rule], past: Past) -> tuple[Backtest, ...]:
    """Every rule over the whole window. What could not be read is in `held.unread` of its result.

    Raises RemoteError where nothing can be asked at all, ValueError for a window without an evaluation.
    """
    grids = [evaluations(past.window.start, past.window.end, past.step, r.for_seconds) for r in rules]
    _answers(past)
    data = _data(rules, past)
    works = [_work(rule.query, grid, past) for rule, grid in zip(rules, grids, strict=True)]
    found: dict[int, Held] = {}
    for number, held in past.side_by_side(works):
        found[number] = held
        past.say(f"{len(found)} of {len(rules)} rules evaluated, {rules[number].kind}")
    return tuple(
        concluded(rule, grid, found[number], data)
        for number, (rule, grid) in enumerate(zip(rules, grids, strict=True))
    )


def _answers(past: Past) -> None:
    """Raises RemoteError unless something that speaks PromQL is there, and lets us ask."""
    past.history.held(past.project, "vector(1)", past.window.end, past.step, 1)


def _data(rules: Sequence[Rule], past: Past) -> dict[str, Data]:
    """When each metric of the rules had data, from as far back as any of them looks."""
    span = _HOUR if past.window.seconds >= _LONG else _FIVE_MINUTES
    lead, count = math.ceil(max(reach(r.query) for r in rules) / span), math.ceil(past.window.seconds / span)
    # Counted back from the end: the youngest data is in a whole span, however young the service.
    grid = Evaluations(past.window.end - (lead + count - 1) * span, span, lead + count, lead)
    queries = presence(rules, span)
    works = [_work(query, grid, past) for query in queries.values()]
    names = tuple(queries)
    found: dict[str, Data] = {}
    for number, held in past.side_by_side(works):
        found[names[number]] = covered(held, grid, names[number])
        past.say(f"looked for the data of {len(found)} of {len(names)} metrics, {names[number]}")
    return found


def _work(query: str, grid: Evaluations, past: Past) -> Callable[[], Held]:
    def work() -> Held:
        held = read(
            lambda first, count: past.history.held(past.project, query, grid.at(first), grid.step, count),
            grid.count,
        )
        if held.unread_count == grid.count:
            _answers(past)  # one rule that cannot be evaluated is told; a server that has gone ends it all
        return held

    return work


def read(ask: Callable[[int, int], Mapping[Labels, IndexArray]], count: int) -> Held:
    """`count` evaluations in as few pieces as the other side takes. `ask` gets the first and how many.

    A piece that is refused or not answered is halved, down to LEAST; those after it are as small, and grow
    again after a while. The youngest is read first: what is lost by giving up is the oldest.
    """
    pieces: list[tuple[int, Mapping[Labels, IndexArray]]] = []
    unread: list[Unread] = []
    end, size, well, failed = count, MOST, 0, 0
    while end > 0:
        asked = min(size, end)
        try:
            pieces.append((end - asked, ask(end - asked, asked)))
        except (Rejected, Unreachable) as error:
            well = 0
            if asked > LEAST:
                size = max(LEAST, -(-asked // 2))
                continue
            failed += 1
            if failed >= (_GIVEN_UP if pieces else _GIVEN_UP_AT_ONCE):
                asked = end
            unread.append(Unread(end - asked, end - 1, error.message))
        else:
            failed, well = 0, well + 1
            if well % _WELL == 0:
                size = min(MOST, 2 * size)
        end -= asked
    return joined(pieces, unread)
