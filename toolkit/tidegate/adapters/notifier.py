"""Tells people through webhooks: implements `ports.Notifier`."""

from __future__ import annotations

import ipaddress
import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from tidegate.ports import Notice

_LOG = logging.getLogger(__name__)
_SHORT = 40

OnFailure = Callable[[str], None]
"""Called with one sentence that names the listener's host, never its whole URL: webhook URLs are secrets."""


class WebhookNotifier:
    """POSTs JSON in the form of Slack's incoming webhooks: `text`, and a field per detail.

    All listeners are told at once; `tell` returns after `timeout` seconds at the latest, whether they heard
    it or not. Without listeners it does nothing.
    """

    def __init__(
        self, urls: Sequence[str], *, timeout: float = 5.0, on_failure: OnFailure = _LOG.warning
    ) -> None:
        self._urls = tuple(urls)
        self._timeout = timeout
        self._on_failure = on_failure

    def tell(self, notice: Notice) -> None:
        until = time.monotonic() + self._timeout
        posts = [_Post(url, notice, self._timeout) for url in self._urls]
        for post in posts:
            post.start()
        for post in posts:
            failure = post.failure_by(until)
            if failure:
                self._report(f"{post.host} was not told: {failure}")

    def _report(self, sentence: str) -> None:
        try:
            self._on_failure(sentence)
        except Exception as error:  # noqa: BLE001  # whoever reports it must not stop a rollback either
            _LOG.debug("could not report %r: %s", sentence, error)


class _Post:
    """One request in a daemon thread, so that a listener that drips its answer delays nothing, not even the
    exit."""

    def __init__(self, url: str, notice: Notice, timeout: float) -> None:
        self.host = _host(url)
        self._url = url
        self._notice = notice
        self._timeout = timeout
        self._failure = ""
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def start(self) -> None:
        try:
            self._thread.start()
        except RuntimeError as error:
            self._failure = str(error)

    def failure_by(self, until: float) -> str:
        """Waits until the monotonic time `until`; the failure in words, empty if there was none."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, until - time.monotonic()))
        return "no answer in time" if self._thread.is_alive() else self._failure

    def _run(self) -> None:
        try:
            self._failure = _send(self._url, self.host, self._notice, self._timeout)
        except Exception as error:  # noqa: BLE001  # a deaf listener must not stop a rollback
            # Only the kind: the text of a requests error repeats the URL, which is a secret.
            self._failure = f"{type(error).__name__}"


def _send(url: str, host: str, notice: Notice, timeout: float) -> str:
    import requests

    body = json.dumps(_message(notice, plain=host == "chat.googleapis.com"), default=str)
    with requests.Session() as session:
        session.trust_env = not _is_loopback(host)
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "tidegate"}
        with session.post(
            url, data=body.encode(), headers=headers, timeout=timeout, allow_redirects=False, stream=True
        ) as answer:
            return "" if 200 <= answer.status_code < 300 else f"answered {answer.status_code}"


def _message(notice: Notice, *, plain: bool) -> dict[str, Any]:
    details = {"event": notice.event, **notice.details}
    if plain:  # Google Chat refuses fields it does not know
        lines = [notice.sentence, *(f"{name}: {_shown(value)}" for name, value in details.items())]
        return {"text": "\n".join(lines)}
    fields = [
        {"title": name, "value": (shown := _shown(value)), "short": len(shown) <= _SHORT}
        for name, value in details.items()
    ]
    return {"text": notice.sentence, "attachments": [{"fallback": notice.sentence, "fields": fields}]}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "a webhook without a host"
    except ValueError:
        return "a webhook with a malformed address"


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
