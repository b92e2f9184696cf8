"""Lines of Terraform's JSON and text to values, without a Terraform."""

import json
from pathlib import Path
from typing import Any

import pytest

from tidegate.adapters.terraform.explain import failure
from tidegate.adapters.terraform.secrets import secrets_in_environment
from tidegate.adapters.terraform.stream import (
    KEPT_LINES,
    LINE_LIMIT,
    EventStream,
    Lines,
    Masker,
    diagnostics_in,
    text_of,
)
from tidegate.ports import Diagnostic, Progress

FRAMED = """\x1b[31m╷\x1b[0m\x1b[0m
\x1b[31m│\x1b[0m \x1b[0m\x1b[1m\x1b[31mError: \x1b[0m\x1b[0m\x1b[1mInvalid index\x1b[0m
\x1b[31m│\x1b[0m \x1b[0m
\x1b[31m│\x1b[0m \x1b[0m  with google_cloud_run_v2_service.this,
\x1b[31m│\x1b[0m \x1b[0m  on main.tf line 12, in resource "google_cloud_run_v2_service" "this":
\x1b[31m│\x1b[0m \x1b[0m  12:   image = var.images[0]
\x1b[31m│\x1b[0m \x1b[0m
\x1b[31m│\x1b[0m \x1b[0mThe list is
\x1b[31m│\x1b[0m \x1b[0mempty.
\x1b[31m╵\x1b[0m\x1b[0m
"""


def told(event: dict[str, Any], mask: Masker | None = None) -> list[Progress]:
    seen: list[Progress] = []
    EventStream(seen.append, mask or Masker()).line(json.dumps(event))
    return seen


