"""HTTP smoke checks on a tag address: implements `ports.Probe`."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tidegate.ports import Clock, Smoke, SmokeResult

if TYPE_CHECKING:
    import requests

_MOST_BODY = 1_048_576
_PAUSE = 1.0
_SHOWN = 120

IdentityToken = Callable[[str], str | None]
"""Audience (the URL of the service) → an identity token, or None when none can be made."""


class HttpProbe:
    def __init__(self, clock: Clock, identity_token: IdentityToken | None = None) -> None:
        """`identity_token` is asked once per check, and never for plain http."""
        self._clock = clock
        self._identity_token = identity_token

    def check(self, base_url: str, smoke: Smoke) -> SmokeResult:
        """Repeats up to `smoke.attempts` times with a pause between. `timeout` bounds each attempt,
        and `max_latency` the one that passes."""
        import requests

        started = self._clock.now()
        url = base_url.rstrip("/") + "/" + smoke.path.lstrip("/")
        attempts = max(1, smoke.attempts)
        said = "no attempt was made"
        with requests.Session() as session:
            # Proxies of the environment, and logins out of ~/.netrc, have no business on this machine's own
            # ports.
            session.trust_env = not _is_loopback(url)
            headers = self._headers(base_url)
            for number in range(1, attempts + 1):
                ok, said = _attempt(session, url, smoke, headers, self._clock)
                if ok or number == attempts:
                    break
                self._clock.sleep(_PAUSE)
        tries = "" if number == 1 else f" (attempt {number} of {attempts})"
        return SmokeResult(ok, f"GET {url}: {said}{tries}", max(0.0, self._clock.now() - started))

    def _headers(self, base_url: str) -> dict[str, str]:
        headers = {"User-Agent": "tidegate-smoke"}
        if self._identity_token and base_url.startswith("https://"):
            with contextlib.suppress(ValueError):  # a malformed address: the attempt itself will say so
                if token := self._identity_token(audience(base_url)):
                    headers["Authorization"] = f"Bearer {token}"
        return headers


def audience(url: str) -> str:
    """The URL of the service behind a tag address: a token for it is what Cloud Run accepts on every tag."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('---')[2]}"


def _attempt(
    session: requests.Session, url: str, smoke: Smoke, headers: dict[str, str], clock: Clock
) -> tuple[bool, str]:
    import requests
    import urllib3

    began = clock.now()
    try:
        # A redirect is judged as the answer it is: following it could praise another service's page.
        with session.get(
            url, headers=headers, auth=_as_given, timeout=smoke.timeout, allow_redirects=False, stream=True
        ) as answer:
            ok, said = _judge(answer, smoke, clock)
    except requests.Timeout:
        return False, f"no answer within {smoke.timeout:g} s"
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        return False, f"no answer: {_reason(error)}"
    taken, most = clock.now() - began, smoke.max_latency
    if most is None:
        return ok, said
    if ok and taken > most:
        return False, f"{said}, but in {taken:.3g} s; at most {most:g} s is allowed"
    return ok, f"{said}, in {taken:.3g} s" if ok else said


def _as_given(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without an `auth` of its own, requests would put a login out of ~/.netrc in the place of our token."""
    return request


def _judge(answer: requests.Response, smoke: Smoke, clock: Clock) -> tuple[bool, str]:
    if answer.status_code != smoke.status:
        return False, f"answered {answer.status_code}, expected {smoke.status}{_explained(answer)}"
    if not smoke.contains:
        return True, f"answered {answer.status_code}"
    body, whole = _body(answer, clock.now() + smoke.timeout, clock)
    if smoke.contains in body:
        return True, f"answered {answer.status_code} and contains {smoke.contains!r}"
    part = "" if whole else f" in the first {len(body):,} characters"
    return False, f"answered {answer.status_code}, but does not contain {smoke.contains!r}{part}"


def _body(answer: requests.Response, until: float, clock: Clock) -> tuple[str, bool]:
    """The text, and whether it is all of it: bounded in size and, for a server that drips, in time."""
    found = bytearray()
    raw: Any = answer.raw
    while (room := _MOST_BODY - len(found)) > 0:
        chunk = raw.read1(min(room, 65_536), decode_content=True)
        if not chunk:
            return _text(found, answer), True
        found += chunk
        if clock.now() > until:
            break
    return _text(found, answer), False


def _text(body: bytearray, answer: requests.Response) -> str:
    try:
        return body.decode(answer.encoding or "utf-8", errors="replace")
    except LookupError:
        return body.decode("utf-8", errors="replace")


def _explained(answer: requests.Response) -> str:
    if answer.is_redirect:
        return f" (redirects to {answer.headers.get('Location', '')[:_SHOWN]})"
    if answer.status_code in (401, 403) and "Authorization" not in answer.request.headers:
        return " (no identity token could be sent)"
    return ""


def _reason(error: Exception) -> str:
    """The innermost cause, without the layers of the HTTP library around it."""
    cause: BaseException = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    said = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return " ".join(str(said).split())[: 2 * _SHOWN]


def _is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
