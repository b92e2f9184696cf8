"""JUnit XML of a test of alerts: a test case for each alert, and for each case of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as Xml

from tidegate.core.alerting.assessment import Assessment
from tidegate.core.policies.formats.junit import clean


def junit(assessments: Sequence[Assessment]) -> str:
    """What fails is a failure; what is off, or was not run, is skipped."""
    root = Xml.Element("testsuites", {"name": "tidegate"})
    for found in assessments:
        _alerts(root, found)
        if found.cases:
            _cases(root, found)
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, encoding="unicode")}\n'


def _alerts(root: Xml.Element, found: Assessment) -> None:
    failures = sum(not one.passed for one in found.tried)
    suite = _suite(root, "alerts", len(found.tried) + len(found.off), failures, len(found.off))
    for one in found.tried:
        case = _case(suite, one.rule.kind, one.rule.kind)
        if not one.passed:
            _failure(case, one.faults(), one.way_out())
        Xml.SubElement(case, "system-out").text = clean(one.sentence())
    for kind in found.off:
        Xml.SubElement(_case(suite, kind, kind), "skipped", {"message": "the alert is off"})


def _cases(root: Xml.Element, found: Assessment) -> None:
    failures = sum(bool(case.faults) for case in found.cases)
    left_out = sum(not case.run for case in found.cases)
    suite = _suite(root, "cases", len(found.cases), failures, left_out)
    for checked in found.cases:
        placed = checked.placed
        case = _case(suite, placed.case.alert, placed.case.name)
        case.attrib |= {"file": clean(placed.path), "line": str(placed.line)}
        if checked.faults:
            _failure(case, checked.faults, "")
        if not checked.run:
            Xml.SubElement(case, "skipped", {"message": f"{placed.case.alert} is off or was not asked for"})


def _suite(root: Xml.Element, name: str, tests: int, failures: int, skipped: int) -> Xml.Element:
    counts = {"tests": str(tests), "failures": str(failures), "errors": "0", "skipped": str(skipped)}
    return Xml.SubElement(root, "testsuite", {"name": name, **counts, "time": "0"})


def _case(suite: Xml.Element, kind: str, name: str) -> Xml.Element:
    attributes = {"classname": f"tidegate.alerts.{kind}", "name": clean(name), "time": "0"}
    return Xml.SubElement(suite, "testcase", attributes)


def _failure(case: Xml.Element, faults: Sequence[str], hint: str) -> None:
    failure = Xml.SubElement(case, "failure", {"message": clean("; ".join(faults))})
    failure.text = clean("\n".join((*faults, hint) if hint else faults))
