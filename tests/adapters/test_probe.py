"""Smoke checks against real HTTP servers, healthy and otherwise."""

from __future__ import annotations

import datetime
import gzip
import socket
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from adapters.conftest import FakeClock
from adapters.web import Respond, Web, answer, serving
from tidegate.adapters.clock import SystemClock
from tidegate.adapters.probe import HttpProbe, audience
from tidegate.ports import Smoke


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as running:
        yield running


@pytest.fixture
def probe(clock: FakeClock) -> HttpProbe:
    return HttpProbe(clock)


def test_a_healthy_answer_is_ok(web: Web, probe: HttpProbe) -> None:
    result = probe.check(web.url + "/", Smoke("/healthz", contains="ok"))
    assert result.ok
    assert result.sentence == f"GET {web.url}/healthz: answered 200 and contains 'ok'"
    assert [path for path, _, _ in web.requests] == ["/healthz"]


@pytest.mark.parametrize(
    ("status", "body", "smoke", "words"),
    [
        (503, b"starting", Smoke(), "answered 503, expected 200"),
        (200, b"hello", Smoke(contains="ok"), "does not contain 'ok'"),
        (403, b"", Smoke(), "no identity token could be sent"),
        (200, b"\xff\xfe", Smoke(contains="ok"), "does not contain"),
    ],
)
def test_an_unhealthy_answer_is_a_result(
    web: Web, probe: HttpProbe, clock: FakeClock, status: int, body: bytes, smoke: Smoke, words: str
) -> None:
    web.respond = lambda handler: answer(handler, status, body)
    result = probe.check(web.url, smoke)
    assert not result.ok
    assert words in result.sentence
    assert "attempt 3 of 3" in result.sentence
    assert len(web.requests) == 3
    assert len(clock.slept) == 2


def test_the_expected_status_need_not_be_200(web: Web, probe: HttpProbe) -> None:
    web.respond = lambda handler: answer(handler, 404)
    assert probe.check(web.url, Smoke(status=404)).ok


def test_a_cold_start_gets_another_attempt(web: Web, probe: HttpProbe) -> None:
    web.respond = lambda handler: answer(handler, 200 if len(web.requests) > 1 else 503)
    result = probe.check(web.url, Smoke())
    assert result.ok
    assert "attempt 2 of 3" in result.sentence
    assert result.seconds > 0


def answering_in(clock: FakeClock, *seconds: float) -> Respond:
    """Each answer takes its time; the last one's is that of all that follow."""
    left = list(seconds)

    def respond(handler: BaseHTTPRequestHandler) -> None:
        clock.sleep(left.pop(0) if len(left) > 1 else left[0])
        answer(handler, 200, b"ok")

    return respond


def test_a_slow_answer_does_not_pass(web: Web, probe: HttpProbe, clock: FakeClock) -> None:
    web.respond = answering_in(clock, 0.75)
    result = probe.check(web.url, Smoke(max_latency=0.5))
    assert not result.ok
    assert result.sentence == (
        f"GET {web.url}/: answered 200, but in 0.75 s; at most 0.5 s is allowed (attempt 3 of 3)"
    )


def test_the_attempt_that_passes_must_be_fast_not_the_first(
    web: Web, probe: HttpProbe, clock: FakeClock
) -> None:
    web.respond = answering_in(clock, 4.0, 0.25)
    result = probe.check(web.url, Smoke(max_latency=0.5))
    assert result.ok
    assert result.sentence == f"GET {web.url}/: answered 200, in 0.25 s (attempt 2 of 3)"


def test_reading_the_body_counts_where_it_is_looked_at(web: Web, probe: HttpProbe, clock: FakeClock) -> None:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        web.release.wait(0.05)  # the client has the head by now, and waits for the body
        clock.sleep(2.0)
        handler.wfile.write(b"ok")

    web.respond = respond
    result = probe.check(web.url, Smoke(contains="ok", max_latency=1.0, attempts=1))
    assert not result.ok
    assert "contains 'ok', but in 2 s" in result.sentence


def test_a_wrong_answer_is_wrong_however_fast(web: Web, probe: HttpProbe) -> None:
    web.respond = lambda handler: answer(handler, 503)
    result = probe.check(web.url, Smoke(max_latency=5.0, attempts=1))
    assert not result.ok
    assert "answered 503, expected 200" in result.sentence


def test_without_a_limit_latency_is_nothing(web: Web, probe: HttpProbe, clock: FakeClock) -> None:
    web.respond = answering_in(clock, 60.0)
    assert probe.check(web.url, Smoke()).sentence == f"GET {web.url}/: answered 200"


