"""Random interleavings of deployers, operators, outsiders and faults on one simulated clock.

A failing example is printed as a literal: `run(Schedule(...))` repeats it. TORTURE_SCHEDULES says how many
schedules are tried, those of the default being always the same; see CONTRIBUTING.md.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import Phase as Part

from torture.play import play
from torture.schedule import CHAPTERS, Schedule

_GIVEN = int(os.environ.get("TORTURE_SCHEDULES", "0"))
_ALWAYS = 1200


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_whatever_happens_the_service_ends_safe(chapter: str, tmp_path: Path) -> None:
    @settings(
        max_examples=(_GIVEN or _ALWAYS) // len(CHAPTERS),
        derandomize=not _GIVEN,
        database=None,
        deadline=None,
        phases=(Part.generate, Part.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(CHAPTERS[chapter])
    def runs(schedule: Schedule) -> None:
        play(schedule, tmp_path)

    runs()
