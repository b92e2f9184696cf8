"""The slow leak is watched too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_WATCHES = re.compile(r"fds|descriptor|connections|var\.|local\.|each\.|templatefile", re.IGNORECASE)


def _hidden(document: Document) -> bool:
    """Whether a module makes alerts of its own, perhaps."""
    return any(b.type == "module" and "monitor" in view.text(b.get("source")) for b in document.blocks)


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for root in view.by_root(documents):
        policies = tuple(view.alert_policies(root))
        services = [s for s in view.services(root) if s.kind == "service"]
        if not all(document.complete for document in root):
            continue  # it may be in the file that could not be read
        if policies and services and not tuple(view.modules_of(root, "monitoring")):
            queries = [view.written(condition.query) for condition in view.conditions(root)]
            unseen = any(policy.computed("conditions") or not policy.all("conditions") for policy in policies)
            if not unseen and not any(map(_WATCHES.search, queries)) and not any(map(_hidden, root)):
                yield Hit(services[0].place, f"no alert watches the file descriptors of {services[0].label}")


POLICY = Policy(
    id="TG211",
    name="alert-on-descriptors",
    title="Where a service has alerts, one is on file descriptors or connections",
    severity=Severity.WARNING,
    rationale=(
        "Latency and errors show a leak when it is over: at the limit every request fails at once. The "
        "growth before it takes hours and is easily seen."
    ),
    fix=Fix("call tidegate's module monitoring, or add an alert on deriv(process_open_fds[30m])"),
    look=_look,
)