def test_a_redirect_is_not_followed(web: Web, probe: HttpProbe) -> None:
    with serving() as elsewhere:
        web.respond = lambda handler: answer(handler, 302, Location=elsewhere.url)
        result = probe.check(web.url, Smoke(attempts=1))
        assert not result.ok
        assert f"redirects to {elsewhere.url}" in result.sentence
        assert not elsewhere.requests


def test_nobody_there_is_a_result(probe: HttpProbe) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = probe.check(f"http://127.0.0.1:{taken.getsockname()[1]}", Smoke(attempts=2))
    assert not result.ok
    assert "no answer: Connection refused" in result.sentence


@pytest.mark.parametrize("url", ["", "http://", "nonsense", "http://[::1", "https://[::1", "http://h:99999"])
def test_an_address_that_is_none_is_a_result(url: str, clock: FakeClock) -> None:
    assert not HttpProbe(clock, lambda audience: "token").check(url, Smoke(attempts=1)).ok


def test_a_silent_server_is_given_up(web: Web) -> None:
    web.respond = lambda handler: web.release.wait(20) and None
    result = HttpProbe(SystemClock()).check(web.url, Smoke(timeout=0.2, attempts=1))
    assert not result.ok
    assert "no answer within 0.2 s" in result.sentence


def test_a_dripping_body_is_given_up(web: Web) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not web.release.wait(0.02):
            handler.wfile.write(b".")
            handler.wfile.flush()

    web.respond = drip
    result = HttpProbe(SystemClock()).check(web.url, Smoke(contains="ok", timeout=0.3, attempts=1))
    assert not result.ok
    assert "does not contain 'ok' in the first" in result.sentence


def test_an_endless_body_is_read_only_so_far(web: Web, probe: HttpProbe) -> None:
    web.respond = lambda handler: answer(handler, 200, b"x" * 3_000_000 + b"ok")
    result = probe.check(web.url, Smoke(contains="ok", attempts=1))
    assert not result.ok
    assert "in the first 1,0" in result.sentence


def test_a_compressed_body_is_understood(web: Web, probe: HttpProbe) -> None:
    packed = gzip.compress(b"all is ok")
    web.respond = lambda handler: answer(handler, 200, packed, **{"Content-Encoding": "gzip"})
    assert probe.check(web.url, Smoke(contains="all is ok", attempts=1)).ok


def test_a_broken_body_is_a_result(web: Web, probe: HttpProbe) -> None:
    web.respond = lambda handler: answer(handler, 200, b"not gzip", **{"Content-Encoding": "gzip"})
    assert not probe.check(web.url, Smoke(contains="ok", attempts=1)).ok


def test_proxies_of_the_environment_are_not_for_this_machine(
    web: Web, probe: HttpProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    assert probe.check(web.url, Smoke(attempts=1)).ok


def test_a_login_out_of_netrc_does_not_replace_the_token(
    web: Web, probe: HttpProbe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr("tidegate.adapters.probe._is_loopback", lambda url: False)
    assert probe.check(web.url, Smoke()).ok
    assert "Authorization" not in web.requests[0][1]


def test_no_token_is_made_for_plain_http(web: Web, clock: FakeClock) -> None:
    asked: list[str] = []
    probe = HttpProbe(clock, identity_token=lambda audience: asked.append(audience) or "secret")  # type: ignore[func-returns-value]  # append returns None
    assert probe.check(web.url, Smoke()).ok
    assert not asked
    assert "Authorization" not in web.requests[0][1]


def test_a_token_is_asked_for_once_per_check(clock: FakeClock) -> None:
    asked: list[str] = []

    def token(audience: str) -> None:
        asked.append(audience)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{taken.getsockname()[1]}"
        HttpProbe(clock, token).check(f"{url}/", Smoke(attempts=3))
    assert asked == [url]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Key and certificate of `localhost`, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "localhost.pem"
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


def test_the_token_goes_along_to_the_tag_address(
    clock: FakeClock, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setattr("tidegate.adapters.probe._is_loopback", lambda url: False)  # else it is not read
    with serving(certificate) as web:
        url = web.url.replace("127.0.0.1", "localhost")
        result = HttpProbe(clock, lambda audience: f"token for {audience}").check(url, Smoke("/healthz"))
    assert result.ok, result.sentence
    ((path, headers, _),) = web.requests
    assert (path, headers["Authorization"]) == ("/healthz", f"Bearer token for {url}")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://next---orders-abc.a.run.app/x", "https://orders-abc.a.run.app"),
        ("https://orders-123.europe-west1.run.app", "https://orders-123.europe-west1.run.app"),
    ],
)
def test_the_audience_is_the_service(url: str, expected: str) -> None:
    assert audience(url) == expected
