"""`alerts`: what is watched after a rollout, from when on somebody is told, and who.

The kinds are those of the monitoring module; what each means is in docs/alerts.md.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tidegate.core.spec.base import Model
from tidegate.core.spec.values import (
    ChannelName,
    Duration,
    Email,
    Memory,
    PositiveDuration,
    Ratio,
    Text,
    matching,
    memory_bytes,
)

Severity = Literal["CRITICAL", "ERROR", "WARNING"]
Objective = Annotated[float, Field(gt=0, le=0.9999)]
"""Share of requests, as Cloud Monitoring takes it for a goal."""
SecretKey = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9_-]{0,62}",
        "is not a key: lower-case letters, digits, _ and -, starting with a letter",
    ),
]
SlackChannel = Annotated[str, matching(r"#\S+", 'is not a Slack channel; write it such as "#oncall"')]
HookUrl = Annotated[str, matching(r"https://\S+", "is not an https:// address")]


class Secretly(Model):
    """The secret itself is `key`'s entry in the Terraform variable `channel_secrets`, never in the spec. A
    new `version` sends it again."""

    key: SecretKey
    version: Text = "1"


class Slack(Secretly):
    channel: SlackChannel


class Webhook(Secretly):
    url: HookUrl
    username: Text = "tidegate"


class Channel(Model):
    """Exactly one of the kinds."""

    email: Email | None = None
    existing: ChannelName | None = None
    slack: Slack | None = None
    pagerduty: Secretly | None = None
    webhook: Webhook | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = (self.email, self.existing, self.slack, self.pagerduty, self.webhook)
        if sum(kind is not None for kind in given) != 1:
            raise PydanticCustomError(
                "channel", "needs exactly one of email, existing, slack, pagerduty and webhook"
            )
        return self

    @property
    def secret(self) -> Secretly | None:
        return self.slack or self.pagerduty or self.webhook


class Slo(Model):
    """What is promised of the whole service, in shares of its requests over `days`. `enabled` is whether the
    objectives are made in Cloud Monitoring; the burn alerts measure on them either way."""

    enabled: bool = True
    availability: Objective = 0.995
    latency: Objective = 0.99
    latency_within: PositiveDuration = 2.0
    days: int = Field(default=28, ge=1, le=30)


class Alert(Model):
    enabled: bool = True
    severity: Severity = "WARNING"
    for_: Duration = Field(default=300.0, alias="for")


class GrowthAlert(Alert):
    """Growth per minute and instance, over `window`."""

    per_minute: float = Field(default=2.0, gt=0)
    window: PositiveDuration = 1800.0


class MemoryGrowthAlert(Alert):
    """As growth, in bytes, where the fullest instances are above `floor`."""

    per_minute: Memory = "1Mi"
    floor: Ratio = 0.6
    window: PositiveDuration = 3600.0
    for_: Duration = Field(default=600.0, alias="for")

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if memory_bytes(self.per_minute) == 0:
            raise PydanticCustomError("memory", "has a per_minute of nothing")
        return self


class ExhaustionAlert(Alert):
    """The limit is reached within `within` at the present growth, and use is already above `floor`."""

    severity: Severity = "CRITICAL"
    within: PositiveDuration = 14400.0
    floor: Ratio = 0.5
    window: PositiveDuration = 1800.0


class LevelAlert(Alert):
    """`threshold` of the descriptors of an instance are open."""

    threshold: Ratio = 0.8


class CriticalLevelAlert(LevelAlert):
    severity: Severity = "CRITICAL"
    threshold: Ratio = 0.9


class LogAlert(Alert):
    """At least `minimum` log lines within `window`."""

    severity: Severity = "CRITICAL"
    minimum: int = Field(default=1, ge=1)
    window: PositiveDuration = 300.0
    for_: Duration = Field(default=0.0, alias="for")


class ConnectionRatioAlert(Alert):
    """More than `minimum` connections per instance and `factor` per request in flight."""

    factor: float = Field(default=10.0, ge=1)
    minimum: float = Field(default=100.0, ge=1)
    window: PositiveDuration = 600.0
    for_: Duration = Field(default=600.0, alias="for")


class ErrorRatioAlert(Alert):
    severity: Severity = "ERROR"
    threshold: Ratio = 0.02
    window: PositiveDuration = 300.0
    min_requests_per_minute: float = Field(default=6.0, ge=0)


class LatencyAlert(Alert):
    threshold: Duration = 2.0
    window: PositiveDuration = 300.0
    min_requests_per_minute: float = Field(default=6.0, ge=0)


class FastBurnAlert(Alert):
    """The budget of an objective is used up within days."""

    severity: Severity = "CRITICAL"
    min_requests_per_minute: float = Field(default=6.0, ge=0)
    for_: Duration = Field(default=120.0, alias="for")


class SlowBurnAlert(Alert):
    """The budget of an objective is used up before its days are over."""

    min_requests_per_minute: float = Field(default=6.0, ge=0)
    for_: Duration = Field(default=3600.0, alias="for")


class InstancesAlert(Alert):
    """More than `minimum` instances, and more than `factor` times what the requests in flight need, unless
    their mean CPU utilisation is above `busy`."""

    busy: Ratio = 0.3
    factor: float = Field(default=4.0, gt=1)
    minimum: int = Field(default=5, ge=1)
    for_: Duration = Field(default=900.0, alias="for")


class PendingAlert(Alert):
    """More than `threshold` requests wait for an instance, on average over `window`."""

    threshold: float = Field(default=10.0, ge=0)
    window: PositiveDuration = 300.0


class RestartsAlert(Alert):
    """`minimum` starts within `window`, and more than `factor` for each instance there was."""

    severity: Severity = "ERROR"
    factor: float = Field(default=3.0, ge=1)
    minimum: int = Field(default=5, ge=1)
    window: PositiveDuration = 1800.0
    for_: Duration = Field(default=0.0, alias="for")


class FailedStartsAlert(Alert):
    """`minimum` failed startup probes within `window`, and more than `factor` for each that succeeded."""

    severity: Severity = "ERROR"
    factor: float = Field(default=10.0, ge=1)
    minimum: int = Field(default=3, ge=1)
    window: PositiveDuration = 900.0


class RequestCostAlert(Alert):
    """Billable time per request over `window` is more than `factor` times that of `compared` before."""

    factor: float = Field(default=1.5, gt=1)
    compared: PositiveDuration = 86400.0
    window: PositiveDuration = 3600.0
    min_requests_per_minute: float = Field(default=6.0, ge=0)
    for_: Duration = Field(default=1800.0, alias="for")


class MonthlyCostAlert(Alert):
    """A month like the last `window` costs more than `budget`, in the currency of the prices; 0 is none."""

    budget: float = Field(default=0.0, ge=0)
    window: PositiveDuration = 86400.0
    for_: Duration = Field(default=3600.0, alias="for")


class SilenceAlert(Alert):
    """A revision that serves has had no telemetry for `window`."""

    window: PositiveDuration = 600.0
    min_requests_per_minute: float = Field(default=6.0, ge=0)
    for_: Duration = Field(default=600.0, alias="for")


class Alerts(Model):
    enabled: bool = True
    channels: tuple[Channel, ...] = ()
    slo: Slo = Slo()
    fd_growth: GrowthAlert = GrowthAlert()
    fd_exhaustion: ExhaustionAlert = ExhaustionAlert()
    fd_level: LevelAlert = LevelAlert()
    fd_level_critical: CriticalLevelAlert = CriticalLevelAlert()
    fd_errors: LogAlert = LogAlert()
    connection_growth: GrowthAlert = GrowthAlert()
    connection_ratio: ConnectionRatioAlert = ConnectionRatioAlert()
    memory_growth: MemoryGrowthAlert = MemoryGrowthAlert()
    error_ratio: ErrorRatioAlert = ErrorRatioAlert()
    error_burn_fast: FastBurnAlert = FastBurnAlert()
    error_burn_slow: SlowBurnAlert = SlowBurnAlert()
    latency_p99: LatencyAlert = LatencyAlert()
    latency_burn_fast: FastBurnAlert = FastBurnAlert()
    latency_burn_slow: SlowBurnAlert = SlowBurnAlert()
    instances: InstancesAlert = InstancesAlert()
    pending_requests: PendingAlert = PendingAlert()
    restarts: RestartsAlert = RestartsAlert()
    failed_starts: FailedStartsAlert = FailedStartsAlert()
    cost_per_request: RequestCostAlert = RequestCostAlert()
    monthly_cost: MonthlyCostAlert = MonthlyCostAlert()
    telemetry_silent: SilenceAlert = SilenceAlert()

    @model_validator(mode="after")
    def _keys_differ(self) -> Self:
        keys = [channel.secret.key for channel in self.channels if channel.secret is not None]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise PydanticCustomError("channels", "has two channels with the key {key}", {"key": twice[0]})
        return self

    @model_validator(mode="after")
    def _warns_first(self) -> Self:
        first, last = self.fd_level, self.fd_level_critical
        if first.enabled and last.enabled and first.threshold > last.threshold:
            given = {"first": first.threshold, "last": last.threshold}
            if "fd_level" in self.model_fields_set:
                words = "has a threshold of {first}, above {last} of fd_level_critical: it would warn last"
                raise PydanticCustomError("fd_level", words, given)
            words = "has a threshold of {last}, below {first} of fd_level: that would warn last"
            raise PydanticCustomError("fd_level_critical", words, given)
        return self

    @property
    def kinds(self) -> dict[str, Alert]:
        """The alerts by kind, in the order of the manual."""
        found = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: alert for name, alert in found if isinstance(alert, Alert)}
