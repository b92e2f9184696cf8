"""Deploys region after region: performs what `core.waves` decided, each region by a process of its own.

A rollout is one process and one record, here as everywhere else. Whoever runs this may die at any moment: the
processes of the regions go on to their safe ends, and the records say what is so.
"""

from __future__ import annotations

from collections.abc import Callable

from tidegate.core.waves import (
    MOVING,
    Abort,
    Deploy,
    Effect,
    Returned,
    Rollback,
    Signalled,
    Stand,
    Waves,
    begin,
    step,
)
from tidegate.ports import Regions

_EVERY = 2.0
"""Seconds after which a region that has not stopped yet is asked once more."""


def run(waves: Waves, regions: Regions, say: Callable[[str], None] = lambda _: None) -> Waves:
    """To the end of whatever is under way. `say` gets a sentence for each thing that is begun."""
    asking: set[str] = set()
    waves, effects = begin(waves)
    while True:
        for sentence in _sentences(waves, effects):
            say(sentence)
        for effect in effects:
            _perform(effect, regions, asking)
        if not waves.having(*MOVING):
            return waves
        event = regions.next(_EVERY)
        if event is None:
            # Whoever looked for its record before there was one has found nothing to stop.
            for name in waves.having(Stand.STOPPING):
                _perform(Abort(name), regions, asking)
            effects = ()
            continue
        if isinstance(event, Returned):
            asking.discard(event.region)
        waves, effects = step(waves, event)
        if isinstance(event, Signalled):
            say("no further wave begins; what is under way comes to a safe end")


def _perform(effect: Effect, regions: Regions, asking: set[str]) -> None:
    if isinstance(effect, Abort):
        if effect.region in asking:
            return
        asking.add(effect.region)
    regions.start(effect)


def _sentences(waves: Waves, effects: tuple[Effect, ...]) -> list[str]:
    said = []
    if starting := [effect.region for effect in effects if isinstance(effect, Deploy)]:
        number = next(n for n, wave in enumerate(waves.waves, 1) if starting[0] in wave)
        said.append(f"wave {number} of {len(waves.waves)}: {', '.join(starting)}")
    for effect in effects:
        if isinstance(effect, Abort):
            said.append(f"{effect.region} is stopped and goes back, because of {waves.cause}")
        elif isinstance(effect, Rollback):
            said.append(f"{effect.region} goes back to {effect.to}, because of {waves.cause}")
    return said
