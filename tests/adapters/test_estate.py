"""What exists, read over REST: pages, absence, refusals and trouble on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from adapters.conftest import FakeClock
from adapters.web import Web, answer, serving
from tidegate.adapters.estate import GOOGLE, RestEstate, local_addresses, plain_session
from tidegate.adapters.retry import Retrying, RetryPolicy
from tidegate.core.adopt import Look
from tidegate.core.errors import Denied, Rejected, RemoteError, Unreachable

SECRET = Look("secrets", "projects/shop-prod/secrets/s")


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as found:
        yield found


def estate(web: Web) -> RestEstate:
    retrying = Retrying(FakeClock(), RetryPolicy(attempts=3))
    return RestEstate(plain_session, retrying, local_addresses(web.url))


def test_a_listing_comes_whole_and_is_asked_for_page_by_page(web: Web) -> None:
    pages = {"": {"dashboards": [{"name": "a"}], "nextPageToken": "x"}, "x": {"dashboards": [{"name": "b"}]}}

    def respond(handler: BaseHTTPRequestHandler) -> None:
        token = parse_qs(urlsplit(handler.path).query).get("pageToken", [""])[0]
        answer(handler, 200, json.dumps(pages[token]).encode())

    web.respond = respond
    found = estate(web).read(Look("monitoring", "v1/projects/p/dashboards", collection="dashboards"))
    assert found == {"dashboards": [{"name": "a"}, {"name": "b"}]}


def test_what_does_not_exist_is_none_and_an_empty_answer_is_not(web: Web) -> None:
    web.respond = lambda handler: answer(handler, 404, b'{"error": {"message": "no"}}')
    assert estate(web).read(SECRET) is None
    web.respond = lambda handler: answer(handler, 200, b"{}")
    assert estate(web).read(SECRET) == {}


@pytest.mark.parametrize(
    ("status", "body", "error", "attempts"),
    [
        (403, b'{"error": {"message": "Permission denied on secret"}}', Denied, 1),
        (401, b"", Denied, 1),
        (400, b'{"error": {"message": "bad"}}', Rejected, 1),
        (503, b"<html>busy</html>", Unreachable, 3),
        (200, b"<html>a proxy</html>", Rejected, 1),
        (302, b"", Rejected, 1),
    ],
)
def test_refusals_say_what_could_not_be_read(
    web: Web, status: int, body: bytes, error: type[RemoteError], attempts: int
) -> None:
    web.respond = lambda handler: answer(handler, status, body)
    with pytest.raises(error, match="cannot read projects/shop-prod/secrets/s") as caught:
        estate(web).read(SECRET)
    assert len(web.requests) == attempts
    assert "\n" not in caught.value.message


def test_nobody_listening_is_unreachable() -> None:
    nobody = RestEstate(plain_session, Retrying(FakeClock()), local_addresses("http://127.0.0.1:9"))
    with pytest.raises(Unreachable):
        nobody.read(SECRET)


def test_a_policy_is_read_with_the_verb_of_its_api(web: Web) -> None:
    verbs: list[str] = []

    def respond(handler: BaseHTTPRequestHandler) -> None:
        verbs.append(handler.command)
        answer(handler, 200, b"{}")

    web.respond = respond
    estate(web).read(Look("projects", "projects/shop-prod:getIamPolicy", "POST"))
    assert verbs == ["POST"]
    assert web.requests[0][0] == "/v1/projects/shop-prod:getIamPolicy"


def test_every_api_is_known_in_both_places() -> None:
    assert set(local_addresses("http://127.0.0.1:1")) == set(GOOGLE)
    assert all(address.endswith("/") for address in GOOGLE.values())
