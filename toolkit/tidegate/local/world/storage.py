"""Cloud Storage v1: buckets and who may use them, without objects. JSON in and out."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from google.iam.v1 import policy_pb2
from google.protobuf import json_format

from tidegate.local.world.access import Policies
from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.ground import Ground, fingerprint, project_number, rfc3339

_NAME = re.compile(r"(?!goog)[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
_DEFAULTS: Mapping[str, Any] = {"storageClass": "STANDARD"}
_SOFT_DELETE = 7 * 86400
_PREVENTION = frozenset({"inherited", "enforced"})


class Buckets:
    def __init__(self, ground: Ground, policies: Policies) -> None:
        self._ground = ground
        self._policies = policies
        self.stored: dict[str, dict[str, Any]] = {}
        """By name, which is one for all projects."""

    def create(self, project: str, body: Mapping[str, Any]) -> dict[str, Any]:
        name = str(body.get("name", ""))
        if not project:
            invalid("Required parameter: project")
        if not _NAME.fullmatch(name):
            invalid(f"Invalid bucket name: '{name}'")
        if name in self.stored:
            raise ApiError(
                "ALREADY_EXISTS",
                "The requested bucket name is not available. The bucket namespace is shared by all users "
                "of the system. Please select a different name and try again.",
            )
        now = rfc3339(self._ground.now())
        bucket = {
            "kind": "storage#bucket",
            "id": name,
            "projectNumber": str(project_number(project)),
            "timeCreated": now,
            "softDeletePolicy": {"retentionDurationSeconds": str(_SOFT_DELETE), "effectiveTime": now},
            "metageneration": "0",
            "location": "US",
            "locationType": "region",
            **_DEFAULTS,
        }
        return self._accept(bucket, body)

    def get(self, name: str) -> dict[str, Any]:
        return dict(self._find(name))

    def list(self, project: str) -> dict[str, Any]:
        number = str(project_number(project))
        found = [dict(b) for _, b in sorted(self.stored.items()) if b["projectNumber"] == number]
        return {"kind": "storage#buckets", **({"items": found} if found else {})}

    def update(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Takes over the fields that are given; null takes one away."""
        bucket = self._find(name)
        for field in ("name", "location"):
            if body.get(field) not in (None, bucket[field]):
                invalid(f"The {field} of a bucket cannot be changed.")
        return self._accept(dict(bucket), body)

    def delete(self, name: str) -> dict[str, Any]:
        self._find(name)
        del self.stored[name]
        self._policies.forget(_resource(name))
        self._ground.touch()
        return {}

    def policy(self, name: str) -> dict[str, Any]:
        self._find(name)
        policy = self._policies.get(_resource(name))
        return {"kind": "storage#policy", "resourceId": _resource(name), **json_format.MessageToDict(policy)}

    def set_policy(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self._find(name)
        policy = policy_pb2.Policy()
        try:
            json_format.ParseDict(dict(body), policy, ignore_unknown_fields=True)
        except json_format.ParseError as error:
            raise ApiError("INVALID_ARGUMENT", f"Invalid policy: {error}") from error
        public = any({"allUsers", "allAuthenticatedUsers"} & set(b.members) for b in policy.bindings)
        configuration = self._find(name).get("iamConfiguration", {})
        if public and configuration.get("publicAccessPrevention") == "enforced":
            raise ApiError(
                "FAILED_PRECONDITION",
                "The member bindings allUsers and allAuthenticatedUsers are not allowed since public access "
                "prevention is enforced.",
            )
        self._policies.set(_resource(name), policy)
        return self.policy(name)

    def _find(self, name: str) -> dict[str, Any]:
        if name not in self.stored:
            not_found("The specified bucket does not exist.")
        return self.stored[name]

    def _accept(self, bucket: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        for field, value in body.items():
            if field == "labels" and isinstance(value, dict):
                merged = {**bucket.get("labels", {}), **value}
                bucket["labels"] = {key: text for key, text in merged.items() if text is not None}
            elif value in (None, {}, []):
                bucket.pop(field, None)
            elif field == "lifecycle" and not value.get("rule"):
                bucket.pop(field, None)
            else:
                bucket[field] = value
        bucket["location"] = str(bucket["location"]).upper()
        _configure(bucket)
        _check_lifecycle(bucket)
        soft = bucket.get("softDeletePolicy")
        if isinstance(soft, dict):
            seconds = int(soft.get("retentionDurationSeconds", 0))
            if seconds and not 7 * 86400 <= seconds <= 90 * 86400:
                invalid("softDeletePolicy.retentionDurationSeconds must be 0, or between 7 and 90 days.")
            soft.setdefault("effectiveTime", bucket["timeCreated"])
        bucket["updated"] = rfc3339(self._ground.now())
        bucket["metageneration"] = str(int(bucket["metageneration"]) + 1)
        bucket["etag"] = base64.b64encode(fingerprint(repr(bucket))[:8].encode()).decode()
        self.stored[str(bucket["name"])] = bucket
        self._ground.touch()
        return dict(bucket)


def _resource(name: str) -> str:
    return f"projects/_/buckets/{name}"


def _configure(bucket: dict[str, Any]) -> None:
    """Uniform access and public access prevention, as the answer always shows them."""
    given = dict(bucket.get("iamConfiguration") or {})
    prevention = given.get("publicAccessPrevention") or "inherited"
    if prevention not in _PREVENTION:
        invalid(f"Invalid value for publicAccessPrevention: {prevention}")
    uniform = bool((given.get("uniformBucketLevelAccess") or {}).get("enabled"))
    bucket["iamConfiguration"] = {
        "publicAccessPrevention": prevention,
        "uniformBucketLevelAccess": {"enabled": uniform},
    }


def _check_lifecycle(bucket: Mapping[str, Any]) -> None:
    for rule in (bucket.get("lifecycle") or {}).get("rule", []):
        if not rule.get("action", {}).get("type"):
            invalid("Lifecycle rule: an action is required.")
        if not rule.get("condition"):
            invalid("Lifecycle rule: at least one condition is required.")
