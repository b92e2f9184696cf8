"""Cloud Scheduler v1: jobs that call something on a schedule. They are kept; nothing is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.ground import Ground, rfc3339
from tidegate.local.world.names import check_location

_NAME = re.compile(r"(projects/[^/]+/locations/[^/]+)/jobs/([A-Za-z0-9_-]{1,500})")
_TARGETS = ("pubsubTarget", "appEngineHttpTarget", "httpTarget")
_GIVEN = ("description", "schedule", "timeZone", "retryConfig", "attemptDeadline", *_TARGETS)
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_RETRY = {
    "maxRetryDuration": "0s",
    "minBackoffDuration": "5s",
    "maxBackoffDuration": "3600s",
    "maxDoublings": 5,
}


class Scheduler:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.stored: dict[str, dict[str, Any]] = {}
        """By `projects/P/locations/L/jobs/J`."""

    def create(self, parent: str, body: Mapping[str, Any]) -> dict[str, Any]:
        check_location(parent)
        name = str(body.get("name") or "")
        match = _NAME.fullmatch(name)
        if not match or match[1] != parent:
            invalid(f"Job name must be formatted: '{parent}/jobs/[a-zA-Z0-9_-]{{1,500}}'.")
        if name in self.stored:
            raise ApiError("ALREADY_EXISTS", f"Job {name} already exists.")
        return self._accept(name, "ENABLED", body)

    def get(self, name: str) -> dict[str, Any]:
        return dict(self._find(name))

    def list(self, parent: str) -> dict[str, Any]:
        check_location(parent)
        found = [dict(j) for n, j in sorted(self.stored.items()) if n.startswith(f"{parent}/jobs/")]
        return {"jobs": found} if found else {}

    def update(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Without a mask all that is not given goes back to its default."""
        return self._accept(name, self._find(name)["state"], body)

    def turn(self, name: str, state: str) -> dict[str, Any]:
        """Pause or resume it."""
        self._find(name)["state"] = state
        self._ground.touch()
        return self.get(name)

    def delete(self, name: str) -> dict[str, Any]:
        self._find(name)
        del self.stored[name]
        self._ground.touch()
        return {}

    def _find(self, name: str) -> dict[str, Any]:
        if name not in self.stored:
            not_found("Job not found.")
        return self.stored[name]

    def _accept(self, name: str, state: str, body: Mapping[str, Any]) -> dict[str, Any]:
        job = {"name": name, "state": state, **{field: body[field] for field in _GIVEN if body.get(field)}}
        if sum(target in job for target in _TARGETS) != 1:
            invalid("Exactly one target is required: pubsub, app engine or http.")
        _check_schedule(str(job.get("schedule", "")))
        job["timeZone"] = job.get("timeZone") or "Etc/UTC"
        try:
            ZoneInfo(str(job["timeZone"]))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ApiError("INVALID_ARGUMENT", f"Time zone {job['timeZone']} is not recognized.") from error
        if http := job.get("httpTarget"):
            _check_http(http)
            http.setdefault("httpMethod", "POST")
            http["headers"] = {"User-Agent": "Google-Cloud-Scheduler", **(http.get("headers") or {})}
            job["attemptDeadline"] = job.get("attemptDeadline") or "180s"
        job["retryConfig"] = {**_RETRY, **(job.get("retryConfig") or {})}
        job["userUpdateTime"] = rfc3339(self._ground.now())
        self.stored[name] = job
        self._ground.touch()
        return dict(job)


def _check_http(target: Mapping[str, Any]) -> None:
    if not str(target.get("uri", "")).startswith(("http://", "https://")):
        invalid("HttpTarget.uri must begin with http:// or https://.")
    if "oauthToken" in target and not re.match(r"https://([\w-]+\.)*googleapis\.com(/|$)", target["uri"]):
        invalid("An OAuth token is only sent to *.googleapis.com.")
    for token in ("oauthToken", "oidcToken"):
        if token in target and "@" not in str(target[token].get("serviceAccountEmail", "")):
            invalid(f"HttpTarget.{token}.serviceAccountEmail must be an email address.")


def _check_schedule(schedule: str) -> None:
    """The five fields of unix-cron; the English form of App Engine is taken as it is."""
    if schedule.lower().startswith("every "):
        return
    fields = schedule.split()
    if len(fields) != 5 or not all(
        _is_field(field, low, high) for field, (low, high) in zip(fields, _RANGES, strict=True)
    ):
        invalid(f"Schedule or time zone is invalid: '{schedule}'.")


def _is_field(text: str, low: int, high: int) -> bool:
    for part in text.lower().split(","):
        span, _, step = part.partition("/")
        if step and not (step.isdigit() and int(step) > 0):
            return False
        if span == "*":
            continue
        if not all(_is_value(end, low, high) for end in span.split("-", 1)):
            return False
    return True


def _is_value(text: str, low: int, high: int) -> bool:
    named = _DAYS if high == 7 else _MONTHS if high == 12 else ()
    return text in named or (text.isdigit() and low <= int(text) <= high)
