"""Dashboards: the one argument is the JSON itself, sent with the etag that the state holds."""

from __future__ import annotations

import json

from tidegate.local.provider.engine import State, same
from tidegate.local.provider.lifecycle import Config, RestResource, settled
from tidegate.local.provider.rest import Json


class Dashboard(RestResource):
    def body(self, planned: Config, config: Config) -> Json:
        body = json.loads(str(planned["dashboard_json"]))
        return body if isinstance(body, dict) else {}

    def send_update(self, prior: Config, planned: State, config: Config, until: float) -> None:
        if same(prior["dashboard_json"], planned["dashboard_json"]):
            return
        body = self.body(planned, config)
        body["etag"] = json.loads(str(prior["dashboard_json"])).get("etag")
        self.session.call("PATCH", self.url(self.place.item, prior), body, until=until)

    def state(self, answer: Json, base: Config) -> State:
        return {
            **self.block.empty(),
            "id": answer.get("name", base.get("id")),
            "dashboard_json": json.dumps(answer, sort_keys=True, separators=(",", ":")),
            "project": settled(base.get("project")) or self.session.settings.project,
            "deletion_policy": settled(base.get("deletion_policy")) or "DELETE",
            "timeouts": base.get("timeouts"),
        }
