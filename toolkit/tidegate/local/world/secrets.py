"""Secret Manager v1, as far as a service and its Terraform need it. JSON in and out."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.local.world.access import Accounts, Policies
from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.ground import Ground, fingerprint, project_number, rfc3339
from tidegate.local.world.wanted import secrets_of

_SECRET_ID = re.compile(r"[\w-]{1,255}")
_NAME = re.compile(r"projects/([^/]+)/secrets/([^/]+)(?:/versions/([^/]+))?")
_LARGEST = 65_536
_WRITABLE = (
    "labels",
    "annotations",
    "topics",
    "rotation",
    "expireTime",
    "ttl",
    "versionAliases",
    "versionDestroyTtl",
)
_ACCESSORS = frozenset({"roles/secretmanager.secretAccessor", "roles/secretmanager.admin", "roles/owner"})


@dataclass
class Version:
    """`state` is ENABLED, DISABLED or DESTROYED; a destroyed one has no payload."""

    created: str
    payload: bytes
    state: str = "ENABLED"
    destroyed: str = ""


@dataclass
class Secret:
    message: dict[str, Any]
    versions: list[Version] = field(default_factory=list)
    """Number n is at n - 1; numbers are never given twice."""


class Secrets:
    def __init__(self, ground: Ground, policies: Policies, accounts: Accounts) -> None:
        self._ground = ground
        self._policies = policies
        self._accounts = accounts
        self.stored: dict[str, Secret] = {}
        """By `projects/P/secrets/S`."""

    # ------------------------------------------------------------------------------- the API's methods

    def create(self, project: str, secret_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        if not _SECRET_ID.fullmatch(secret_id):
            invalid(
                f"The provided Secret ID [{secret_id}] does not match the expected format [[a-zA-Z_0-9-]+]."
            )
        replication = body.get("replication")
        if not isinstance(replication, dict) or len({"automatic", "userManaged"} & set(replication)) != 1:
            invalid("Secret.replication is required and must be automatic or user managed.")
        name = f"projects/{project}/secrets/{secret_id}"
        if name in self.stored:
            raise ApiError("ALREADY_EXISTS", f"Secret [{name}] already exists.")
        message = {"name": name, "replication": replication, "createTime": rfc3339(self._ground.now())}
        message |= {key: body[key] for key in _WRITABLE if body.get(key)}
        self.stored[name] = Secret(message)
        return self._changed(self.stored[name])

    def get(self, name: str) -> dict[str, Any]:
        return dict(self.find(name).message)

    def list(self, project: str) -> dict[str, Any]:
        found = [
            dict(s.message) for n, s in sorted(self.stored.items()) if n.startswith(f"projects/{project}/")
        ]
        return {"secrets": found, "totalSize": len(found)} if found else {}

    def update(self, name: str, body: Mapping[str, Any], mask: str) -> dict[str, Any]:
        secret = self.find(name)
        etag = body.get("etag")
        if etag and etag != secret.message["etag"]:
            raise ApiError("ABORTED", "The etag provided does not match the current etag of the secret.")
        for path in filter(None, mask.split(",")):
            head, *rest = path.split("_")
            key = head + "".join(part.title() for part in rest)
            if key not in _WRITABLE:
                invalid(f"update_mask: the field '{path}' cannot be updated.")
            secret.message.pop(key, None)
            if body.get(key):
                secret.message[key] = body[key]
        return self._changed(secret)

    def delete(self, name: str) -> dict[str, Any]:
        self.find(name)
        del self.stored[name]
        self._policies.forget(name)
        self._ground.touch()
        return {}

    def add_version(self, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
        secret = self.find(name)
        data = (body.get("payload") or {}).get("data", "")
        try:
            payload = base64.b64decode(str(data).replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error as error:
            raise ApiError("INVALID_ARGUMENT", "payload.data is not base64.") from error
        if not payload or len(payload) > _LARGEST:
            invalid(f"Secret payload must be between 1 and {_LARGEST} bytes.")
        secret.versions.append(Version(rfc3339(self._ground.now()), payload))
        self._ground.touch()
        return self._shown(name, secret, len(secret.versions))

    def get_version(self, name: str) -> dict[str, Any]:
        secret, base, number = self._locate(name)
        return self._shown(base, secret, number)

    def list_versions(self, name: str) -> dict[str, Any]:
        secret = self.find(name)
        numbers = range(len(secret.versions), 0, -1)
        return {
            "versions": [self._shown(name, secret, n) for n in numbers],
            "totalSize": len(secret.versions),
        }

    def access(self, name: str) -> dict[str, Any]:
        _, base, number = self._locate(name)
        payload = self.payload(name)
        return {
            "name": f"{base}/versions/{number}",
            "payload": {"data": base64.b64encode(payload).decode(), "dataCrc32c": str(_crc32c(payload))},
        }

    def turn(self, name: str, state: str) -> dict[str, Any]:
        secret, base, number = self._locate(name)
        version = secret.versions[number - 1]
        if version.state == "DESTROYED" and state != "DESTROYED":
            raise ApiError("FAILED_PRECONDITION", f"Secret Version [{name}] is in DESTROYED state.")
        version.state = state
        if state == "DESTROYED":
            version.payload, version.destroyed = b"", rfc3339(self._ground.now())
        self._ground.touch()
        return self._shown(base, secret, number)

    # ------------------------------------------------------------------------------------- for the world

    def find(self, name: str) -> Secret:
        if name not in self.stored:
            not_found(f"Secret [{name}] not found.")
        return self.stored[name]

    def payload(self, name: str) -> bytes:
        """The content of `projects/P/secrets/S/versions/V`; raises NOT_FOUND or FAILED_PRECONDITION."""
        secret, base, number = self._locate(name)
        version = secret.versions[number - 1]
        if version.state != "ENABLED":
            raise ApiError(
                "FAILED_PRECONDITION",
                f"Secret Version [{base}/versions/{number}] is in {version.state} state.",
            )
        return version.payload

    def read(self, project: str, secret: str, version: str) -> bytes:
        """A reference of a service: the secret by its short name or by its full one."""
        name = secret if secret.startswith("projects/") else f"projects/{project}/secrets/{secret}"
        return self.payload(f"{name}/versions/{version}")

    def trouble(self, project: str, template: Any) -> str:
        """Why a revision cannot read one of its secrets, in a sentence; empty when it can read all.

        Permissions are checked for accounts that exist here; any other account is taken to be set up
        elsewhere.
        """
        for place, secret, version in secrets_of(template):
            name = secret if secret.startswith("projects/") else f"projects/{project}/secrets/{secret}"
            try:
                self.payload(f"{name}/versions/{version}")
            except ApiError as error:
                return f"{place}: {error.message}"
            if template.service_account in self._accounts.stored and not self._may_read(
                project, name, template.service_account
            ):
                return (
                    f"{place}: Permission denied on secret: {name}/versions/{version} for Revision "
                    "service account "
                    f"{template.service_account}. The service account used must be granted the "
                    "'Secret Manager Secret "
                    "Accessor' role (roles/secretmanager.secretAccessor) at the secret, project or "
                    "higher level."
                )
        return ""

    def _may_read(self, project: str, secret: str, email: str) -> bool:
        member = f"serviceAccount:{email}"
        return any(
            self._policies.grants(resource, member, _ACCESSORS)
            for resource in (secret, f"projects/{project}")
        )

    def _locate(self, name: str) -> tuple[Secret, str, int]:
        match = _NAME.fullmatch(name)
        if not match or not match[3]:
            invalid(f"Invalid secret version name [{name}].")
        base = f"projects/{match[1]}/secrets/{match[2]}"
        if base not in self.stored:
            # References may use the number of the project instead of its id.
            base = next((n for n in self.stored if _by_number(n) == base), base)
        secret = self.find(base)
        wanted = match[3]
        alias = str(secret.message.get("versionAliases", {}).get(wanted, wanted))
        number = len(secret.versions) if wanted == "latest" else int(alias) if alias.isdigit() else 0
        if not 1 <= number <= len(secret.versions):
            not_found(f"Secret [{base}] not found or has no version [{wanted}].")
        return secret, base, number

    def _changed(self, secret: Secret) -> dict[str, Any]:
        secret.message.pop("etag", None)
        secret.message["etag"] = f'"{fingerprint(repr(secret.message))[:14]}"'
        self._ground.touch()
        return dict(secret.message)

    def _shown(self, base: str, secret: Secret, number: int) -> dict[str, Any]:
        version = secret.versions[number - 1]
        shown: dict[str, Any] = {
            "name": f"{base}/versions/{number}",
            "createTime": version.created,
            "state": version.state,
            "replicationStatus": {"automatic": {}},
            "etag": f'"{fingerprint(f"{base}{number}{version.state}")[:14]}"',
        }
        if version.destroyed:
            shown["destroyTime"] = version.destroyed
        return shown


def _by_number(name: str) -> str:
    _, project, rest = name.split("/", 2)
    return f"projects/{project_number(project)}/{rest}"


def _crc32c(data: bytes) -> int:
    """Castagnoli's checksum, which Secret Manager gives with every payload."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
