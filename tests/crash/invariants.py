"""What must hold of a point, by the local Cloud Run's own journal of writes and by how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core import record
from tidegate.core.rollout import ENDED, Phase, State

_BACK = (Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.RECOVERED, Phase.NOT_RECOVERED)


@dataclass(frozen=True)
class Write:
    """One accepted write: percent by revision (empty: the latest), and the rollout its record tells of."""

    time: float
    split: tuple[tuple[str, int], ...]
    state: State | None

    def share(self, revision: str) -> int:
        return sum(percent for name, percent in self.split if name == revision)

    def __str__(self) -> str:
        told = f"{self.state.phase} {self.state.percent} %" if self.state else "no record"
        return f"{dict(self.split)} with {told}"


def writes_of(journal: Mapping[str, Any]) -> list[Write]:
    return [_write(one) for one in journal["writes"]]


def _write(entry: Mapping[str, Any]) -> Write:
    found = record.find(entry["annotations"])
    split = tuple((t["revision"], t["percent"]) for t in entry["traffic"] if t["percent"])
    return Write(entry["time"], split, found.state if isinstance(found, record.Record) else None)


def broken_on_the_way(writes: Sequence[Write], failed: float | None) -> Iterator[str]:
    """`failed` is when the first verdict against the candidate fell, epoch seconds."""
    for write in writes:
        if write.state is None:
            continue
        if sum(percent for _, percent in write.split) != 100 or any(not name for name, _ in write.split):
            yield f"not a whole split over names: {write}"
        if write.state.candidate and write.share(write.state.candidate) > write.state.percent:
            yield f"more traffic than the record says: {write}"
    yield from _rises(writes, failed)


def _rises(writes: Sequence[Write], failed: float | None) -> Iterator[str]:
    """Traffic given to a candidate after something was decided against it."""
    against: set[tuple[str, str]] = set()
    before: Write | None = None
    for write in writes:
        if write.state is None or not write.state.candidate:
            continue
        key = (write.state.id, write.state.candidate)
        rose = before is not None and write.share(key[1]) > before.share(key[1])
        if rose and (key in against or (failed is not None and write.time > failed)):
            yield f"rises after a failing verdict: {before}, then {write}"
        if write.state.phase in _BACK:
            against.add(key)
        before = write


def broken_at_the_end(
    ended: Mapping[str, Any] | None, again: Mapping[str, Any] | None, good: Sequence[str], *, exists: bool
) -> Iterator[str]:
    """`ended` and `again`: the service after the rollout was taken up, and after that was repeated.

    `exists`: whether there was a service before the rollout.
    """
    if ended is None:
        if exists:
            yield "the service is gone"
        return
    if again != ended:
        yield f"the second time changed something: {ended}, then {again}"
    if not ended["settled"] or ended["serving"] != ended["traffic"] or len(ended["serving"]) != 1:
        yield f"not at rest on one revision: {ended['traffic']} asked for, {ended['serving']} served"
    if not {image.rpartition("/")[2] for image in ended["images"].values()} <= set(good):
        yield f"serves {ended['images']}, which is not known to be good"
    if ended["record"]:
        yield from _untrue(ended)


def _untrue(ended: Mapping[str, Any]) -> Iterator[str]:
    found = record.decode(ended["record"])
    if not isinstance(found, record.Record):
        yield f"the record cannot be read: {found.reason}"
        return
    state = found.state
    # A first deployment has nothing to go back to: what would be a rollback waits for a person.
    ends = {*ENDED, Phase.ROLLED_BACK, *([Phase.HELD] if state.first else [])}
    if not state.final or state.phase not in ends:
        yield f"no end: {state.phase} with exit code {state.exit_code}: {state.reason}"
    if dict(state.split) != ended["serving"]:
        yield f"the record says {dict(state.split)}, served is {ended['serving']}"
