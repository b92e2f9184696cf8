"""Several processes on one simulated clock, exactly one of them running at a time.

Each runs in a thread of its own and hands over whenever time passes for it. What is due next goes on: a
process, or something that happens by itself. Which comes first is a matter of the times alone, so the same
arguments give the same run.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import traceback
from collections.abc import Callable


class Halt(BaseException):
    """Unwinds what still runs when a run has failed."""


class Killed(BaseException):
    """A process that dies here: nothing it would still have done happens."""


class Stage:
    """The clock, and who is due when. Times are epoch seconds."""

    def __init__(self, start: float, *, end: float, most: int = 40_000) -> None:
        self.time = start
        self.failure = ""
        self._end = end
        self._left = most
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], object] | Actor]] = []
        self._alive = 0
        self._over = threading.Semaphore(0)

    # ------------------------------------------------------------------------- what `FakeCloudRun` needs

    def now(self) -> float:
        return self.time

    def at(self, time: float, happens: Callable[[], object]) -> None:
        heapq.heappush(self._due, (max(time, self.time), next(self._order), happens))

    # ------------------------------------------------------------------------- running

    def enter(self, name: str, at: float, body: Callable[[], None]) -> Actor:
        """A process that begins at `at`. It ends with its body, or where that is killed."""
        actor = Actor(name, body, self)
        self._alive += 1
        heapq.heappush(self._due, (at, next(self._order), actor))
        return actor

    def run(self) -> None:
        """Until every process has ended and nothing is due any more. Raises AssertionError for a failure."""
        while self._due:
            self._pass_on()
            self._over.acquire()
            if self.failure:
                raise AssertionError(self.failure)

    def fail(self, why: str) -> None:
        """What must not be is so: the run ends here."""
        self.failure = self.failure or why
        raise Halt

    def wait(self, actor: Actor, seconds: float) -> None:
        """Time passes for `actor`, and whatever else is due goes on."""
        mine = (self.time + seconds, next(self._order), actor)
        heapq.heappush(self._due, mine)
        following = self._next()
        if following is not actor:
            following.go()
            actor.hold()
        if self.failure:
            raise Halt

    def _next(self) -> Actor:
        """Whose turn it is; what is due before it has happened then."""
        while True:
            self._left -= 1
            time, _, due = heapq.heappop(self._due)
            self.time = max(self.time, time)
            if isinstance(due, Actor):
                if not self.failure and (self.time > self._end or self._left < 0):
                    self.failure = f"{due.name} does not come to an end"
                return due
            try:
                due()
            except Halt:
                pass
            except Exception:  # noqa: BLE001 - told at the end
                self.failure = self.failure or traceback.format_exc()

    def _pass_on(self) -> None:
        """The next process goes on; none is left: the run is over."""
        if self._alive:
            self._next().go()
            return
        while self._due:
            time, _, due = heapq.heappop(self._due)
            self.time = max(self.time, time)
            assert not isinstance(due, Actor)
            try:
                due()
            except Halt:
                break
        self._over.release()

    def _ended(self) -> None:
        self._alive -= 1
        self._pass_on()


class Actor:
    """One process."""

    def __init__(self, name: str, body: Callable[[], None], stage: Stage) -> None:
        self.name = name
        self.alive = True
        self._body = body
        self._stage = stage
        self._baton = threading.Lock()
        self._baton.acquire()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def go(self) -> None:
        self._baton.release()

    def hold(self) -> None:
        self._baton.acquire()

    def _run(self) -> None:
        self.hold()
        try:
            if not self._stage.failure:
                self._body()
        except (Halt, Killed):
            pass
        except BaseException:  # noqa: BLE001 - told at the end
            self._stage.failure = self._stage.failure or f"{self.name}: {traceback.format_exc()}"
        self.alive = False
        self._stage._ended()
