"""What goes through the network is said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.resources_of(documents, view.V2, view.JOB):
        for template in (*service.all("template"), *service.all("template", "template")):
            for access in template.all("vpc_access"):
                if view.absent(access.get("egress")):
                    yield Hit(access.place, f"{service.address} does not say which calls go through the VPC")


POLICY = Policy(
    id="TG114",
    name="vpc-egress",
    title="A service in a VPC says which of its calls go through it",
    severity=Severity.WARNING,
    rationale=(
        "Left out, only calls to private addresses do: everything else leaves past the firewall, the NAT "
        "address that partners allow and the flow logs. Both may be meant; which one cannot be seen."
    ),
    fix=Fix("write egress in vpc_access: ALL_TRAFFIC, or PRIVATE_RANGES_ONLY if that is meant"),
    look=_look,
)
