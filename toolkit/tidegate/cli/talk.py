"""What a rollout says while it runs: notices, looks and Terraform's progress, all on standard error."""

from __future__ import annotations

from tidegate.cli.progress import Display
from tidegate.core.verdict import Decision, Verdict
from tidegate.ports import Notice, Progress


class Talk:
    """A `ports.Notifier` for people. Looks that say the same as the one before are not repeated."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._last: tuple[Decision, tuple[str, ...]] | None = None
        self._looks = 0

    def tell(self, notice: Notice) -> None:
        if notice.event == "step":
            self._display.step(notice.sentence)
        elif notice.event == "verdict":
            self._display.warn(notice.sentence)
        elif notice.event == "end":
            self._display.done("")
        else:
            self._display.note(notice.sentence)

    def say(self, text: str) -> None:
        self._display.note(text)

    def progress(self, event: Progress) -> None:
        self._display.progress(event)

    def look(self, verdict: Verdict) -> None:
        """A line per look that brings something new: digits aside, since estimates move at every look."""
        self._looks += 1
        told = (verdict.decision, tuple(_without_digits(r) for r in verdict.reasons))
        if told != self._last:
            self._last = told
            self._display.note(f"look {self._looks}: {verdict.decision}: {'; '.join(verdict.reasons)}")


def _without_digits(text: str) -> str:
    return "".join(c for c in text if not c.isdigit() and c not in ".,\u2013")
