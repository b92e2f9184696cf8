"""JUnit XML, as GitLab, Jenkins and others read it: a test case for each finding, and for each rule kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from tidegate.core.policy import Finding, Policy, Severity

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(findings: Sequence[Finding], policies: Sequence[Policy]) -> str:
    """An error is a failure. A warning is a skipped test: it is seen and stops nothing."""
    root = Xml.Element("testsuites", {"name": "tidegate"})
    broken = {finding.rule for finding in findings}
    kept = [policy for policy in policies if policy.id not in broken]
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    counts = {
        "tests": str(len(findings) + len(kept)),
        "failures": str(errors),
        "errors": "0",
        "skipped": str(len(findings) - errors),
    }
    suite = Xml.SubElement(root, "testsuite", {"name": "policies", **counts, "time": "0"})
    names = {policy.id: policy.name for policy in policies}
    for finding in findings:
        _case(suite, finding, names.get(finding.rule, ""))
    for policy in kept:
        attributes = {"classname": f"tidegate.{policy.id}", "name": f"{policy.id} {policy.name}", "time": "0"}
        Xml.SubElement(suite, "testcase", attributes)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _case(suite: Xml.Element, finding: Finding, name: str) -> None:
    attributes = {
        "classname": f"tidegate.{finding.rule}",
        "name": clean(f"{finding.rule} {name} {finding.place}"),
        "file": clean(finding.path),
        **({"line": str(finding.line)} if finding.line else {}),
        "time": "0",
    }
    case = Xml.SubElement(suite, "testcase", attributes)
    message = clean(finding.message)
    if finding.severity is Severity.ERROR:
        failure = Xml.SubElement(case, "failure", {"type": finding.rule, "message": message})
        failure.text = clean(f"{finding}\n{finding.hint}")
    else:
        Xml.SubElement(case, "skipped", {"message": message})
        Xml.SubElement(case, "system-out").text = clean(f"{finding}\n{finding.hint}")


def clean(text: str) -> str:
    """Without the characters that XML has no way to write."""
    return _NO_XML.sub("\ufffd", text)
