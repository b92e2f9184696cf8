"""Webhooks: what arrives, and that nothing a listener does comes back."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from adapters.web import Web, answer, serving
from tidegate.adapters.notifier import WebhookNotifier
from tidegate.ports import Notice

NOTICE = Notice(
    "verdict",
    "orders-00002 leaks 1.9 descriptors a minute: rolled back",
    {"revision": "orders-00002", "percent": 5, "reasons": ["open fds climb"]},
)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as running:
        yield running


@pytest.fixture
def failures() -> list[str]:
    return []


def test_a_notice_arrives_as_text_and_fields(web: Web, failures: list[str]) -> None:
    WebhookNotifier([web.url + "/hook"], on_failure=failures.append).tell(NOTICE)
    ((path, headers, body),) = web.requests
    message = json.loads(body)
    assert path == "/hook"
    assert headers["Content-Type"].startswith("application/json")
    assert message["text"] == NOTICE.sentence
    (attachment,) = message["attachments"]
    assert {field["title"]: field["value"] for field in attachment["fields"]} == {
        "event": "verdict",
        "revision": "orders-00002",
        "percent": "5",
        "reasons": '["open fds climb"]',
    }
    assert not failures


def test_every_listener_is_told_though_one_is_deaf(web: Web, failures: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        deaf = f"http://127.0.0.1:{taken.getsockname()[1]}/T0/secret"
        WebhookNotifier([deaf, web.url], on_failure=failures.append).tell(NOTICE)
    assert len(web.requests) == 1
    (said,) = failures
    assert "127.0.0.1 was not told" in said
    assert "secret" not in said


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://host/x", "http://[::1/secret", "https://"])
def test_an_address_that_is_none_is_only_reported(url: str, failures: list[str]) -> None:
    WebhookNotifier([url], on_failure=failures.append).tell(NOTICE)
    assert len(failures) == 1
    assert "secret" not in failures[0]


def test_a_refusal_is_reported(web: Web, failures: list[str]) -> None:
    web.respond = lambda handler: answer(handler, 404)
    WebhookNotifier([web.url], on_failure=failures.append).tell(NOTICE)
    assert failures == ["127.0.0.1 was not told: answered 404"]


def test_a_redirect_is_not_followed(web: Web, failures: list[str]) -> None:
    with serving() as elsewhere:
        web.respond = lambda handler: answer(handler, 307, Location=elsewhere.url)
        WebhookNotifier([web.url], on_failure=failures.append).tell(NOTICE)
        assert not elsewhere.requests
    assert failures == ["127.0.0.1 was not told: answered 307"]


def test_a_silent_listener_is_left_behind(web: Web, failures: list[str]) -> None:
    web.respond = lambda handler: web.release.wait(20) and None
    WebhookNotifier([web.url, web.url], timeout=0.2, on_failure=failures.append).tell(NOTICE)
    assert len(failures) == 2
    web.release.set()


def test_details_that_are_not_json_are_shown_anyway(web: Web) -> None:
    WebhookNotifier([web.url]).tell(Notice("end", "done", {"who": object, "n": {1, 2}}))
    assert len(web.requests) == 1


def test_who_reports_a_failure_may_fail_too() -> None:
    def broken(sentence: str) -> None:
        raise RuntimeError(sentence)

    WebhookNotifier(["nonsense"], on_failure=broken).tell(NOTICE)


def test_without_listeners_nothing_happens(failures: list[str]) -> None:
    WebhookNotifier([], on_failure=failures.append).tell(NOTICE)
    assert not failures
