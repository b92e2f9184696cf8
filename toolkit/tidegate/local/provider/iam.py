"""One member of one role on one resource: read the policy, change it, write it with its etag."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.errors import UsageError
from tidegate.local.provider.engine import State
from tidegate.local.provider.lifecycle import Config, RestResource
from tidegate.local.provider.rest import ApiError, Json, repeat_on_conflict

_PARENTS = re.compile(r"(projects|locations)/([^/]+)")


@dataclass(frozen=True)
class Binding:
    role: str
    member: str
    condition: tuple[tuple[str, str], ...]

    @staticmethod
    def of(state: Config) -> Binding:
        condition = (state.get("condition") or [{}])[0]
        return Binding(
            str(state["role"]),
            str(state["member"]),
            tuple(sorted((name, value) for name, value in condition.items() if value)),
        )

    def is_in(self, entry: Mapping[str, Any]) -> bool:
        """Whether a policy's entry is the one for this role and condition."""
        found = entry.get("condition") or {}
        condition = tuple(sorted((name, value) for name, value in found.items() if value))
        return entry.get("role") == self.role and condition == self.condition

    def grant(self, policy: Json) -> None:
        for entry in policy.setdefault("bindings", []):
            if self.is_in(entry):
                if self.member not in entry.setdefault("members", []):
                    entry["members"].append(self.member)
                return
        entry = {"role": self.role, "members": [self.member]}
        if self.condition:
            entry["condition"] = dict(self.condition)
        policy["bindings"].append(entry)

    def revoke(self, policy: Json) -> None:
        for entry in policy.get("bindings", []):
            if self.is_in(entry):
                members = entry.get("members", [])
                entry["members"] = [name for name in members if name.lower() != self.member.lower()]
        policy["bindings"] = [entry for entry in policy.get("bindings", []) if entry.get("members")]


class IamMember(RestResource):
    """`place.item` is the resource whose policy it is, `place.collection` the HTTP method that reads it."""

    def read(self, state: Config) -> State | None:
        try:
            policy = self._policy(state)
        except ApiError as error:
            if error.code == 404:
                return None
            raise UsageError(
                f"Error retrieving IAM policy for {self._target(state)}: {error.message}"
            ) from error
        wanted = Binding.of(state)
        for entry in policy.get("bindings", []):
            if wanted.is_in(entry):
                for member in entry.get("members", []):
                    if member.lower() == wanted.member.lower():
                        return self._found(state, str(policy.get("etag", "")))
        return None

    def create(self, planned: Config, config: Config) -> State:
        self._change(planned, Binding.of(planned).grant)
        found = self.read(planned)
        if found is None:
            raise UsageError(
                f"{planned['member']} is not in the policy of {self._target(planned)} after the change"
            )
        return found

    def delete(self, prior: Config) -> None:
        try:
            self._change(prior, Binding.of(prior).revoke)
        except ApiError as error:
            if error.code != 404:
                raise

    def imported(self, identifier: str, parts: Mapping[str, str | None]) -> State:
        state = super().imported(identifier, parts)
        if title := state.pop("condition_title", None):
            for entry in self._policy(state).get("bindings", []):
                if (
                    entry.get("role") == state["role"]
                    and (entry.get("condition") or {}).get("title") == title
                ):
                    state["condition"] = [{"description": None, **entry["condition"]}]
        return state

    def _found(self, state: Config, etag: str) -> State:
        found = {name: state.get(name) for name in self.block.attributes}
        if "project" in found:
            found["project"] = found["project"] or self.session.settings.project
        if "location" in found:
            found["location"] = found["location"] or self.session.settings.region
        found |= {"condition": state.get("condition") or [], "etag": etag}
        found["id"] = self.path(self.place.identity, found)
        if condition := dict(Binding.of(state).condition):
            found["id"] = f"{found['id']}/{condition['title']}"
        return found

    def path(self, template: str, state: Config, *, escape: bool = False) -> str:
        """The resource may be given by its full name, which then also says its project and location."""
        parts: dict[str, str] = {}
        for name, attribute in self.block.attributes.items():
            full = state.get(name)
            if attribute.extras.suppress == "last_segment" and isinstance(full, str) and "/" in full:
                parts |= {**dict(_PARENTS.findall(full)), name: full.rsplit("/", 1)[-1]}
        named = {name.removesuffix("s"): value for name, value in parts.items() if name.endswith("s")}
        return super().path(template, {**state, **named, **parts}, escape=escape)

    def _target(self, state: Config) -> str:
        return self.path(self.place.item, state)

    def _policy(self, state: Config) -> Json:
        url = f"{self.url(self.place.item, state)}:getIamPolicy"
        if self.place.collection == "POST":
            return self.session.call("POST", url, {"options": {"requestedPolicyVersion": 3}})
        return self.session.call("GET", f"{url}?options.requestedPolicyVersion=3")

    def _change(self, state: Config, change: Any) -> None:
        url = self.url(self.place.item, state)

        def attempt() -> None:
            policy = self._policy(state)
            change(policy)
            policy["version"] = 3
            self._write(url, policy)

        with self.session.lock(url):
            repeat_on_conflict(self.session, attempt)

    def _write(self, url: str, policy: Json) -> None:
        """The new policy of the resource at `url`."""
        self.session.call("POST", f"{url}:setIamPolicy", {"policy": policy})
