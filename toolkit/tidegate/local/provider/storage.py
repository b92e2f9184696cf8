"""Buckets: the JSON holds lifecycle rules and access settings elsewhere; their policies have a path of their
own."""

# ruff: noqa: ARG001 - hooks share one signature

from __future__ import annotations

from typing import Any

from tidegate.core.errors import UsageError
from tidegate.local.provider.engine import State
from tidegate.local.provider.iam import IamMember
from tidegate.local.provider.lifecycle import Config, RestResource
from tidegate.local.provider.rest import Json

_STATES = {"LIVE": True, "ARCHIVED": False}


class Bucket(RestResource):
    def create(self, planned: Config, config: Config) -> State:
        if planned.get("project") is None and not self.session.settings.project:
            raise UsageError("project: required field is not set")
        return super().create(planned, config)

    def state(self, answer: Json, base: Config) -> State:
        found = super().state(answer, base)
        return {**found, "url": f"gs://{found['name']}", "self_link": f"{self.url(self.place.item, found)}"}


def bucket_out(body: Json, state: Config, config: Config) -> Json:
    access = {
        "uniformBucketLevelAccess": {"enabled": bool(body.pop("uniformBucketLevelAccess", False))},
        "publicAccessPrevention": body.pop("publicAccessPrevention", "inherited"),
    }
    rules = body.pop("lifecycleRule", [])
    for rule in rules:
        condition = rule.get("condition", {})
        alive = _STATES.get(condition.pop("withState", ""))
        if alive is not None:
            condition["isLive"] = alive
        # Zero means not given, unless it is said that it is meant.
        rule["condition"] = {name: value for name, value in condition.items() if value not in (0, [])}
        if alive is False:
            rule["condition"]["isLive"] = False
    return {**body, "iamConfiguration": access, "lifecycle": {"rule": rules}}


def bucket_in(answer: Json, state: Config, config: Config) -> Json:
    access = answer.get("iamConfiguration") or {}
    found = {**answer, "publicAccessPrevention": access.get("publicAccessPrevention", "inherited")}
    found["uniformBucketLevelAccess"] = bool((access.get("uniformBucketLevelAccess") or {}).get("enabled"))
    rules = (answer.get("lifecycle") or {}).get("rule", [])
    found["lifecycleRule"] = [{**rule, "condition": _condition(rule["condition"])} for rule in rules]
    return found


def _condition(condition: Json) -> Json:
    names: dict[Any, str] = {True: "LIVE", False: "ARCHIVED", None: "ANY"}
    kept = {name: value for name, value in condition.items() if name != "isLive"}
    return {**kept, "withState": names[condition.get("isLive")]}


class BucketIamMember(IamMember):
    """Cloud Storage reads a policy with GET and takes a new one with PUT."""

    def _policy(self, state: Config) -> Json:
        url = self.url(self.place.item, state)
        return self.session.call("GET", f"{url}/iam?optionsRequestedPolicyVersion=3")

    def _write(self, url: str, policy: Json) -> None:
        self.session.call("PUT", f"{url}/iam", policy)
