"""An alert reaches somebody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for alert in view.alerts(documents):
        if all(view.absent(node) or view.empty(node) for node in alert.channels):
            yield Hit(alert.place, f"{alert.label} has no notification channel")


POLICY = Policy(
    id="TG201",
    name="alert-channel",
    title="An alert policy has a notification channel",
    severity=Severity.WARNING,
    rationale="An incident that nobody hears of is a line in a console.",
    fix=Fix(
        terraform=("make a google_monitoring_notification_channel and put its id into notification_channels"),
        module='add a channel, such as channels = { emails = ["NAME@DOMAIN"] }',
        spec="add a channel, such as alerts.channels: [{email: NAME@DOMAIN}]",
    ),
    look=_look,
)
