"""The least is not above the most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        least, most = view.number(service.min_instances), view.number(service.max_instances)
        if least is not None and most is not None and least > most > 0 and service.min_instances:
            message = f"{service.label} keeps {least:g} instances and may have {most:g}"
            yield Hit(service.min_instances.place, message)


POLICY = Policy(
    id="TG119",
    name="scaling-bounds",
    title="The least number of instances is not above the limit",
    severity=Severity.ERROR,
    rationale=(
        "Cloud Run refuses it, but only in the middle of the apply, when other resources have already "
        "changed."
    ),
    fix=Fix(
        terraform="lower min_instance_count or raise max_instance_count",
        module="lower min_instances or raise max_instances in scaling",
        spec="lower scaling.min_instances or raise scaling.max_instances",
    ),
    look=_look,
)
