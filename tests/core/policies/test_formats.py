"""Findings as other programs read them."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from tidegate.core.policies import POLICIES
from tidegate.core.policies.formats import github, junit, sarif
from tidegate.core.policy import Finding, Severity

BAD = Finding("a b/main.tf", 3, 5, "TG101", Severity.ERROR, "x lets allUsers call the service", "name them")
ODD = Finding("m.tf", 9, 1, "TG201", Severity.WARNING, 'odd: <&">, 100 %\r\n\x00 line two', "a, b: c")
PLANNED = Finding("plan.json", 0, 0, "TG105", Severity.ERROR, "the image x", "pin it", 'module.s["a"].k.n')
ALL = (BAD, ODD, PLANNED)


# ------------------------------------------------------------------------------------------------- SARIF

# What the schema of the standard (2.1.0, errata 01) requires of the parts used here, and what else there is.
SHAPES: dict[str, tuple[set[str], set[str]]] = {
    "log": ({"version", "runs"}, {"$schema"}),
    "run": ({"tool"}, {"results", "columnKind"}),
    "driver": ({"name"}, {"semanticVersion", "rules"}),
    "rule": (
        {"id"},
        {"name", "shortDescription", "fullDescription", "help", "defaultConfiguration"},
    ),
    "result": ({"message"}, {"ruleId", "ruleIndex", "level", "locations", "partialFingerprints"}),
    "location": (set(), {"physicalLocation", "logicalLocations"}),
    "physical": ({"artifactLocation"}, {"region"}),
    "artifact": ({"uri"}, set()),
    "region": ({"startLine", "startColumn"}, set()),
    "logical": ({"fullyQualifiedName", "kind"}, set()),
}


def has_shape(value: dict[str, Any], shape: str) -> None:
    required, optional = SHAPES[shape]
    assert required <= set(value) <= required | optional, shape


def texts(*values: dict[str, str]) -> None:
    for value in values:
        assert set(value) <= {"text", "markdown"}
        assert value["text"].strip()


@pytest.mark.parametrize("findings", [(), ALL])
def test_sarif_has_the_shape_of_the_standard(findings: tuple[Finding, ...]) -> None:
    log = sarif(findings, POLICIES, "0.1.0")
    has_shape(log, "log")
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    has_shape(run, "run")
    driver = run["tool"]["driver"]
    has_shape(driver, "driver")
    assert len(driver["rules"]) == len(POLICIES) == len({rule["id"] for rule in driver["rules"]})
    for rule in driver["rules"]:
        has_shape(rule, "rule")
        texts(rule["shortDescription"], rule["fullDescription"], rule["help"])
        assert rule["defaultConfiguration"]["level"] in ("error", "warning")
    assert len(run["results"]) == len(findings)
    for result in run["results"]:
        has_shape(result, "result")
        texts(result["message"])
        assert result["level"] in ("error", "warning")
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        has_shape(location, "location")
        has_shape(location["physicalLocation"], "physical")
        has_shape(location["physicalLocation"]["artifactLocation"], "artifact")
        if region := location["physicalLocation"].get("region"):
            has_shape(region, "region")
            assert min(region.values()) >= 1
        for logical in location.get("logicalLocations", ()):
            has_shape(logical, "logical")


def test_sarif_names_the_file_as_an_uri_and_the_resource_of_a_plan() -> None:
    bad, _, planned = sarif(ALL, POLICIES, "0")["runs"][0]["results"]
    physical = bad["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "a%20b/main.tf"
    assert physical["region"] == {"startLine": 3, "startColumn": 5}
    assert "region" not in planned["locations"][0]["physicalLocation"]
    assert planned["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == PLANNED.address


def test_sarif_leaves_the_names_in_a_message_as_they_are() -> None:
    address = Finding("m.tf", 1, 1, "TG110", Severity.WARNING, "google_x.shop has no limit", "set one")
    texts = [r["message"]["text"] for r in sarif((address, BAD), POLICIES, "0")["runs"][0]["results"]]
    assert texts == ["google_x.shop has no limit. Set one.", "x lets allUsers call the service. Name them."]


def test_a_finding_that_only_moves_keeps_its_fingerprint_and_two_of_a_kind_have_two() -> None:
    def prints(*findings: Finding) -> list[str]:
        results = sarif(findings, POLICIES, "0")["runs"][0]["results"]
        return [result["partialFingerprints"]["tidegate/v1"] for result in results]

    moved = Finding(BAD.path, 40, 1, BAD.rule, BAD.severity, BAD.message, BAD.hint)
    assert prints(BAD) == prints(moved)
    assert len(set(prints(BAD, moved, ODD))) == 3


# ------------------------------------------------------------------------------------------------- JUnit


def test_junit_counts_what_it_holds() -> None:
    root = Xml.fromstring(junit(ALL, POLICIES).encode())
    (suite,) = root
    cases = suite.findall("testcase")
    kept = len(POLICIES) - 3
    assert (suite.get("tests"), len(cases)) == (str(kept + 3), kept + 3)
    assert suite.get("failures") == str(len(suite.findall("testcase/failure"))) == "2"
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped"))) == "1"
    assert len({case.get("name") for case in cases}) == len(cases)
    first = cases[0]
    assert (first.get("file"), first.get("line")) == ("a b/main.tf", "3")
    assert BAD.hint in (first.findtext("failure") or "")


def test_junit_without_findings_has_every_rule_as_a_test_that_passed() -> None:
    root = Xml.fromstring(junit((), POLICIES).encode())
    assert len(root.findall("testsuite/testcase")) == len(POLICIES)
    assert root.findall("testsuite/testcase/*") == []


# ------------------------------------------------------------------------------------------- annotations


def read(line: str) -> tuple[str, dict[str, str], str]:
    """As GitHub's runner reads a workflow command."""
    kind, properties, message = re.fullmatch(r"::(\w+) ([^:]*)::(.*)", line).groups()  # type: ignore[union-attr]
    found = dict(part.split("=", 1) for part in properties.split(","))

    def back(text: str) -> str:
        for code, char in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
            text = text.replace(code, char)
        return text

    return kind, {name: back(value) for name, value in found.items()}, back(message)


def test_an_annotation_is_one_line_that_reads_back_whatever_it_holds() -> None:
    lines = github(ALL, POLICIES).splitlines()
    assert len(lines) == len(ALL)
    kind, said, message = read(lines[0])
    assert (kind, said) == (
        "error",
        {"file": "a b/main.tf", "line": "3", "col": "5", "title": "TG101 public-invoker"},
    )
    assert message == f"{BAD.message}\n{BAD.hint}"
    assert read(lines[1])[2] == f"{ODD.message}\n{ODD.hint}"
    assert read(lines[1])[0] == "warning"


def test_an_annotation_of_a_plan_has_no_line_but_the_address() -> None:
    _, said, message = read(github((PLANNED,), POLICIES).strip())
    assert (set(said), said["file"]) == ({"file", "title"}, "plan.json")
    assert message.startswith(f"{PLANNED.address}: ")


def test_no_findings_are_no_annotations() -> None:
    assert github((), POLICIES) == ""
