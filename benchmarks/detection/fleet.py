"""Which instances are there when: fixed in number, following the load, or restarting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.detection.noise import BoolArray, FloatArray


@dataclass(frozen=True)
class Fleet:
    """Arrays of shape (slots, T). A slot holds one instance at a time."""

    alive: BoolArray
    birth: FloatArray
    """When the process now in the slot began."""
    name: npt.NDArray[np.int64]
    """Number of the instance in the slot: it changes when the platform replaces the instance."""

    @property
    def count(self) -> FloatArray:
        return self.alive.sum(axis=0).astype(float)

    def age(self, times: FloatArray) -> FloatArray:
        return np.maximum(times[None, :] - self.birth, 0.0)


def fixed(times: FloatArray, born: FloatArray) -> Fleet:
    """One instance in each slot from its birth on."""
    birth = np.repeat(born[:, None], times.size, axis=1)
    return Fleet(times[None, :] > birth, birth, np.zeros(birth.shape, dtype=np.int64))


def scaling(
    rng: np.random.Generator, times: FloatArray, needed: FloatArray, idle: int, old: float, most: int = 12
) -> Fleet:
    """As many as `needed`; one that is not is kept for `idle` samples. The first ones were born at `old`."""
    wanted = np.minimum(np.ceil(needed), most)
    padded = np.concatenate([np.zeros(idle), wanted])
    wanted = np.lib.stride_tricks.sliding_window_view(padded, idle + 1).max(axis=1)
    alive = wanted[None, :] > np.arange(max(int(wanted.max()), 1))[:, None]
    period = times[1] - times[0]
    began = alive & ~np.concatenate([np.zeros((alive.shape[0], 1), dtype=bool), alive[:, :-1]], axis=1)
    since = times[None, :] - rng.uniform(0.05, 0.95, alive.shape) * period
    since[:, 0] = old
    index = np.maximum.accumulate(np.where(began, np.arange(times.size), 0), axis=1)
    return Fleet(alive, np.take_along_axis(since, index, axis=1), np.cumsum(began, axis=1))


def restarting(
    rng: np.random.Generator, fleet: Fleet, times: FloatArray, minutes: tuple[float, float], *, same_id: bool
) -> Fleet:
    """Every instance is restarted after so many minutes: replaced, or with `same_id` away for a moment."""
    alive, birth, name = fleet.alive.copy(), fleet.birth.copy(), fleet.name.copy()
    for slot in range(alive.shape[0]):
        first = max(float(birth[slot, 0]), float(times[0]))
        count = int((times[-1] - first) / (60 * minutes[0])) + 2
        lives = 60 * rng.uniform(*minutes, count)
        # The first is somewhere in its life when the trace begins; a young one is at the beginning of it.
        if birth[slot, 0] < times[0]:
            lives[0] *= rng.random()
        at = first + np.cumsum(lives)
        number = np.searchsorted(at, times)
        down = rng.uniform(0, 100, count)
        begun = np.concatenate([[birth[slot, 0]], at + down])[number]
        alive[slot] &= times > begun
        birth[slot] = np.maximum(birth[slot], begun)
        if not same_id:
            name[slot] = name[slot] * 1000 + number
    return Fleet(alive, birth, name)
