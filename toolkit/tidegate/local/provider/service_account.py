"""Service accounts: their fields travel in an envelope, and disabling is a call of its own."""

from __future__ import annotations

from tidegate.core.errors import UsageError
from tidegate.local.provider.engine import State
from tidegate.local.provider.lifecycle import Config, RestResource
from tidegate.local.provider.mapping import to_api
from tidegate.local.provider.rest import ApiError, Json


class ServiceAccount(RestResource):
    def body(self, planned: Config, config: Config) -> Json:
        body = to_api(self.block, planned, self.shape)
        return {"accountId": planned["account_id"], "serviceAccount": body}

    def create(self, planned: Config, config: Config) -> State:
        try:
            found = super().create(planned, config)
        except UsageError as error:
            cause = error.__cause__
            exists = isinstance(cause, ApiError) and cause.code == 409
            adopted = self.read(planned) if exists and planned.get("create_ignore_already_exists") else None
            if adopted is None:
                raise
            found = adopted
        if planned.get("disabled"):
            self._switch("disable", found)
            found["disabled"] = True
        return found

    def state(self, answer: Json, base: Config) -> State:
        found = super().state(answer, base)
        email = str(found["email"])
        return {**found, "account_id": email.partition("@")[0], "member": f"serviceAccount:{email}"}

    def send_update(self, prior: Config, planned: State, config: Config, until: float) -> None:
        changed = self.changed(prior, planned)
        if set(changed) - {"disabled"}:
            account = to_api(self.block, planned, self.shape)
            mask = ",".join(name for name in changed if name != "disabled")
            self.session.call(
                "PATCH",
                self.url(self.place.item, prior),
                {"serviceAccount": account, "updateMask": mask},
                until=until,
            )
        if "disabled" in changed:
            self._switch("disable" if planned.get("disabled") else "enable", planned)

    def _switch(self, verb: str, state: Config) -> None:
        self.session.call("POST", f"{self.url(self.place.item, state)}:{verb}", {})
