"""What is not read is not checked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tidegate.core.document import Place
from tidegate.core.errors import Fault
from tidegate.core.policy import Fix, Hit, Policy, Severity


def _hear(faults: Sequence[Fault]) -> Iterator[Hit]:
    for fault in faults:
        yield Hit(Place(fault.path, fault.line, fault.column), fault.message)


POLICY = Policy(
    id="TG004",
    name="unreadable",
    title="What is checked can be read: Terraform without a fault of syntax, a spec without any fault",
    severity=Severity.ERROR,
    rationale=(
        "No other rule looks at what cannot be read, so that nothing is known of it; and neither "
        "Terraform nor tidegate deploys it."
    ),
    fix=Fix("mend it at this place; what else is wrong with the file is told once it can be read"),
    hear=_hear,
)
