"""The policies. Whoever adds one writes a file and names it here; nothing registers itself."""

from tidegate.core.policies import (
    alert_channel,
    collector,
    deletion_protection,
    image_pinned,
    liveness_probe,
    max_instances,
    plaintext_secret,
    public_invoker,
    secret_version,
    startup_probe,
    suppression_reason,
    traffic_latest,
    traffic_total,
)
from tidegate.core.policy import Policy

POLICIES: tuple[Policy, ...] = (
    suppression_reason.POLICY,
    public_invoker.POLICY,
    traffic_total.POLICY,
    traffic_latest.POLICY,
    plaintext_secret.POLICY,
    image_pinned.POLICY,
    deletion_protection.POLICY,
    startup_probe.POLICY,
    liveness_probe.POLICY,
    secret_version.POLICY,
    max_instances.POLICY,
    collector.POLICY,
    alert_channel.POLICY,
)

__all__ = ["POLICIES"]
