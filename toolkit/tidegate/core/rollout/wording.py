"""A rollout in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from tidegate.core.rollout.state import Phase, State


def when(seconds: float) -> str:
    """Epoch seconds as UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def sentence(state: State) -> str:
    """How it ended, in one sentence."""
    match state.phase:
        case Phase.PROMOTED:
            start = f"{state.candidate} promoted"
        case Phase.RECOVERED:
            start = f"{state.candidate} rolled back, {state.stable} recovered"
        case Phase.NOT_RECOVERED:
            start = f"{state.candidate} rolled back, which did not help"
        case Phase.ROLLED_BACK:
            start = f"{state.candidate} rolled back to {state.stable}"
        case Phase.HELD:
            candidate = state.candidate or "no new revision"
            start = f"held with {state.percent} % on {candidate} until somebody decides"
            start += " (`tidegate resume` goes on, `tidegate abort` takes it back)" if state.stable else ""
        case Phase.PAUSED:
            start = f"paused with {state.percent} % on {state.candidate}"
        case Phase.NEEDS_PERSON:
            start = "a person is needed"
        case _:
            start = "nothing was rolled out"
    return f"{start}: {state.reason}" if state.reason else start


def describe(split: Mapping[str, int]) -> str:
    """`orders-1 95 %, orders-2 5 %`."""
    return ", ".join(f"{revision} {percent} %" for revision, percent in sorted(split.items())) or "nothing"


def shortened(text: str, most: int) -> str:
    """At most so many characters: what is longer ends at a word, with a mark that it was cut."""
    if len(text) <= most:
        return text
    mark = " …"
    head = text[: most - len(mark) + 1]
    whole = head.rpartition(" ")[0]
    if len(whole) < most / 2:  # something without blanks, of which the beginning is worth more
        whole = head[:-1]
    return whole.rstrip(" ,;:") + mark
