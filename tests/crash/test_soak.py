"""Some rollouts in a row, with random outcomes and faults; `make soak` does two hundred."""

from __future__ import annotations

import pytest

from crash.soak import run

pytestmark = pytest.mark.e2e


def test_nothing_is_left_behind() -> None:
    said: list[str] = []
    soak = run(10, 4, said.append)
    assert sum(soak.outcomes.values()) == 10, soak.outcomes
    assert len(soak.outcomes) > 3
    assert not soak.broken, "\n".join(soak.broken)
    assert not soak.grown(), "\n".join([*soak.grown(), *said])
