"""Versions of a secret: the payload goes in once, and enabling and disabling are calls of their own."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from tidegate.core.errors import TidegateError, UsageError
from tidegate.local.provider.engine import State, known
from tidegate.local.provider.lifecycle import Config, PartlyDone, RestResource
from tidegate.local.provider.rest import ApiError, Json


class SecretVersion(RestResource):
    def create(self, planned: Config, config: Config) -> State:
        found = super().create(planned, config)
        if planned.get("enabled") is False:
            try:
                self._call("disable", found)
            except TidegateError as error:
                raise PartlyDone(error, known(found)) from error
            found["enabled"] = False
        return found

    def body(self, planned: Config, config: Config) -> Json:
        data = planned.get("secret_data")
        text = str(config.get("secret_data_wo") or "" if data is None else data)
        coded = text if planned.get("is_secret_data_base64") else base64.b64encode(text.encode()).decode()
        return {"payload": {"data": coded}}

    def send_update(self, prior: Config, planned: State, config: Config, until: float) -> None:
        if prior.get("enabled") != planned.get("enabled"):
            self._call("enable" if planned.get("enabled") else "disable", prior)

    def send_delete(self, prior: Config, until: float) -> None:
        self._call("disable" if prior.get("deletion_policy") == "DISABLE" else "destroy", prior)

    def read(self, state: Config) -> State | None:
        found = super().read(state)
        if found is None or found["destroy_time"]:
            return None
        # A disabled version cannot be read; and a write-only payload must not come into the state that way.
        if found["enabled"] and not state.get("secret_data_wo_version"):
            found["secret_data"] = self._payload(found)
        return found

    def state(self, answer: Json, base: Config) -> State:
        found = super().state({**answer, "enabled": answer.get("state") == "ENABLED"}, base)
        found["enabled"] = answer.get("state", "ENABLED") == "ENABLED"
        found["version"] = str(found["name"]).rsplit("/", 1)[-1]
        return found

    def imported(self, identifier: str, parts: Mapping[str, str | None]) -> State:
        secret = f"projects/{parts['project']}/secrets/{parts['secret']}"
        return {"id": identifier, "name": identifier, "secret": secret}

    def _payload(self, state: Config) -> str:
        try:
            answer = self.session.call("GET", f"{self.url(self.place.item, state)}:access")
        except ApiError as error:
            raise UsageError(f"Error reading secret data of {state['name']}: {error.message}") from error
        coded = str(answer.get("payload", {}).get("data", ""))
        return coded if state.get("is_secret_data_base64") else base64.b64decode(coded).decode()

    def _call(self, verb: str, state: Config) -> None:
        self.session.call("POST", f"{self.url(self.place.item, state)}:{verb}", {})
