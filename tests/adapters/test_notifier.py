"""Listeners of a rollout: what arrives, and that nothing a listener does comes back."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
import requests
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials

from adapters.web import Web, answer, serving
from tidegate.adapters.delivery import Delivery, Listener
from tidegate.adapters.notifier import Webhook, WebhookNotifier
from tidegate.adapters.pubsub import PubSub, on_emulator
from tidegate.core.errors import Denied
from tidegate.ports import Notice

NOTICE = Notice(
    "verdict",
    "orders-00002 leaks 1.9 descriptors a minute: rolled back",
    {"revision": "orders-00002", "percent": 5, "reasons": ["open fds climb"]},
)
TOPIC = "projects/shop-prod/topics/rollouts"


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as running:
        yield running


@pytest.fixture
def failures() -> list[str]:
    return []


def tell(urls: list[str], failures: list[str], *notices: Notice, patience: float = 10.0) -> None:
    """Tells it to all, and waits until all have heard it or will not."""
    with WebhookNotifier(urls, timeout=5.0, patience=patience, on_failure=failures.append) as delivery:
        for notice in notices or (NOTICE,):
            delivery.tell(notice)


def test_a_notice_arrives_as_text_and_fields(web: Web, failures: list[str]) -> None:
    tell([web.url + "/hook"], failures)
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
        tell([deaf, web.url], failures)
    assert len(web.requests) == 1
    (said,) = failures
    assert "127.0.0.1 was not told" in said
    assert "secret" not in said


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://host/x", "http://[::1/secret", "https://"])
def test_an_address_that_is_none_is_only_reported(url: str, failures: list[str]) -> None:
    tell([url], failures)
    assert len(failures) == 1
    assert "secret" not in failures[0]


def test_a_refusal_is_reported(web: Web, failures: list[str]) -> None:
    web.respond = lambda handler: answer(handler, 404)
    tell([web.url], failures)
    assert failures == ["127.0.0.1 was not told: answered 404"]


def test_a_redirect_is_not_followed(web: Web, failures: list[str]) -> None:
    with serving() as elsewhere:
        web.respond = lambda handler: answer(handler, 307, Location=elsewhere.url)
        tell([web.url], failures)
        assert not elsewhere.requests
    assert failures == ["127.0.0.1 was not told: answered 307"]


def test_telling_waits_for_nobody(web: Web, failures: list[str]) -> None:
    """The listener answers only after all has been told: whoever waited for it would wait in vain."""

    def respond(handler: BaseHTTPRequestHandler) -> None:
        answer(handler, 200 if web.release.wait(10) else 504)

    web.respond = respond
    with WebhookNotifier([web.url], timeout=20.0, patience=20.0, on_failure=failures.append) as delivery:
        for event in ("step", "verdict", "end"):
            delivery.tell(Notice(event, event))
        web.release.set()
    assert [json.loads(body)["text"] for _, _, body in web.requests] == ["step", "verdict", "end"]
    assert not failures


def test_a_silent_listener_is_left_behind(web: Web, failures: list[str]) -> None:
    web.respond = lambda handler: web.release.wait(20) and None
    tell([web.url], failures, NOTICE, NOTICE, NOTICE, patience=0.2)
    assert failures == ["127.0.0.1 was not told: no answer in time, nor of 2 more notices"]


def test_a_listener_that_was_slow_once_is_told_the_rest(web: Web, failures: list[str]) -> None:
    web.respond = lambda h: (web.release.wait(20) and None) if len(web.requests) == 1 else answer(h, 200)
    with WebhookNotifier([web.url], timeout=0.4, patience=10.0, on_failure=failures.append) as delivery:
        for event in ("step", "verdict", "end"):
            delivery.tell(Notice(event, event))
    assert [json.loads(body)["text"] for _, _, body in web.requests] == ["step", "verdict", "end"]
    assert failures == ["127.0.0.1 was not told: no answer in time"]


def test_more_than_a_listener_can_take_is_counted_and_not_kept(web: Web, failures: list[str]) -> None:
    web.respond = lambda handler: web.release.wait(20) and None
    tell([web.url], failures, *[NOTICE] * 500, patience=0.1)
    assert failures == ["127.0.0.1 was not told: no answer in time, nor of 499 more notices"]


def test_no_thread_stays_behind(web: Web) -> None:
    before = set(threading.enumerate())
    for _ in range(5):
        tell([web.url, web.url], [])
    assert not [t for t in set(threading.enumerate()) - before if t.name in ("listener", "notice")]


def test_failures_are_reported_by_who_tells_not_by_who_fails() -> None:
    reported: list[str] = []

    def report(sentence: str) -> None:
        reported.append(threading.current_thread().name)

    with WebhookNotifier(["nonsense"], on_failure=report) as delivery:
        delivery.tell(NOTICE)
    assert reported == [threading.current_thread().name]


def test_after_the_end_nobody_is_told(web: Web, failures: list[str]) -> None:
    delivery = WebhookNotifier([web.url], on_failure=failures.append)
    delivery.close()
    delivery.tell(NOTICE)
    delivery.close()
    assert not web.requests


def test_details_that_are_not_json_are_shown_anyway(web: Web, failures: list[str]) -> None:
    tell([web.url], failures, Notice("end", "done", {"who": object, "n": {1, 2}}))
    assert len(web.requests) == 1
    assert not failures


def test_who_reports_a_failure_may_fail_too() -> None:
    def broken(sentence: str) -> None:
        raise RuntimeError(sentence)

    with WebhookNotifier(["nonsense"], on_failure=broken) as delivery:
        delivery.tell(NOTICE)


def test_without_listeners_nothing_happens(failures: list[str]) -> None:
    tell([], failures)
    assert not failures


# ------------------------------------------------------------------------------- whom, what, in which form


def test_a_listener_hears_of_what_it_asked_for(web: Web) -> None:
    with Delivery([Listener(Webhook(web.url), frozenset({"start", "end"}))]) as delivery:
        for event in ("start", "smoke", "step", "verdict", "end"):
            delivery.tell(Notice(event, event))
    assert [json.loads(body)["event"] for _, _, body in web.requests] == ["start", "end"]


def test_a_plain_webhook_gets_one_flat_object(web: Web) -> None:
    with Delivery([Listener(Webhook(web.url))]) as delivery:
        delivery.tell(NOTICE)
    ((_, _, body),) = web.requests
    assert json.loads(body) == {**NOTICE.details, "event": "verdict", "text": NOTICE.sentence}


def test_an_address_is_not_in_what_is_shown_of_a_listener() -> None:
    assert "secret" not in repr(Listener(Webhook("https://hooks.test/secret")))


def publish(topic: PubSub, failures: list[str], notice: Notice | None = None) -> None:
    told = Notice("end", "promoted", {"service": "projects/p/services/orders", "rollout": "r1", "n": 3})
    with Delivery([Listener(topic)], on_failure=failures.append) as delivery:
        delivery.tell(notice or told)


@pytest.fixture
def topic(web: Web) -> PubSub:
    return on_emulator(TOPIC, web.url.removeprefix("http://"))


def test_a_topic_gets_the_json_and_attributes_to_filter_by(
    web: Web, topic: PubSub, failures: list[str]
) -> None:
    publish(topic, failures)
    ((path, headers, body),) = web.requests
    (message,) = json.loads(body)["messages"]
    known = {"service": "projects/p/services/orders", "rollout": "r1"}
    assert path == f"/v1/{TOPIC}:publish"
    assert "Authorization" not in headers
    assert message["attributes"] == {"event": "end", **known}
    assert json.loads(base64.b64decode(message["data"])) == {
        "event": "end", "text": "promoted", "n": 3, **known,
    }  # fmt: skip
    assert not failures


def test_attributes_that_are_not_known_are_left_out(web: Web, topic: PubSub, failures: list[str]) -> None:
    publish(topic, failures, Notice("step", "x" * 5000, {"service": "s" * 5000}))
    ((_, _, body),) = web.requests
    (message,) = json.loads(body)["messages"]
    assert message["attributes"] == {"event": "step", "service": "s" * 1024}


def test_a_topic_that_refuses_says_why(web: Web, topic: PubSub, failures: list[str]) -> None:
    refusal = json.dumps({"error": {"message": "User not authorized\nto perform this action."}}).encode()
    web.respond = lambda handler: answer(handler, 403, refusal)
    publish(topic, failures)
    assert failures == [f"{TOPIC} was not told: answered 403: User not authorized to perform this action."]


def test_no_credentials_for_a_topic_are_only_reported(failures: list[str]) -> None:
    def session() -> requests.Session:
        raise Denied("no usable Google credentials: none found")

    publish(PubSub(TOPIC, session), failures)
    assert failures == [f"{TOPIC} was not told: no usable Google credentials: none found"]


class OnLoopback(requests.adapters.HTTPAdapter):
    """Sends what is meant for Google to a server of the test."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *arguments: Any, **more: Any) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace("https://pubsub.googleapis.com", self._url)
        return super().send(request, *arguments, **more)


def test_a_topic_of_google_is_told_with_credentials(web: Web, failures: list[str]) -> None:
    def session() -> requests.Session:
        opened = AuthorizedSession(Credentials("token-of-the-deployer"))
        opened.mount("https://pubsub.googleapis.com", OnLoopback(web.url))
        opened.trust_env = False
        return opened

    publish(PubSub(TOPIC, session), failures)
    ((path, headers, _),) = web.requests
    assert path == f"/v1/{TOPIC}:publish"
    sent = {name.lower(): value for name, value in headers.items()}
    assert sent["authorization"] == "Bearer token-of-the-deployer"
    assert not failures
