"""The limit to the instances is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_MOST = 100


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        limit = view.number(service.max_instances)
        if limit is not None and limit > _MOST and service.max_instances:
            yield Hit(service.max_instances.place, f"{service.label} may have {limit:g} instances")


POLICY = Policy(
    id="TG116",
    name="max-instances-high",
    title="The limit to the instances is not above 100",
    severity=Severity.WARNING,
    rationale=(
        "Cloud Run itself allows 100 where nothing is said. A leak makes every instance slow, so more "
        "are started until the limit: it is what the bill, the database and the APIs behind the service "
        "must bear."
    ),
    fix=Fix(
        terraform=(
            "lower max_instance_count to what the traffic needs, or accept the "
            "finding with the number of connections and the price that were "
            "agreed on"
        ),
        module=(
            "lower max_instances in scaling to what the traffic needs, or accept "
            "the finding with the number of connections and the price that were "
            "agreed on"
        ),
        spec=(
            "lower scaling.max_instances to what the traffic needs, or accept the"
            " finding with the number of connections and the price that were "
            "agreed on"
        ),
    ),
    look=_look,
)
