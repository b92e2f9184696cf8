"""One instance is not the whole service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_MOST = 250


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        limit = view.number(service.concurrency)
        if limit is not None and limit > _MOST and service.concurrency:
            yield Hit(
                service.concurrency.place,
                f"an instance of {service.label} handles {limit:g} requests at a time",
            )


POLICY = Policy(
    id="TG117",
    name="concurrency",
    title="An instance handles at most 250 requests at a time",
    severity=Severity.WARNING,
    rationale=(
        "Every request in flight holds a connection in and often some out, so few leaking instances take "
        "many requests with them; and Cloud Run adds instances late, as it looks at the concurrency of "
        "each. With billing by request, a thousand requests also share the CPU that one request is "
        "given."
    ),
    fix=Fix(
        terraform=(
            "lower max_instance_request_concurrency (Cloud Run's default is 80), "
            "or show by a load test that an instance bears it"
        ),
        module=(
            "lower concurrency in scaling (Cloud Run's default is 80), or show by"
            " a load test that an instance bears it"
        ),
        spec=(
            "lower scaling.concurrency (Cloud Run's default is 80), or show by a "
            "load test that an instance bears it"
        ),
    ),
    look=_look,
)
