"""A Pub/Sub topic as a destination of notices, by one REST call a notice."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tidegate.adapters.notifier import flat
from tidegate.core.errors import TidegateError
from tidegate.ports import Notice

if TYPE_CHECKING:
    import requests

_API = "https://pubsub.googleapis.com"
_SHOWN = 200
_LONGEST_ATTRIBUTE = 1024
"""Bytes that Pub/Sub allows the value of an attribute."""


class PubSub:
    """Publishes the JSON of a webhook, with `event`, `service` and `rollout` as attributes to filter by."""

    def __init__(self, topic: str, session: Callable[[], requests.Session], *, address: str = _API) -> None:
        """`topic` is `projects/P/topics/T`; `session` makes one that sends Google's credentials along."""
        self.name = topic
        self._session = session
        self._url = f"{address}/v1/{topic}:publish"

    def send(self, notice: Notice, timeout: float) -> str:
        import requests

        try:
            with (
                self._session() as session,
                session.post(
                    self._url, json=message(notice), timeout=timeout, allow_redirects=False
                ) as answer,
            ):
                return "" if answer.status_code == 200 else f"answered {answer.status_code}{_why(answer)}"
        except TidegateError as error:
            return error.message
        except requests.Timeout:
            return "no answer in time"


def on_emulator(topic: str, emulator: str) -> PubSub:
    """The same without credentials; `emulator` is a host and port, as in PUBSUB_EMULATOR_HOST."""
    return PubSub(topic, _without_credentials, address=f"http://{emulator}")


def _without_credentials() -> requests.Session:
    import requests

    session = requests.Session()
    session.trust_env = False
    return session


def message(notice: Notice) -> Mapping[str, Any]:
    """The body of `projects.topics.publish`."""
    data = base64.b64encode(json.dumps(flat(notice), default=str).encode()).decode()
    found = {"event": notice.event, **{n: notice.details.get(n) for n in ("service", "rollout")}}
    attributes = {name: _cut(str(value)) for name, value in found.items() if value}
    return {"messages": [{"data": data, "attributes": attributes}]}


def _cut(text: str) -> str:
    return text.encode()[:_LONGEST_ATTRIBUTE].decode(errors="ignore")


def _why(answer: requests.Response) -> str:
    try:
        said = " ".join(str(answer.json()["error"]["message"]).split())
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {said[:_SHOWN]}"
