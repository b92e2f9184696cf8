"""What is once in a project: APIs that are switched on, and identity pools, which outlive their deletion."""

from __future__ import annotations

from tidegate.local.provider.engine import State
from tidegate.local.provider.lifecycle import Config, RestResource
from tidegate.local.provider.rest import Json


class ProjectService(RestResource):
    """Creating is enabling. Deleting leaves the API on, unless it is said otherwise."""

    def create(self, planned: Config, config: Config) -> State:
        until = self.deadline(planned, "create")
        url = self.url(self.place.collection, planned)
        body = {"serviceIds": [planned["service"]]}
        operation = self.session.call("POST", f"{url}:batchEnable", body, until=until)
        self.session.finished(self.place.service, operation, "Enabling API", until)
        return self._read_back(self._filled(planned))

    def read(self, state: Config) -> State | None:
        found = super().read(state)
        return found if found is not None and self._enabled(state) else None

    def state(self, answer: Json, base: Config) -> State:
        return self._filled(base)

    def update(self, prior: Config, planned: Config, config: Config) -> State:
        return self._filled({**prior, **planned})

    def send_delete(self, prior: Config, until: float) -> None:
        if not prior.get("disable_on_destroy"):
            return
        url = self.url(self.place.item, prior)
        dependent = bool(prior.get("disable_dependent_services"))
        operation = self.session.call(
            "POST", f"{url}:disable", {"disableDependentServices": dependent}, until=until
        )
        self.session.finished(self.place.service, operation, "Disabling API", until)

    def _enabled(self, state: Config) -> bool:
        return self.fetch(state).get("state") == "ENABLED"

    def _filled(self, state: Config) -> State:
        found: State = {name: state.get(name) for name in (*self.block.attributes, *self.block.blocks)}
        found["project"] = str(state.get("project") or self.session.settings.project).removeprefix(
            "projects/"
        )
        found["id"] = self.path(self.place.identity, found)
        return found


class IdentityResource(RestResource):
    """What was deleted can be read for 30 days more; to Terraform it is gone."""

    def read(self, state: Config) -> State | None:
        found = super().read(state)
        return None if found is None or found.get("state") == "DELETED" else found