def hook(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "hook": {"resource": {"addr": "a.b"}, **more}}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (hook("apply_start", action="create"), Progress("start", "a.b", "create")),
        (
            hook("apply_progress", action="update", elapsed_seconds=10),
            Progress("progress", "a.b", "update", "", 10.0),
        ),
        (
            hook("apply_complete", action="delete", elapsed_seconds=3),
            Progress("done", "a.b", "delete", "", 3.0),
        ),
        (hook("apply_errored", action="create"), Progress("failed", "a.b", "create")),
        (hook("refresh_start"), Progress("start", "a.b", "refresh")),
        (hook("refresh_complete"), Progress("done", "a.b", "refresh")),
        (hook("provision_progress", output="hello"), Progress("progress", "a.b", "provision", "hello")),
        (
            {
                "type": "planned_change",
                "change": {"resource": {"addr": "a.b"}, "action": "replace", "reason": "cannot_update"},
            },
            Progress("plan", "a.b", "replace", "cannot update"),
        ),
        (
            {"type": "resource_drift", "change": {"resource": {"addr": "a.b"}, "action": "update"}},
            Progress("plan", "a.b", "drift", "changed outside Terraform (update)"),
        ),
        (
            {"type": "change_summary", "@message": "Plan: 1 to add", "changes": {"operation": "plan"}},
            Progress("summary", "", "plan", "Plan: 1 to add"),
        ),
        (
            {"type": "diagnostic", "diagnostic": {"severity": "warning", "summary": "Old", "detail": "Very"}},
            Progress("diagnostic", "", "warning", "Old: Very"),
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_events_become_progress(event: dict[str, Any], expected: Progress) -> None:
    assert told(event) == [expected]


@pytest.mark.parametrize(
    "event",
    [
        {"type": "version", "terraform": "1.11.4"},
        {"type": "outputs", "outputs": {"password": {"value": "x"}}},
        {"type": "log", "@message": "Stopping operation..."},
        {"type": "something_of_the_future", "hook": 3},
        {"type": "apply_start", "hook": None},
    ],
    ids=lambda event: event["type"],
)
def test_events_of_no_interest_or_odd_form_do_no_harm(event: dict[str, Any]) -> None:
    assert all(progress.message == "" for progress in told(event))


def test_lines_that_are_no_events_are_kept_the_last_ones_only() -> None:
    stream = EventStream(None, Masker())
    for number in range(KEPT_LINES + 5):
        stream.line(f"plain {number}")
    stream.line('{"not": "an event"}')
    stream.line("[1, 2]")
    assert len(stream.other) == KEPT_LINES
    assert stream.other[-1] == "[1, 2]"


def test_the_same_diagnostic_is_told_once() -> None:
    seen: list[Progress] = []
    stream = EventStream(seen.append, Masker())
    event = json.dumps(
        {"type": "diagnostic", "diagnostic": {"severity": "error", "summary": "execution halted"}}
    )
    stream.line(event)
    stream.line(event)
    assert len(seen) == len(stream.diagnostics) == 1


def test_lines_come_whole_however_they_are_cut() -> None:
    text = "one\ntwö\n\nthree"
    for size in (1, 2, 3, 100):
        lines: list[str] = []
        splitter = Lines(lines.append)
        data = text.encode()
        for at in range(0, len(data), size):
            splitter.feed(data[at : at + size])
        splitter.close()
        assert lines == ["one", "twö", "three"]


def test_an_endless_line_does_not_fill_memory() -> None:
    lines: list[str] = []
    splitter = Lines(lines.append)
    for _ in range(20):
        splitter.feed(b"x" * (1024 * 1024))
    splitter.feed(b"\nshort\n")
    assert [len(line) for line in lines] == [LINE_LIMIT, 5]


def test_text_for_people_is_read_in_its_frame_and_colours() -> None:
    assert diagnostics_in("Warning: first\n\nIt is only that.\n\n" + FRAMED) == [
        Diagnostic("warning", "first", "It is only that."),
        Diagnostic(
            "error", "Invalid index", "The list is\nempty.", "main.tf", 12, "google_cloud_run_v2_service.this"
        ),
    ]


def test_a_diagnostic_as_text_has_its_place() -> None:
    assert (
        text_of(Diagnostic("error", "Bad", "Really.", "main.tf", 3, "a.b")) == "Bad (a.b, main.tf:3): Really."
    )
    assert text_of(Diagnostic("error", "Bad")) == "Bad"


def test_secrets_are_masked_the_longest_first_and_line_by_line() -> None:
    mask = Masker(["hunter2", "hunter2-and-more", "BEGIN\nsecond line\nEND", "abc"])
    assert mask("hunter2-and-more hunter2") == "(sensitive value) (sensitive value)"
    assert mask("| second line |") == "| (sensitive value) |"
    assert mask("abc") == "abc"


def test_credentials_in_the_environment_are_secrets_and_their_files_are_not() -> None:
    found = secrets_in_environment(
        {
            "GOOGLE_OAUTH_ACCESS_TOKEN": "ya29.a0ARrdaM",
            "GOOGLE_APPLICATION_CREDENTIALS": "/home/me/key.json",
            "GOOGLE_CREDENTIALS": '{"private_key": "k"}',
            "LOCAL_TOKEN": "local",
            "HOME": "/home/me",
        }
    )
    assert set(found) == {"ya29.a0ARrdaM", '{"private_key": "k"}'}


def failed(*diagnostics: Diagnostic, other: tuple[str, ...] = (), code: int = 1) -> tuple[str, str]:
    error = failure("apply", Path("svc"), code, diagnostics, other)
    return error.message, error.hint


def test_a_lock_in_a_bucket_is_explained() -> None:
    detail = (
        "Error message: writing failed: googleapi: Error 412\nLock Info:\n  ID:        1690000000000000\n"
        "  Path:      gs://state/orders/default.tflock\n  Operation: OperationTypePlan\n"
        "  Who:       ci@runner-7\n  Version:   1.11.4\n"
        "  Created:   2026-01-02 03:04:05.678 +0000 UTC\n  Info:      \n\n\nTerraform acquires"
    )
    message, hint = failed(Diagnostic("error", "Error acquiring the state lock", detail))
    assert message == (
        "The Terraform state of svc is locked by ci@runner-7 since 2026-01-02 03:04:05 UTC for plan"
    )
    assert "terraform force-unlock 1690000000000000" in hint


def test_a_lock_that_could_not_be_tried_is_no_lock_held() -> None:
    message, hint = failed(
        Diagnostic("error", "Error acquiring the state lock", "Error message: 403\n Forbidden")
    )
    assert "cannot lock the state" in message
    assert "403 Forbidden" in message
    assert "force-unlock" not in hint


def test_without_diagnostics_the_last_words_are_told() -> None:
    assert failed(other=("", "panic: oh no"))[0].endswith("exit code 1:\n  panic: oh no")
    assert failed(code=-9)[0] == "terraform apply in svc was killed by signal 9 and said nothing"
