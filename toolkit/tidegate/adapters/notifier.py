"""Webhooks as destinations of notices: plain JSON, and the form that Slack and its like understand."""

from __future__ import annotations

import ipaddress
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tidegate.adapters.delivery import PATIENCE, TIMEOUT, Delivery, Listener, OnFailure
from tidegate.ports import Notice

_LOG = logging.getLogger(__name__)
_SHORT = 40
_GOOGLE_CHAT = "chat.googleapis.com"


def WebhookNotifier(  # noqa: N802  # a notifier, as far as anybody who tells it something can see
    urls: Sequence[str],
    *,
    timeout: float = TIMEOUT,
    patience: float = PATIENCE,
    on_failure: OnFailure = _LOG.warning,
) -> Delivery:
    """Tells all of it to every address, in Slack's form. Without addresses it does nothing."""
    listeners = [Listener(Slack(url)) for url in urls]
    return Delivery(listeners, timeout=timeout, patience=patience, on_failure=on_failure)


@dataclass(frozen=True)
class Webhook:
    """POSTs one flat JSON object: `event`, `text`, and whatever the notice has to tell beside it."""

    url: str = field(repr=False)

    @property
    def name(self) -> str:
        return _host(self.url)

    def send(self, notice: Notice, timeout: float) -> str:
        return _post(self.url, _said_plainly(notice) if self.name == _GOOGLE_CHAT else flat(notice), timeout)


@dataclass(frozen=True)
class Slack:
    """POSTs JSON in the form of Slack's incoming webhooks: `text`, and a field per detail."""

    url: str = field(repr=False)

    @property
    def name(self) -> str:
        return _host(self.url)

    def send(self, notice: Notice, timeout: float) -> str:
        return _post(
            self.url, _said_plainly(notice) if self.name == _GOOGLE_CHAT else _attached(notice), timeout
        )


def flat(notice: Notice) -> dict[str, Any]:
    return {**notice.details, "event": notice.event, "text": notice.sentence}


def _attached(notice: Notice) -> dict[str, Any]:
    fields = [
        {"title": name, "value": (shown := _shown(value)), "short": len(shown) <= _SHORT}
        for name, value in _details(notice).items()
    ]
    return {"text": notice.sentence, "attachments": [{"fallback": notice.sentence, "fields": fields}]}


def _said_plainly(notice: Notice) -> dict[str, Any]:
    """Google Chat refuses fields it does not know."""
    told = (f"{name}: {_shown(value)}" for name, value in _details(notice).items())
    return {"text": "\n".join((notice.sentence, *told))}


def _details(notice: Notice) -> Mapping[str, Any]:
    return {"event": notice.event, **notice.details}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _post(url: str, message: Mapping[str, Any], timeout: float) -> str:
    import requests

    with requests.Session() as session:
        session.trust_env = not is_loopback(_host(url))
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "tidegate"}
        body = json.dumps(message, default=str).encode()
        try:
            with session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
            ) as answer:
                return "" if 200 <= answer.status_code < 300 else f"answered {answer.status_code}"
        except requests.Timeout:
            return "no answer in time"


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "a webhook without a host"
    except ValueError:
        return "a webhook with a malformed address"


def is_loopback(host: str) -> bool:
    """Proxies of the environment, and logins out of ~/.netrc, are not for this machine's own ports."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
