"""IAM v1: workload identity pools and their providers; nothing is exchanged. JSON in and out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.ground import Ground, project_number, rfc3339

_ID = re.compile(r"(?!gcp-)[a-z0-9-]{4,32}")
_KINDS = ("oidc", "aws", "saml", "x509")
_GIVEN = {
    "workloadIdentityPools": ("displayName", "description", "disabled"),
    "providers": (
        "displayName", "description", "disabled", "attributeMapping", "attributeCondition", *_KINDS,
    ),
}  # fmt: skip
_KEPT = 30 * 86400
_CLAIM = re.compile(r"assertion\.\w")
_LONGEST = 4096


class IdentityPools:
    """A deleted one keeps its id for 30 days, in which it can be undeleted."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.stored: dict[str, dict[str, Any]] = {}
        """By full name: pools, and providers below them."""

    def create(self, parent: str, kind: str, chosen: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """`kind` is `workloadIdentityPools` or `providers`."""
        if not _ID.fullmatch(chosen):
            invalid(f"The ID '{chosen}' must be 4-32 characters of [a-z0-9-] and not begin with gcp-.")
        if kind == "providers":
            self._find(parent)
        name = f"{parent}/{kind}/{chosen}"
        if name in self.stored:
            raise ApiError("ALREADY_EXISTS", f"Requested entity already exists: {name}")
        return self._accept({"name": name, "state": "ACTIVE"}, kind, body, _GIVEN[kind])

    def get(self, name: str) -> dict[str, Any]:
        return _shown(self._find(name, deleted=True))

    def list(self, parent: str, kind: str) -> dict[str, Any]:
        head = f"{parent}/{kind}/"
        found = [
            _shown(it)
            for name, it in sorted(self.stored.items())
            if name.startswith(head) and "/" not in name.removeprefix(head) and it["state"] == "ACTIVE"
        ]
        key = "workloadIdentityPoolProviders" if kind == "providers" else kind
        return {key: found} if found else {}

    def update(self, name: str, kind: str, body: Mapping[str, Any], mask: str) -> dict[str, Any]:
        fields = [part.partition(".")[0] for part in mask.split(",") if part]
        if unknown := [field for field in fields if field not in _GIVEN[kind]]:
            invalid(f"update_mask: the field '{unknown[0]}' cannot be updated.")
        return self._accept(dict(self._find(name)), kind, body, fields or list(body))

    def delete(self, name: str) -> dict[str, Any]:
        found = self._find(name)
        for other, below in self.stored.items():
            if other == name or other.startswith(f"{name}/"):
                below["state"] = "DELETED"
                below["expireTime"] = rfc3339(self._ground.now() + _KEPT)
        self._ground.touch()
        return _done(name, found)

    def undelete(self, name: str) -> dict[str, Any]:
        found = self._find(name, deleted=True)
        found["state"] = "ACTIVE"
        found.pop("expireTime", None)
        self._ground.touch()
        return _done(name, found)

    def operation(self, name: str) -> dict[str, Any]:
        """All of them are done at once."""
        return {"name": name, "done": True}

    def _find(self, name: str, *, deleted: bool = False) -> dict[str, Any]:
        found = self.stored.get(name)
        if found is None or (found["state"] == "DELETED" and not deleted):
            not_found(f"Requested entity was not found: {name}")
        return found

    def _accept(
        self, found: dict[str, Any], kind: str, body: Mapping[str, Any], fields: Any
    ) -> dict[str, Any]:
        for field in fields:
            found.pop(field, None)
            if body.get(field) not in (None, "", False, {}):
                found[field] = body[field]
        if kind == "providers":
            _check_provider(found)
        self.stored[found["name"]] = found
        self._ground.touch()
        return _done(found["name"], found)


def _done(name: str, response: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": f"{name}/operations/done", "done": True, "response": _shown(response)}


def _shown(found: Mapping[str, Any]) -> dict[str, Any]:
    """Answers name the project by its number, as what is granted to a pool must."""
    head, project, rest = str(found["name"]).split("/", 2)
    return {**found, "name": f"{head}/{project_number(project)}/{rest}"}


def _check_provider(provider: dict[str, Any]) -> None:
    kinds = [kind for kind in _KINDS if kind in provider]
    if len(kinds) != 1:
        invalid("Exactly one of oidc, aws, saml and x509 must be given.")
    if kinds == ["oidc"]:
        if not str(provider["oidc"].get("issuerUri", "")).startswith("https://"):
            invalid("oidc.issuer_uri must be an https address.")
        if "google.subject" not in provider.get("attributeMapping", {}):
            invalid("The attribute mapping must map google.subject.")
    condition = str(provider.get("attributeCondition", ""))
    if len(condition) > _LONGEST:
        invalid(f"attribute_condition must have at most {_LONGEST} characters.")
    issuer = str(provider.get("oidc", {}).get("issuerUri", ""))
    # Everybody's repositories share this issuer, so Google asks for a condition on the claims.
    if issuer == "https://token.actions.githubusercontent.com" and not _CLAIM.search(condition):
        invalid(
            "The attribute condition must reference one of the provider's claims. For more information, see "
            "https://cloud.google.com/iam/docs/workload-identity-federation-with-deployment-pipelines#conditions"
        )
