"""Each policy on its passing and failing examples; the run, suppression, explanation and the manual."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tidegate.core.document import Document, parse, parse_all, parse_each
from tidegate.core.errors import UsageError
from tidegate.core.policies import POLICIES
from tidegate.core.policies.page import page
from tidegate.core.policy import Finding, Severity, explain, run
from tidegate.core.secrets import secret_name, secret_value

ROOT = Path(__file__).parents[3]
EXAMPLES = Path(__file__).parent / "examples"
WHOLE = Path(__file__).parent / "whole"
RULES = [policy.id for policy in POLICIES]
_EXPECT = re.compile(r"expect (TG\d+(?: \d* ?above)?(?:, TG\d+(?: above)?)*)")


def read(text: str) -> tuple[Document, ...]:
    return (parse(text, "main.tf"),)


def findings(text: str) -> list[tuple[int, str]]:
    documents, faults = parse_each({"main.tf": text})
    return [(f.line, f.rule) for f in run(documents, POLICIES, faults=faults)]


def of(rule: str, found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """An example is about one thing; what else a real service needs is left out of it."""
    return [(line, r) for line, r in found if r == rule]


def expected(text: str) -> list[tuple[int, str]]:
    """From `# expect RULE` on the line itself, or `# expect RULE 2 above` two lines further down."""
    wanted = []
    for number, line in enumerate(text.splitlines(), 1):
        for match in _EXPECT.finditer(line):
            for rule, above, count in re.findall(r"(TG\d+)( (\d* ?)above)?", match[1]):
                wanted.append((number - (int(count or 1) if above else 0), rule))
    return sorted(wanted)


# ---------------------------------------------------------------------------------------------- examples


@pytest.mark.parametrize("rule", RULES)
def test_the_passing_example_breaks_not_its_rule(rule: str) -> None:
    assert of(rule, findings((EXAMPLES / f"{rule}_pass.tf").read_text())) == []


@pytest.mark.parametrize("rule", RULES)
def test_the_failing_example_breaks_its_rule_where_it_says_and_nowhere_else(rule: str) -> None:
    text = (EXAMPLES / f"{rule}_fail.tf").read_text()
    wanted = of(rule, expected(text))
    assert wanted
    assert of(rule, findings(text)) == wanted


def test_a_good_service_has_no_finding_at_all() -> None:
    assert findings((WHOLE / "good.tf").read_text()) == []


@pytest.mark.parametrize(("name", "rules"), [("bad.tf", 20), ("bad_access.tf", 2)])
def test_a_bad_service_has_every_finding_in_its_line(name: str, rules: int) -> None:
    text = (WHOLE / name).read_text()
    assert findings(text) == expected(text)
    assert len({rule for _, rule in findings(text)}) >= rules


def test_every_example_belongs_to_a_policy() -> None:
    assert {p.name for p in EXAMPLES.iterdir()} == {f"{r}_{k}.tf" for r in RULES for k in ("pass", "fail")}


def test_the_modules_of_the_project_break_no_rule() -> None:
    files = {str(p.relative_to(ROOT)): p.read_bytes() for p in (ROOT / "infra").rglob("*.tf")}
    assert run(parse_all(files), POLICIES) == ()


def test_a_finding_never_shows_the_secret() -> None:
    text = (EXAMPLES / "TG104_fail.tf").read_text()
    shown = " ".join(f"{f.message} {f.hint}" for f in run(read(text), POLICIES))
    assert not [s for s in ("hunter2", "c0ffee", "AKIA", "AIza", "BEGIN", "12345678") if s in shown]


# -------------------------------------------------------------------------------------------- the policies


def test_ids_and_names_are_unique_and_in_order() -> None:
    assert [p.id for p in POLICIES] == sorted({p.id for p in POLICIES})
    assert max(Counter(p.name for p in POLICIES).values()) == 1


@pytest.mark.parametrize("policy", POLICIES, ids=RULES)
def test_a_policy_explains_itself(policy) -> None:
    assert re.fullmatch(r"TG\d{3}", policy.id)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", policy.name)
    assert not policy.title.endswith(".")
    assert policy.rationale.endswith(".")
    ways = [way for _, way in policy.fix.by_place()]
    assert policy.fix.terraform in ways
    for way in ways:
        assert re.match(r"[a-z]+[ :]", way)  # its first letter may be written large
        assert not way.endswith(".")
    text = explain(policy.id, POLICIES)
    assert all(part in text for part in (policy.title, policy.rationale, *ways, policy.severity))


def test_a_rule_is_found_by_its_name_in_any_case_too() -> None:
    assert explain("Public-Invoker", POLICIES) == explain("tg101", POLICIES)


def test_an_unknown_rule_is_told_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no rule 'TG999'") as caught:
        explain("TG999", POLICIES)
    assert "TG101, TG102" in caught.value.hint


@pytest.mark.parametrize(
    "body",
    [
        "",
        "containers = 1",
        'containers = { app = "x" }',
        "containers = { app = { env = [1], secrets = [2], image = 3, args = {}, port = null } }",
        "containers = { (var.x) = { } }",
        "containers = null\n  scaling = []\n  collector = true\n  invokers = {}\n  allow_public = []",
        'channels = 1\n  alerts = "x"',
        "template = 1\n  traffic = 2\n  name = { a = 1 }",
        "template {\n containers {\n env {}\n ports {}\n }\n volumes {\n secret {}\n }\n }",
        "traffic {}\n  scaling {}\n  notification_channels = {}",
        "role = 1\n  members = {}\n  labels = [1]\n  sensitive_labels {}\n  oidc {\n issuer_uri = 1\n }",
        "conditions {\n condition_x {}\n condition_threshold {\n threshold_value = {}\n }\n }",
        'conditions {\n condition_prometheus_query_language {\n query = "/ ) > 1e9 {"\n }\n }',
        "lifecycle {}",
        "template {\n timeout = {}\n revision = 1\n vpc_access {}\n containers {\n startup_probe {}\n }\n }",
    ],
)
@pytest.mark.parametrize(
    "head",
    [
        'module "m" {\n  source = "./modules/service"',
        'module "m" {\n  source = "./modules/monitoring"',
        "module {\n  source = 1",
        "resource {",
        'data "google_iam_policy" "x" {\n  binding {}',
        *(
            f'resource "google_{kind}" "x" {{'
            for kind in (
                "cloud_run_v2_service",
                "cloud_run_service",
                "cloud_run_v2_job",
                "cloud_run_v2_service_iam_member",
                "project_iam_member",
                "iam_workload_identity_pool_provider",
                "monitoring_alert_policy",
                "monitoring_notification_channel",
            )
        ),
    ],
)
def test_no_policy_falls_over_what_terraform_would_refuse(head: str, body: str) -> None:
    for finding in run(read(f"{head}\n  {body}\n}}\n"), POLICIES):
        assert finding.line >= 1


# ---------------------------------------------------------------------------------------------- the hints

SERVICE = """\
resource "google_cloud_run_v2_service" "s" {
  template {
    containers {
      image = "shop/orders"
      env {
        name  = "A"
        value = "b"
      }
    }
  }
}

