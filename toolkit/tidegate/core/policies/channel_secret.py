"""A channel's secret is not in the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity
from tidegate.core.secrets import secret_value

_SECRETS = ("auth_token", "password", "service_key")


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for channel in view.resources_of(documents, "google_monitoring_notification_channel"):
        labels = channel.get("labels")
        given = [(name, view.entry(labels, name)) for name in _SECRETS]
        given += [(name, b.get(name)) for b in channel.all("sensitive_labels") for name in _SECRETS]
        for name, node in given:
            if view.text(node) and node:
                yield Hit(node.place, f"{channel.address} has its {name} in clear text")
        address = view.entry(labels, "url")
        if address and secret_value(view.written(address)):
            yield Hit(address.place, f"{channel.address} has a secret in its address")


POLICY = Policy(
    id="TG210",
    name="channel-secret",
    title="A notification channel has no secret in clear text",
    severity=Severity.ERROR,
    rationale=(
        "Who reads the repository, the plan or the state can write into the channel, or close the "
        "pager's incidents."
    ),
    fix=Fix(
        "give it by a write-only argument (auth_token_wo, service_key_wo, password_wo) "
        "from an ephemeral value; change the secret, it has been seen"
    ),
    look=_look,
)
