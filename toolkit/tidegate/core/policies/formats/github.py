"""Workflow commands, which GitHub shows as annotations in a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tidegate.core.policy import Finding, Policy


def github(findings: Iterable[Finding], policies: Sequence[Policy]) -> str:
    """One line a finding; empty for none."""
    names = {policy.id: policy.name for policy in policies}
    return "".join(_line(finding, names.get(finding.rule, "")) for finding in findings)


def _line(finding: Finding, name: str) -> str:
    said = {"file": finding.path}
    if finding.line:
        said |= {"line": str(finding.line), "col": str(finding.column)}
    said["title"] = f"{finding.rule} {name}".strip()
    where = f"{finding.address}: " if finding.address else ""
    properties = ",".join(f"{key}={_property(value)}" for key, value in said.items())
    message = _data(f"{where}{finding.message}\n{finding.hint}")
    return f"::{finding.severity} {properties}::{message}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