module "s" {
  source     = "../infra/modules/service"
  containers = { app = { image = "shop/orders", env = { A = "b" } } }
}
"""


@pytest.mark.parametrize(
    ("rule", "resource", "module"),
    [("TG107", "startup_probe block", "startup_probe to"), ("TG108", "liveness_probe block", "with http on")],
)
def test_a_hint_speaks_of_what_stands_there(rule: str, resource: str, module: str) -> None:
    one, other = (f.hint for f in run(read(SERVICE), POLICIES) if f.rule == rule)
    assert resource in one
    assert module in other
    assert "probes." not in one + other


@pytest.mark.parametrize("rule", RULES)
def test_no_hint_in_terraform_speaks_of_keys_of_a_spec(rule: str) -> None:
    policy = next(p for p in POLICIES if p.id == rule)
    documents, faults = parse_each({"main.tf": (EXAMPLES / f"{rule}_fail.tf").read_text()})
    hints = {f.hint for f in run(documents, POLICIES, faults=faults) if f.rule == rule}
    assert hints <= {policy.fix.terraform, policy.fix.module} - {""}
    if policy.fix.module and any(document.all("module") for document in documents):
        assert policy.fix.module in hints


@pytest.mark.parametrize("policy", POLICIES, ids=RULES)
def test_only_words_for_a_spec_are_yaml_or_options_of_tidegate(policy) -> None:
    written = f"{policy.fix.terraform} {policy.fix.module}"
    assert not re.search(
        r"\w: (true|false|instance|\[)|probes\.|telemetry\.|alerts\.|scaling\.|--image", written
    )


# ------------------------------------------------------------------------------------------------- the run

PUBLIC = (
    'resource "google_cloud_run_v2_job_iam_member" "x" {{\n  {above}\n  member = "allUsers" {beside}\n}}\n'
)


@pytest.mark.parametrize(
    ("above", "beside", "found"),
    [
        ("", "", ["TG101"]),
        ("# tidegate:ignore TG101 a landing page", "", []),
        ("", "# tidegate:ignore TG101 a landing page", []),
        ("", "// tidegate:ignore TG101: a landing page", []),
        ("/* tidegate:ignore TG101 a landing page */", "", []),
        ("# tidegate:ignore TG105, TG101 a landing page", "", ["TG003"]),
        ("# tidegate:ignore TG101", "", ["TG001", "TG101"]),
        ("# tidegate:ignore TG101 - ", "", ["TG001", "TG101"]),
        ("# tidegate:ignore", "", ["TG001", "TG101"]),
        ("# tidegate:ignore TG102 another rule", "", ["TG003", "TG101"]),
        ("# tidegate:ignore TG999 no rule", "", ["TG002", "TG101"]),
        ("role = 1 # tidegate:ignore TG101 of this line only", "", ["TG003", "TG101"]),
        ('role = "# tidegate:ignore TG101 no comment"', "", ["TG101"]),
        ("# see tidegate:ignore TG101 in the manual", "", ["TG101"]),
    ],
)
def test_a_comment_with_a_reason_suppresses_its_own_line_or_the_next(
    above: str, beside: str, found: list[str]
) -> None:
    text = PUBLIC.format(above=above, beside=beside)
    assert sorted(rule for _, rule in findings(text)) == found


def test_a_comment_suppresses_nothing_in_other_files() -> None:
    ignoring = PUBLIC.format(above="# tidegate:ignore TG101 here", beside="")
    documents = parse_all({"a/main.tf": ignoring, "b/main.tf": PUBLIC.format(above="", beside="")})
    assert [f.path for f in run(documents, POLICIES)] == ["b/main.tf"]


def test_findings_come_once_and_in_the_order_of_their_places() -> None:
    text = (EXAMPLES / "TG104_fail.tf").read_text()
    documents = (parse(text, "b.tf"), parse(text, "a.tf"))
    found = run(documents, POLICIES)
    assert list(found) == sorted(set(found))
    assert found == run(documents[::-1], POLICIES[::-1])


def test_a_finding_reads_as_one_line() -> None:
    (finding,) = run(read(PUBLIC.format(above="", beside="")), POLICIES)
    assert finding.severity is Severity.ERROR
    assert isinstance(finding, Finding)
    assert str(finding) == (
        "main.tf:3:3: error TG101: google_cloud_run_v2_job_iam_member.x lets allUsers call the service"
    )
    assert finding.hint.startswith("name the callers as members")


# ------------------------------------------------------------------------------------------------- secrets


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("a GitHub token", "ghp_" + "a1B2" * 9),
        ("a GitLab token", "glpat-" + "a1B2" * 5),
        ("a Google OAuth client secret", "GOCSPX-" + "a1B2" * 7),
        ("a Google OAuth token", "ya29." + "a1B2" * 8),
        ("a Slack token", "xoxb-" + "1234567890-abc"),
        ("a Slack webhook", "https://hooks.slack.com/services/T00000000/B00000000/" + "X" * 24),
        ("a Stripe key", "sk_live_" + "a1B2" * 6),
        ("a SendGrid key", "SG." + "a" * 22 + "." + "b" * 43),
        ("a JSON web token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3In0.c2lnbmF0dXJlIGJ5dGVz"),
        ("a private key", "-----BEGIN OPENSSH PRIVATE KEY-----"),
        ("an address with a password", "redis://:hunter2@10.0.0.4:6379/0"),
    ],
)
def test_a_value_is_known_by_its_shape(kind: str, value: str) -> None:
    assert secret_value(f"before {value} after") == kind


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com/a:b@c",
        "http://localhost:8080/@me",
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----",
        "mailto:someone@example.com",
        "AKIA is a prefix",
        "sk_test_0000",
        "postgres://user:$PASSWORD@host/db",
        "2026-11-23T09:30:00Z",
        "a" * 5000,
    ],
)
def test_a_harmless_value_is_none(value: str) -> None:
    assert secret_value(value) == ""


@pytest.mark.parametrize(
    "value", ["true", "off", "", " ", "/run/secrets/x", "sm://orders", "${TOKEN}", "$TOKEN"]
)
def test_the_name_alone_does_not_make_a_switch_or_a_reference_a_secret(value: str) -> None:
    assert not secret_name("API_TOKEN", value)


# -------------------------------------------------------------------------------------------------- manual


def test_the_manual_is_what_the_policies_say() -> None:
    # python -c "from tidegate.core.policies.page import page; print(page(), end='')" > docs/policies.md
    assert (ROOT / "docs" / "policies.md").read_text() == page()
