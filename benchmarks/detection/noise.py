"""What measurements look like besides what they measure: memory, heavy tails, spikes, rounding, holes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Character:
    """How the gauges of one service are disturbed; drawn once per seed and the same for both revisions."""

    phi: float
    """Correlation from one sample to the next."""
    sd: float
    """Standard deviation, in descriptors."""
    heavy: bool
    """Student's t with 3 degrees of freedom instead of the normal distribution."""
    spikes: float
    """Chance per sample that a spike of one to four samples begins."""
    whole: bool
    """Rounded to whole numbers."""
    missing: float
    """Share of samples that never arrive."""

    @staticmethod
    def draw(rng: np.random.Generator, missing: float | None = None) -> Character:
        return Character(
            phi=rng.uniform(0.0, 0.8),
            sd=rng.uniform(1.0, 4.0),
            heavy=rng.random() < 0.2,
            spikes=rng.uniform(0.002, 0.01) if rng.random() < 0.15 else 0.0,
            whole=rng.random() < 0.7,
            missing=missing if missing is not None else rng.uniform(0.0, 0.05) * (rng.random() < 0.3),
        )

    def gauge(self, rng: np.random.Generator, rows: int, n: int, sd: float | None = None) -> FloatArray:
        """Disturbances of `rows` series of `n` samples."""
        sd = self.sd if sd is None else sd
        noise = ar1(rng, rows, n, self.phi, sd, heavy=self.heavy)
        if self.spikes:
            begun = rng.random((rows, n)) < self.spikes
            height = begun * rng.uniform(3.0, 8.0, (rows, n)) * sd
            length = int(rng.integers(1, 5))
            for late in range(length):
                noise[:, late:] += height[:, : n - late]
        return noise

    def reading(self, values: FloatArray) -> FloatArray:
        """What a gauge that cannot be negative shows."""
        shown = np.maximum(values, 0.0)
        return np.round(shown) if self.whole else shown


def ar1(
    rng: np.random.Generator, rows: int, n: int, phi: float, sd: float, *, heavy: bool = False
) -> FloatArray:
    """First-order autoregressive noise of the given standard deviation, stationary from its first sample."""
    shocks = rng.standard_t(3, (rows, n)) / np.sqrt(3.0) if heavy else rng.standard_normal((rows, n))
    shocks[:, 1:] *= np.sqrt(1.0 - phi * phi)
    return sd * remembering(shocks, phi)


def remembering(values: FloatArray, phi: float) -> FloatArray:
    """y[t] = values[t] + phi * y[t - 1] along the last axis, in log2(n) steps instead of n."""
    found = values.copy()
    shift, factor = 1, phi
    while shift < found.shape[-1] and factor > 1e-12:
        found[..., shift:] += factor * found[..., :-shift]
        shift, factor = 2 * shift, factor * factor
    return found


def kept(rng: np.random.Generator, n: int, missing: float) -> BoolArray:
    """Which of n samples arrive: single ones are lost, and now and then several in a row."""
    if missing <= 0:
        return np.ones(n, dtype=bool)
    lost = rng.random(n) < missing / 2
    starts = rng.random(n) < missing / 8
    for late in range(4):
        lost[late:] |= starts[: n - late]
    return ~lost
