"""Reading a long history: in pieces as large as the other side takes, and never silently less than all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import pytest

from tidegate.core.alerting import Rule
from tidegate.core.alerting.backtest import Coverage, Outcome
from tidegate.core.alerting.firing import IndexArray, Labels
from tidegate.core.errors import Denied, Rejected, RemoteError, Unreachable
from tidegate.core.samples import NoData, Window
from tidegate.flows.backtest import LEAST, MOST, Past, backtest

T = TypeVar("T")
BEGIN = 1_790_000_040.0
DAY = 86_400.0
R1: Labels = (("revision_name", "r1"),)


def in_turn(works: Sequence[Callable[[], T]]) -> Iterator[tuple[int, T]]:
    yield from enumerate(work() for work in works)


@dataclass
class History:
    """Holds from `opened` to `closed` in the eyes of every rule; metrics have data since `born`.

    `refuse` gets start, step and count of each question about a rule, and may raise.
    """

    opened: float = BEGIN + DAY
    closed: float = BEGIN + DAY + 3600
    born: float = 0.0
    refuse: Callable[[float, float, int], None] = lambda *_: None
    alive: Callable[[], None] = lambda: None
    asked: list[tuple[str, float, int]] = field(default_factory=list)

    def held(
        self, project: str, query: str, start: float, step: float, count: int
    ) -> Mapping[Labels, IndexArray]:
        assert count <= MOST
        self.asked.append((query, start, count))
        times = start + step * np.arange(count)
        if query == "vector(1)":
            self.alive()
            return {(): np.arange(count)}
        if query.startswith("count("):
            found = np.flatnonzero(times > self.born)
            return {(): found} if found.size else {}
        self.refuse(start, step, count)
        found = np.flatnonzero((times >= self.opened) & (times < self.closed))
        return {R1: found} if found.size else {}


def rule(kind: str = "fd_growth", hold: int = 600, query: str = 'a{x="1"} > 0') -> Rule:
    return Rule(kind, kind, "", "", "WARNING", query, hold, 0, "")


def past(history: History, days: float = 30, step: float = 60.0) -> Past:
    return Past(history, "p1", Window(BEGIN, BEGIN + days * DAY), step, in_turn)


def rejects(more_than: int) -> Callable[[float, float, int], None]:
    def refuse(_start: float, _step: float, count: int) -> None:
        if count > more_than:
            raise Rejected("too many samples")

    return refuse


@pytest.mark.parametrize("most", [MOST, 5000, 700, LEAST])
def test_the_same_is_found_whatever_a_piece_may_have(most: int) -> None:
    history = History(refuse=rejects(most))
    [found] = backtest([rule()], past(history))
    [episode] = found.episodes
    assert (episode.opened, episode.closed) == (BEGIN + DAY + 600, BEGIN + DAY + 3600)
    assert episode.labels == R1
    assert found.held.unread == ()


def test_as_few_questions_are_asked_as_the_other_side_allows() -> None:
    history = History()
    backtest([rule()], past(history))
    assert sum(query.startswith("a{") for query, _, _ in history.asked) == 5  # 43,200 evaluations
    small = History(refuse=rejects(5000))
    backtest([rule()], past(small))
    assert sum(query.startswith("a{") for query, _, _ in small.asked) < 20


def test_a_stretch_that_nobody_can_read_is_told_and_the_rest_is_read() -> None:
    def refuse(start: float, step: float, count: int) -> None:
        if start <= BEGIN + 10 * DAY <= start + step * count:
            raise Unreachable("timed out")

    [found] = backtest([rule()], past(History(refuse=refuse)))
    assert len(found.episodes) == 1
    [gap] = found.held.unread
    assert gap.reason == "timed out"
    assert gap.last - gap.first + 1 <= LEAST
    assert found.grid.at(gap.first) <= BEGIN + 10 * DAY <= found.grid.at(gap.last) + 60


def test_what_is_given_up_is_the_oldest() -> None:
    def refuse(start: float, step: float, count: int) -> None:
        if start < BEGIN + 20 * DAY:
            raise Unreachable("timed out")

    history = History(opened=BEGIN + 25 * DAY, closed=BEGIN + 26 * DAY, refuse=refuse)
    [found] = backtest([rule()], past(history))
    assert len(found.episodes) == 1
    [gap] = found.held.unread
    assert gap.first == 0
    assert abs(found.grid.at(gap.last) - (BEGIN + 20 * DAY)) <= 60 * LEAST
    assert len(history.asked) < 100


def test_a_rule_that_cannot_be_evaluated_is_not_one_that_never_fires() -> None:
    def refuse(start: float, step: float, count: int) -> None:
        raise Rejected("duplicate series")

    history = History(refuse=refuse)
    [found] = backtest([rule()], past(history))
    assert found.outcome is Outcome.UNREAD
    assert found.held.unread_count == found.grid.count
    assert len(history.asked) < 30


def test_the_other_rules_are_evaluated_all_the_same() -> None:
    class Picky(History):
        def held(self, project: str, query: str, *rest: object) -> Mapping[Labels, IndexArray]:
            if query.startswith("bad"):
                raise Rejected("parse error")
            return super().held(project, query, *rest)  # type: ignore[arg-type]  # as they came

    bad = rule("restarts", query='bad{x="1"}')
    found = backtest([bad, rule()], past(Picky()))
    assert [one.outcome for one in found] == [Outcome.UNREAD, Outcome.FIRED]


@pytest.mark.parametrize("error", [Unreachable("no answer"), Denied("no"), Rejected("an HTML page")])
def test_where_nothing_answers_that_is_the_error(error: RemoteError) -> None:
    def gone() -> None:
        raise error

    with pytest.raises(type(error)):
        backtest([rule()], past(History(alive=gone)))


def test_a_server_that_goes_away_meanwhile_ends_it() -> None:
    calls: list[int] = []

    def alive() -> None:
        calls.append(1)
        if len(calls) > 1:
            raise Unreachable("connection refused")

    def refuse(start: float, step: float, count: int) -> None:
        raise Unreachable("connection refused")

    with pytest.raises(Unreachable, match="connection refused"):
        backtest([rule()], past(History(refuse=refuse, alive=alive)))


def test_what_is_refused_for_lack_of_rights_is_not_tried_in_smaller_pieces() -> None:
    def refuse(start: float, step: float, count: int) -> None:
        raise Denied("permission denied")

    with pytest.raises(Denied):
        backtest([rule()], past(History(refuse=refuse)))


def test_data_is_found_since_when_there_is_any() -> None:
    [found] = backtest([rule()], past(History(born=BEGIN + 10 * DAY)))
    data = found.judged
    assert isinstance(data, Coverage)
    assert data.began
    assert abs(data.first - (BEGIN + 10 * DAY)) <= 3600
    [found] = backtest([rule()], past(History(born=BEGIN + 40 * DAY, opened=BEGIN + 40 * DAY)))
    assert isinstance(found.judged, NoData)
    assert found.outcome is Outcome.NO_DATA


def test_the_youngest_minutes_of_a_new_service_are_data() -> None:
    history = History(born=BEGIN + 30 * DAY - 120, opened=BEGIN + 40 * DAY)
    [found] = backtest([rule()], past(history))
    assert found.outcome is Outcome.QUIET


def test_what_opens_with_the_window_is_seen_for_the_lead_is_read() -> None:
    history = History(opened=BEGIN - 5 * 60, closed=BEGIN + 3600)
    [found] = backtest([rule()], past(history, days=1))
    [episode] = found.episodes
    assert episode.opened == BEGIN + 5 * 60
    earlier = History(opened=BEGIN - DAY, closed=BEGIN + 3600)
    [found] = backtest([rule()], past(earlier, days=1))
    [episode] = found.episodes
    assert (episode.opened, episode.since) == (None, BEGIN + 60)


def test_how_far_it_is_is_told() -> None:
    said: list[str] = []
    one = past(History(), days=1)
    backtest([rule(), rule("restarts")], Past(one.history, "p1", one.window, 60.0, in_turn, said.append))
    assert said[-1] == "2 of 2 rules evaluated, restarts"
