"""A request ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_MOST = 900


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        longest = view.seconds(service.timeout)
        if longest is not None and longest > _MOST and service.timeout:
            yield Hit(service.timeout.place, f"a request to {service.label} may take {longest:g} s")


POLICY = Policy(
    id="TG124",
    name="request-timeout",
    title="A request may take at most 15 minutes",
    severity=Severity.WARNING,
    rationale=(
        "Requests in flight stay with their revision: for as long as this, a rollback leaves some of "
        "them where they are, and a client that hangs holds its connection and its share of the "
        "concurrency."
    ),
    fix=Fix(
        terraform=("lower timeout, or accept the finding where streams or websockets need it"),
        module=("lower timeout_seconds, or accept the finding where streams or websockets need it"),
        spec=("lower request_timeout, or accept the finding where streams or websockets need it"),
    ),
    look=_look,
)
