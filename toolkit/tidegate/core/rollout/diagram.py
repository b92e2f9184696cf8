"""The rollout's state diagram, drawn from the table itself."""

from __future__ import annotations

import re

from tidegate.core.rollout.state import ENDED, WAITING, Phase
from tidegate.core.rollout.table import TRANSITIONS


def mermaid() -> str:
    """A Mermaid state diagram: an edge for each pair of phases, labelled with the events that lead there."""
    edges: dict[tuple[Phase, Phase], list[str]] = {}
    for phase, rows in TRANSITIONS.items():
        for event, transition in rows.items():
            for target in transition.to:
                if target is not phase:
                    edges.setdefault((phase, target), []).append(_words(event.__name__))
    shown = {pair: events for pair, events in edges.items() if pair[0] not in ENDED}
    lines = ["stateDiagram-v2", f"    [*] --> {Phase.NEW}"]
    lines += [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in shown.items()]
    lines += [f"    {p} --> [*]" for p in Phase if p in ENDED or p in WAITING or p is Phase.ROLLED_BACK]
    return "\n".join(lines)


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name).lower()
