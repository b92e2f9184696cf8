"""Nobody walks around the load balancer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for root in view.by_root(documents):
        groups = view.resources_of(root, "google_compute_region_network_endpoint_group")
        if not any(group.all("cloud_run") for group in groups):
            continue
        for service in view.resources_of(root, view.V2):
            ingress = service.get("ingress")
            open_to_all = view.absent(ingress) or view.is_literal(ingress, "INGRESS_TRAFFIC_ALL")
            if open_to_all and view.absent(service.get("default_uri_disabled")):
                place = ingress.place if ingress else service.place
                yield Hit(place, f"{service.address} can be reached past its load balancer")
        for service in view.modules_of(root, "service"):
            ingress = service.get("ingress")
            if view.absent(ingress) or view.is_literal(ingress, "all"):
                place = ingress.place if ingress else service.place
                yield Hit(place, f"{service.address} can be reached past its load balancer")


POLICY = Policy(
    id="TG112",
    name="ingress-bypass",
    title="A service behind a load balancer takes requests from it only",
    severity=Severity.WARNING,
    rationale=(
        "Rate limits, the web application firewall and the certificates are at the load balancer. With "
        "the ingress open to all, the service's own run.app address leads past them."
    ),
    fix=Fix(
        terraform=('set ingress = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER", or default_uri_disabled = true'),
        module='set ingress = "internal-and-load-balancer"',
    ),
    look=_look,
)
