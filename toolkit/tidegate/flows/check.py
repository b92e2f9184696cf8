"""Policies on Terraform that is there already: files of any kind, or a plan."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from tidegate.core.document import parse_each
from tidegate.core.errors import Fault, UsageError
from tidegate.core.plan.planned import planned
from tidegate.core.policies import POLICIES
from tidegate.core.policy import Finding, run

_WRITE_ONE = "write one with `terraform show -json PLAN > plan.json`"


def check_files(files: Mapping[str, bytes], own: Collection[str] = ()) -> tuple[Finding, ...]:
    """Findings in HCL files, by path; a file that cannot be read is one itself, and the others are checked.

    Files whose text is among `own` are left out: they are tidegate's.
    """
    known = {text.encode() for text in own}
    documents, faults = parse_each({path: data for path, data in files.items() if data not in known})
    return run(documents, POLICIES, faults=faults)


def check_faults(faults: Sequence[Fault]) -> tuple[Finding, ...]:
    """What is wrong with a spec that cannot be read, as findings."""
    return run((), POLICIES, faults=faults, rendered=True)


def check_plan(text: bytes, path: str) -> tuple[Finding, ...]:
    """Findings in a plan as JSON. Raises UsageError for what is none, or of another form."""
    try:
        plan = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON", hint=_WRITE_ONE) from error
    if not isinstance(plan, dict):
        raise UsageError(f"{path} is not a plan", hint=_WRITE_ONE)
    return run((planned(plan, path),), POLICIES)
