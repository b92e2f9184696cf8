"""How gauges move with the age of an instance: pools that fill, sawtooths, leaks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.detection.noise import FloatArray

Filling = Callable[[np.random.Generator], Callable[[FloatArray], FloatArray]]
"""Draws how a pool fills: age in seconds to the part that is filled. Every one is bounded by 1."""


def exponential(rng: np.random.Generator) -> Callable[[FloatArray], FloatArray]:
    tau = 60.0 * np.exp(rng.uniform(np.log(0.3), np.log(6.0)))
    return lambda age: 1.0 - np.exp(-age / tau)


def hyperbolic(rng: np.random.Generator) -> Callable[[FloatArray], FloatArray]:
    half = 60.0 * rng.uniform(0.3, 3.0)
    return lambda age: age / (age + half)


def stepwise(rng: np.random.Generator) -> Callable[[FloatArray], FloatArray]:
    """Three to eight steps of unequal height within 10 minutes, closer together at first."""
    count = int(rng.integers(3, 9))
    at = np.sort(rng.uniform(0, 1, count) ** 2) * rng.uniform(120, 600)
    height = rng.dirichlet(np.full(count, 2.0))
    level = np.concatenate([[0.0], np.cumsum(height)])
    return lambda age: level[np.searchsorted(at, age, side="right")]


def linear_then_flat(rng: np.random.Generator) -> Callable[[FloatArray], FloatArray]:
    full = rng.uniform(60, 300)
    return lambda age: np.clip(age / full, 0.0, 1.0)


def sawtooth(rng: np.random.Generator, t: FloatArray, phase: FloatArray, period: float) -> FloatArray:
    """0 to 1 and down at once, every `period` seconds more or less, for each phase (0 to 1): (len, T)."""
    # The length of a tooth varies a little, so that the teeth of two instances drift apart.
    wobble = 1.0 + 0.1 * rng.standard_normal(phase.shape)
    return np.mod(t[None, :] / (period * wobble[:, None]) + phase[:, None], 1.0)


def in_bursts(rng: np.random.Generator, due: FloatArray, times: FloatArray) -> FloatArray:
    """What is due, but only at moments 2 to 5 minutes apart."""
    every = rng.uniform(120, 300)
    held = np.floor((times - times[0]) / every + rng.random())
    first = np.concatenate([[True], np.diff(held) > 0])
    last = np.maximum.accumulate(np.where(first, np.arange(times.size), 0))
    return due[:, last]
