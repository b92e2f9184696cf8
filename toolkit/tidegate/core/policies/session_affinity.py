"""A step of the traffic is that step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.resources_of(documents, view.V2):
        for template in service.all("template"):
            affinity = template.get("session_affinity")
            if affinity and view.is_literal(affinity, True):
                yield Hit(affinity.place, f"clients of {service.address} stay with one revision")


POLICY = Policy(
    id="TG125",
    name="session-affinity",
    title="Session affinity is off where traffic is moved in steps",
    severity=Severity.WARNING,
    rationale=(
        "A client stays with the revision it has met. A candidate at 5 % then gets its clients, not its "
        "share of the requests, and keeps them after the traffic is taken back."
    ),
    fix=Fix("remove session_affinity, and keep sessions where every instance finds them"),
    look=_look,
)
