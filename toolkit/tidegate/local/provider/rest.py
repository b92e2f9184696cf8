"""The HTTP client to the control plane: configuration, errors in the provider's words, waiting."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

from tidegate.core.errors import Interrupted, RemoteError, Unreachable, UsageError

Json = dict[str, Any]

DEFAULT_PATHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cloud_run_v2": "/v2/",
        "cloud_scheduler": "/v1/",
        "iam": "/v1/",
        "logging": "/v2/",
        "monitoring": "/",
        "resource_manager": "/v1/",
        "secret_manager": "/v1/",
        "service_usage": "/v1/",
        "storage": "/storage/v1/",
    }
)
"""Where below the control plane's root each service's endpoint is, as in the real provider's defaults."""

OPERATION_SECONDS: Final = 20 * 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class ApiError(RemoteError):
    """The service refused. The text is the one of the real provider: `Error 409: …`."""

    def __init__(self, code: int, body: str) -> None:
        self.code = code
        self.body = body
        try:
            message = str(json.loads(body)["error"]["message"])
            text = f"googleapi: Error {code}: {message}"
        except (ValueError, KeyError, TypeError):
            text = f"googleapi: got HTTP response code {code} with body: {body}"
        super().__init__(text)


class OperationFailed(RemoteError):
    """A long-running operation ended with an error, or did not end in time."""


@dataclass(frozen=True)
class Settings:
    """One provider block. `endpoints` maps a service to its base address, with a slash at the end."""

    endpoints: Mapping[str, str]
    project: str | None = None
    region: str | None = None
    zone: str | None = None
    access_token: str | None = None
    user_project: str | None = None
    default_labels: Mapping[str, str] = field(default_factory=dict)
    attribution: bool = True
    attribution_always: bool = False
    request_seconds: float = 120.0


def settings_from(config: Mapping[str, Any], base_url: str, project: str | None) -> Settings:
    """A provider block as `Settings`. Raises UsageError for an endpoint that is not on this machine."""
    root = base_url.rstrip("/")
    endpoints = {service: root + path for service, path in DEFAULT_PATHS.items()}
    for name, value in config.items():
        if name.endswith("_custom_endpoint") and value:
            endpoints[name.removesuffix("_custom_endpoint")] = _loopback(name, str(value))
    override = config.get("user_project_override")
    attribution = config.get("add_terraform_attribution_label")
    return Settings(
        endpoints=endpoints,
        project=config.get("project") or project,
        region=config.get("region"),
        zone=config.get("zone"),
        access_token=config.get("access_token"),
        user_project=config.get("billing_project") if override else None,
        default_labels=config.get("default_labels") or {},
        attribution=attribution is not False,
        attribution_always=config.get("terraform_attribution_label_addition_strategy") == "PROACTIVE",
        request_seconds=duration(config.get("request_timeout"), 120.0),
    )


def _loopback(name: str, address: str) -> str:
    if not re.match(r"https?://(127\.\d+\.\d+\.\d+|localhost|\[::1\])[:/]", address):
        raise UsageError(
            f"{name} is {address}, but the local Cloud Run only speaks to this machine",
            hint="Leave the endpoint out, or point it at a loopback address.",
        )
    if not address.endswith("/"):
        raise UsageError(f'invalid value for {name}: {address!r} must end with "/"')
    return address


def duration(text: Any, default: float) -> float:
    """Seconds of a Go duration such as `1h30m` or `90s`; `default` when there is none."""
    parts = re.findall(r"([\d.]+)(ms|h|m|s)", str(text or ""))
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    return sum(float(number) * units[unit] for number, unit in parts) if parts else default


class Session:
    """Talks to the control plane for one provider configuration, and stops when Terraform says so.

    Safe to use from many threads. Everything that waits raises `Interrupted` once `stop` was called.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stopped = threading.Event()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._http = requests.Session()
        self._http.trust_env = False  # neither a proxy nor a .netrc belongs between two ends of one machine
        self._http.mount("http://", HTTPAdapter(pool_maxsize=64))

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self.stop()
        self._http.close()

    def lock(self, name: str) -> threading.Lock:
        """Held by whoever changes the thing of that name, so that one run does not collide with itself."""
        return self._locks[name]

    def url(self, service: str, path: str) -> str:
        return self.settings.endpoints[service] + path

    def call(self, method: str, url: str, body: Json | None = None, *, until: float | None = None) -> Json:
        """One request, repeated while the service says that it is worth it, up to the monotonic time `until`.

        Raises ApiError, Unreachable, Interrupted.
        """
        until = time.monotonic() + OPERATION_SECONDS if until is None else until
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._once(method, url, body)
            except ApiError as error:
                if not _worth_repeating(error) or time.monotonic() + pause > until:
                    raise
            self.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _once(self, method: str, url: str, body: Json | None) -> Json:
        headers = {}
        if self.settings.access_token:
            headers["Authorization"] = f"Bearer {self.settings.access_token}"
        if self.settings.user_project:
            headers["X-Goog-User-Project"] = self.settings.user_project
        try:
            answer = self._http.request(
                method, url, json=body, headers=headers, timeout=self.settings.request_seconds
            )
        except requests.RequestException as error:
            raise Unreachable(f"{method.title()} {url}: {_reason(error)}") from error
        if answer.status_code >= 400:
            raise ApiError(answer.status_code, answer.text)
        found = answer.json() if answer.content else {}
        return found if isinstance(found, dict) else {}

    def wait(self, seconds: float) -> None:
        """Pause. Raises Interrupted when Terraform asked the provider to stop."""
        if self._stopped.wait(seconds):
            raise Interrupted("context canceled")

    def finished(self, service: str, operation: Json, activity: str, until: float) -> Json:
        """The response of a long-running operation, polled until it is done.

        Raises OperationFailed when it ended with an error or not before `until`, and Interrupted.
        """
        pause = _FIRST_PAUSE
        while not operation.get("done"):
            if time.monotonic() > until:
                raise OperationFailed(
                    f"Error waiting for {activity}: timeout while waiting for state to become 'done: true'"
                )
            self.wait(pause)
            pause = min(1.5 * pause, _LONGEST_PAUSE)
            operation = self.call("GET", self.url(service, str(operation["name"])), until=until)
        if error := operation.get("error"):
            raise OperationFailed(
                f"Error waiting for {activity}: Error code {error.get('code')}, "
                f"message: {error.get('message')}"
            )
        response = operation.get("response", {})
        return response if isinstance(response, dict) else {}


def repeat_on_conflict(session: Session, attempt: Callable[[], None], seconds: float = 30.0) -> None:
    """Run a read-modify-write again while somebody else writes in between."""
    until, pause = time.monotonic() + seconds, _FIRST_PAUSE
    while True:
        try:
            return attempt()
        except ApiError as error:
            if error.code != 409 or time.monotonic() > until:
                raise
        session.wait(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _worth_repeating(error: ApiError) -> bool:
    text = error.body.lower()
    if error.code == 409:
        return "too many concurrent edits" in text or "could not fulfill the request" in text
    return error.code in {429, 500, 502, 503}


def _reason(error: Exception) -> str:
    text = str(error)
    if "refused" in text:
        return "connect: connection refused"
    return "net/http: request canceled (Client.Timeout exceeded)" if "timed out" in text else text
