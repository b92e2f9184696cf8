"""What is read before a deployment, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tidegate.core.errors import ExitCode, RolloutHeld
from tidegate.core.incident import Incident
from tidegate.core.judge import Mode
from tidegate.core.samples import NoData, Samples


class Kind(StrEnum):
    HEALTHY = "healthy"
    BURNING = "burning"
    """What serves breaks an absolute limit now."""
    ALERT = "alert_firing"
    NO_DATA = "no_data"
    LITTLE_TRAFFIC = "little_traffic"
    LATEST = "latest"
    SPLIT = "split"
    HELD = "held"
    FIRST = "first_deployment"
    UNREAD = "unread"
    """Monitoring could not be asked."""


@dataclass(frozen=True)
class Finding:
    """`way_out` says what to do about it, where there is something to do; `revision` whom it is about."""

    kind: Kind
    sentence: str
    way_out: str = ""
    revision: str = ""

    @property
    def blocks(self) -> bool:
        """Whether a deployment would be refused."""
        return self.kind in (Kind.HELD, Kind.SPLIT)


@dataclass(frozen=True)
class Look:
    """What was read. NoData where Monitoring could not be asked; times are epoch seconds.

    `samples` are those of the revisions in `serving` (percent by revision), up to `cut`, which is one
    ingestion delay ago.
    """

    service: str
    serving: Mapping[str, int]
    samples: Samples | NoData
    cut: float
    sample_period: float
    """Seconds."""
    incidents: tuple[Incident, ...] | NoData = ()
    blind_spots: tuple[str, ...] = ()
    """Sentences of `core.power`."""
    latest: bool = False
    """Whether the traffic follows LATEST."""
    held: RolloutHeld | None = None


@dataclass(frozen=True)
class Preflight:
    """`mode` is how a deployment is to be judged; `stable` what it would be compared with, empty for none."""

    service: str
    findings: tuple[Finding, ...]
    mode: Mode
    stable: str = ""
    serving: Mapping[str, int] = field(default_factory=dict)

    @property
    def burning(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.kind in (Kind.BURNING, Kind.ALERT))

    @property
    def goes(self) -> bool:
        return not any(f.blocks for f in self.findings)

    @property
    def exit_code(self) -> ExitCode:
        """0 goes; 10 another rollout holds the service; 8 would not go."""
        if any(f.kind is Kind.HELD for f in self.findings):
            return ExitCode.BUSY
        return ExitCode.DONE if self.goes else ExitCode.HELD

    def fix(self) -> str:
        """That it burns, and what follows; empty when it does not."""
        if not self.burning:
            return ""
        what = "; ".join(f.sentence for f in self.burning)
        return f"{self.service} is burning: {what}; judged for improvement (fix mode)"

    def conclusion(self) -> str:
        """Whether a deployment would go on, and how it would be judged."""
        if not self.goes:
            return f"a deployment of {self.service} would be refused"
        if self.mode is Mode.FIX:
            how = "judged for improvement (fix mode)"
        else:
            how = f"compared with {self.stable}" if self.stable else "judged on absolute limits"
        return f"a deployment of {self.service} would go on, {how}"

    def data(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "service": self.service,
            "goes": self.goes,
            "mode": str(self.mode),
            "stable": self.stable,
            "traffic": dict(self.serving),
            "findings": [
                {
                    "kind": str(f.kind),
                    "revision": f.revision,
                    "sentence": f.sentence,
                    "way_out": f.way_out,
                }
                for f in self.findings
            ],
        }
