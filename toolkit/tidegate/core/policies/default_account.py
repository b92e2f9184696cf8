"""A service runs as an account of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tidegate.core.document import Document
from tidegate.core.policies import view
from tidegate.core.policy import Fix, Hit, Policy, Severity

_DEFAULT = re.compile(r"-compute@developer\.gserviceaccount\.com$|@appspot\.gserviceaccount\.com$")


def _look(documents: Sequence[Document]) -> Iterator[Hit]:
    for service in view.services(documents):
        if view.absent(service.account) or view.text(service.account) == "":
            if service.account is None or service.account.known:
                yield Hit(service.place, f"{service.label} runs as Compute Engine's default account")
        elif service.account and _DEFAULT.search(view.text(service.account)):
            yield Hit(service.account.place, f"{service.label} runs as Compute Engine's default account")


POLICY = Policy(
    id="TG113",
    name="default-account",
    title="A service or job has an account of its own",
    severity=Severity.ERROR,
    rationale=(
        "Without one it runs as Compute Engine's default account, which in most projects is an editor of "
        "everything: whoever takes over the service takes over the project. All services share it, so no "
        "role can be taken from one of them."
    ),
    fix=Fix(
        terraform=(
            "make a google_service_account for it, with the roles it needs, and "
            "name it in service_account (service_account_name in "
            "google_cloud_run_service)"
        ),
        module=(
            "leave service_account_email out, so that the module makes an "
            "account, or name one that is this service's own"
        ),
        spec=(
            "leave service_account out, so that an account is made, or name one that is this service's own"
        ),
    ),
    look=_look,
)
