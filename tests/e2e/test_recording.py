"""The recorder of tests/traces, on a rollout of a few seconds."""

from __future__ import annotations

import pytest

from tidegate.core.samples import Series
from tidegate.core.trace import ROLLOUT_FILE, SAMPLES_FILE, read
from traces.record import record
from traces.scenarios import Kill, Scenario

pytestmark = pytest.mark.e2e
SHORT = Scenario(
    "short",
    "every request leaks",
    candidate={"LEAK": "transport"},
    rates=((-3.0, 20.0),),
    steps=((0.0, 50), (3.0, 100)),
    events=(Kill(1.0, "stable"),),
    before=3.0,
    end=5.0,
)


def test_a_rollout_is_recorded_with_its_leak_and_its_restart() -> None:
    files = record(SHORT)
    rollout, samples, warnings = read(files[ROLLOUT_FILE], files[SAMPLES_FILE])
    assert warnings == ()
    assert [step.percent for step in rollout.steps] == [50, 100]
    assert len(samples.of_metric("open_fds", rollout.stable)) == 2
    (fds,) = samples.of_metric("open_fds", rollout.candidate)
    requests = samples.get("request_count", rollout.candidate)
    assert isinstance(requests, Series)
    assert fds.values[-1] - fds.values[0] > 0.5 * requests.values.sum() > 20
