"""SARIF 2.1.0, the exchange format of static analysis (OASIS standard, 27 March 2020)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tidegate.core.policy import Finding, Policy

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif(findings: Sequence[Finding], policies: Sequence[Policy], version: str) -> dict[str, Any]:
    """A log of one run, as plain values for JSON. Rules without a finding are described too."""
    places = {policy.id: number for number, policy in enumerate(policies)}
    seen: dict[str, int] = {}
    results = []
    for finding in findings:
        fingerprint = _fingerprint(finding)
        seen[fingerprint] = count = seen.get(fingerprint, 0) + 1
        results.append(_result(finding, places, f"{fingerprint}:{count}"))
    driver = {
        "name": "tidegate",
        "semanticVersion": version,
        "rules": [_rule(policy) for policy in policies],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(policy: Policy) -> dict[str, Any]:
    ways = policy.fix.by_place()
    fix = " ".join(_sentence(f"{where}: {way}" if where else way) for where, way in ways)
    return {
        "id": policy.id,
        "name": "".join(word.capitalize() for word in policy.name.split("-")),
        "shortDescription": {"text": f"{policy.title}."},
        "fullDescription": {"text": policy.rationale},
        "help": {"text": fix, "markdown": f"{policy.rationale}\n\n**What to do.** {fix}"},
        "defaultConfiguration": {"level": str(policy.severity)},
    }


def _result(finding: Finding, places: Mapping[str, int], fingerprint: str) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.path)}}
    if finding.line:
        physical["region"] = {"startLine": finding.line, "startColumn": finding.column}
    location: dict[str, Any] = {"physicalLocation": physical}
    if finding.address:
        location["logicalLocations"] = [{"fullyQualifiedName": finding.address, "kind": "resource"}]
    return {
        "ruleId": finding.rule,
        **({"ruleIndex": places[finding.rule]} if finding.rule in places else {}),
        "level": str(finding.severity),
        # A message may begin with the name of a resource or a variable, which is as it is written.
        "message": {"text": f"{finding.message}. {_sentence(finding.hint)}".strip()},
        "locations": [location],
        "partialFingerprints": {"tidegate/v1": fingerprint},
    }


def _sentence(hint: str) -> str:
    return f"{hint[0].upper()}{hint[1:]}." if hint else ""


def _fingerprint(finding: Finding) -> str:
    """The same for a finding that has only moved to another line."""
    same = "\0".join((finding.rule, finding.path, finding.address, finding.message))
    return hashlib.sha256(same.encode()).hexdigest()[:32]
