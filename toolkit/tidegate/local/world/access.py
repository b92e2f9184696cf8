"""IAM: policies of any resource, project policies among them, and service accounts (both REST only but for
Run's)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from google.iam.v1 import iam_policy_pb2, policy_pb2

from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.ground import Ground, fingerprint, project_number

_EMPTY_ETAG = b"\x00\x20\x01"
_ACCOUNT_ID = re.compile(r"[a-z]([-a-z0-9]{4,28}[a-z0-9])")
_ROLE = re.compile(r"(roles|projects/[^/]+/roles|organizations/[^/]+/roles)/[\w.]+")
_MEMBER = re.compile(
    r"allUsers|allAuthenticatedUsers|(user|serviceAccount|group|domain|projectOwner|projectEditor|projectViewer|deleted"
    r"|principal|principalSet):.+"
)


class Policies:
    """Allow policies by the name of their resource."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.stored: dict[str, policy_pb2.Policy] = {}

    def get(self, resource: str) -> policy_pb2.Policy:
        policy = policy_pb2.Policy(version=1, etag=_EMPTY_ETAG)
        if resource in self.stored:
            policy.CopyFrom(self.stored[resource])
        return policy

    def set(self, resource: str, policy: policy_pb2.Policy) -> policy_pb2.Policy:
        """Replace a policy. A stale etag is refused with ABORTED; no etag overwrites."""
        current = self.get(resource)
        if policy.etag and policy.etag != current.etag:
            raise ApiError(
                "ABORTED",
                "There were concurrent policy changes. Please retry the whole read-modify-write with "
                "exponential "
                "backoff.",
            )
        for binding in policy.bindings:
            _check_binding(binding)
        kept = policy_pb2.Policy()
        kept.CopyFrom(policy)
        kept.version = kept.version or 1
        kept.etag = b""
        content = kept.SerializeToString(deterministic=True) + current.etag
        kept.etag = bytes.fromhex(fingerprint(content)[:16])
        self.stored[resource] = kept
        self._ground.touch()
        return self.get(resource)

    def forget(self, resource: str) -> None:
        self.stored.pop(resource, None)

    def grants(self, resource: str, member: str, roles: frozenset[str]) -> bool:
        """Whether a member holds one of these roles on this very resource, conditions aside."""
        everyone = {member, "allUsers", "allAuthenticatedUsers"}
        return any(b.role in roles and everyone & set(b.members) for b in self.get(resource).bindings)


def _check_binding(binding: Any) -> None:
    if not _ROLE.fullmatch(binding.role):
        invalid(f"Role ({binding.role}) does not exist in the resource's hierarchy.")
    for member in binding.members:
        if not _MEMBER.fullmatch(member):
            invalid(f"Invalid argument: the member '{member}' is of an unknown type.")


class PolicyMethods:
    """getIamPolicy, setIamPolicy and testIamPermissions of one kind of resource, with messages or with
    JSON."""

    def __init__(self, policies: Policies, check: Callable[[str], str]) -> None:
        """`check(name)` gives the canonical name of an existing resource or raises NOT_FOUND."""
        self._policies = policies
        self._check = check

    def get(self, request: Any) -> Any:
        return self._policies.get(self._check(request.resource))

    def set(self, request: Any) -> Any:
        return self._policies.set(self._check(request.resource), request.policy)

    def test(self, request: Any) -> Any:
        self._check(request.resource)
        return iam_policy_pb2.TestIamPermissionsResponse(permissions=request.permissions)


class Accounts:
    """Service accounts. JSON in and out; `P` may be `-` and the account its email or its unique id."""

    def __init__(self, ground: Ground, policies: Policies) -> None:
        self._ground = ground
        self._policies = policies
        self.stored: dict[str, dict[str, Any]] = {}
        """By email."""

    def create(self, project: str, body: Mapping[str, Any]) -> dict[str, Any]:
        account_id = str(body.get("accountId", ""))
        if not _ACCOUNT_ID.fullmatch(account_id):
            invalid(f'The account ID "{account_id}" does not have a length between 6 and 30 or is malformed.')
        email = f"{account_id}@{project}.iam.gserviceaccount.com"
        if email in self.stored:
            raise ApiError(
                "ALREADY_EXISTS", f"Service account {account_id} already exists within project {project}."
            )
        given = body.get("serviceAccount") or {}
        account = {
            "name": f"projects/{project}/serviceAccounts/{email}",
            "projectId": project,
            "uniqueId": self._ground.digits(21),
            "email": email,
            "oauth2ClientId": self._ground.digits(21),
            **{key: str(given[key]) for key in ("displayName", "description") if given.get(key)},
        }
        self.stored[email] = account
        return self._changed(account)

    def get(self, name: str) -> dict[str, Any]:
        return dict(self._find(name))

    def list(self, project: str) -> dict[str, Any]:
        accounts = [dict(a) for _, a in sorted(self.stored.items()) if a["projectId"] == project]
        return {"accounts": accounts} if accounts else {}

    def update(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """PATCH with `serviceAccount` and `updateMask`, or PUT with the account itself."""
        account = self._find(name)
        given = body.get("serviceAccount", body)
        mask = str(body.get("updateMask", "displayName,description"))
        for field in ("displayName", "description"):
            if field in mask or field.replace("N", "_n") in mask:
                account.pop(field, None)
                if given.get(field):
                    account[field] = str(given[field])
        return self._changed(account)

    def delete(self, name: str) -> dict[str, Any]:
        account = self._find(name)
        del self.stored[account["email"]]
        self._policies.forget(account["name"])
        self._ground.touch()
        return {}

    def switch(self, name: str, *, disabled: bool) -> dict[str, Any]:
        account = self._find(name)
        account.pop("disabled", None)
        if disabled:
            account["disabled"] = True
        self._changed(account)
        return {}

    def path_of(self, name: str) -> str:
        return str(self._find(name)["name"])

    def _changed(self, account: dict[str, Any]) -> dict[str, Any]:
        account.pop("etag", None)
        account["etag"] = fingerprint(repr(sorted(account.items())))[:16]
        self._ground.touch()
        return dict(account)

    def _find(self, name: str) -> dict[str, Any]:
        key = name.rpartition("/serviceAccounts/")[2]
        accounts = self.stored.values()
        found = next((a for a in accounts if key in (a["email"], a["uniqueId"])), None)
        if found is None:
            not_found(f"Unknown service account: {key}.")
        return found


def project_of_json(project: str) -> dict[str, Any]:
    """A project as Resource Manager v1 shows it. Every project exists here."""
    return {
        "projectNumber": str(project_number(project)),
        "projectId": project,
        "lifecycleState": "ACTIVE",
        "name": project,
    }
