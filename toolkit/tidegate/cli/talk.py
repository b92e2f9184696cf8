"""What a rollout says while it runs: notices, looks and Terraform's progress, all on standard error."""

from __future__ import annotations

from tidegate.cli.progress import Display
from tidegate.core.verdict import Decision, Finding, Verdict
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
            # The open step is the last one; that the rollout ended otherwise is no success of it.
            well = notice.details.get("phase") in ("promoted", "paused")
            (self._display.done if well else self._display.fail)("")
        else:
            self._display.note(notice.sentence)

    def say(self, text: str) -> None:
        self._display.note(text)

    def progress(self, event: Progress) -> None:
        self._display.progress(event)

    def look(self, verdict: Verdict) -> None:
        """A line per look that finds something else than the look before."""
        self._looks += 1
        found = tuple(f"{m.metric} {m.finding}" for m in verdict.metrics)
        if (verdict.decision, found) != self._last:
            self._last = verdict.decision, found
            self._display.note(f"look {self._looks}: {_short(verdict)}")


def _short(verdict: Verdict) -> str:
    """What is missing, what was found; for a candidate with nothing against it, what was looked at."""
    aside = [m.sentence for m in verdict.metrics if m.finding is Finding.WORSE and not m.decisive]
    return _decided(verdict) + "".join(f"; not decisive: {sentence}" for sentence in aside)


def _decided(verdict: Verdict) -> str:
    if verdict.decision is Decision.PROMOTE:
        judged = ", ".join(m.metric for m in verdict.metrics if m.finding is Finding.FINE)
        return f"nothing against it in {judged}"
    if verdict.decision is Decision.CONTINUE:
        return f"not enough seen yet: {verdict.reasons[0]}" if verdict.reasons else "not enough seen yet"
    return f"{verdict.decision}: {'; '.join(verdict.reasons)}"
