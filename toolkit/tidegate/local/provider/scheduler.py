"""Scheduled jobs: pausing is a call of its own, and the service fills in what a target leaves out."""

# ruff: noqa: ARG001 - hooks share one signature

from __future__ import annotations

from tidegate.local.provider.engine import State
from tidegate.local.provider.lifecycle import Config, RestResource
from tidegate.local.provider.rest import Json

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def scheduler_out(body: Json, state: Config, config: Config) -> Json:
    name = f"projects/{state['project']}/locations/{state['region']}/jobs/{state['name']}"
    if isinstance(target := body.get("httpTarget"), dict) and "oauthToken" in target:
        token = target["oauthToken"]
        token.setdefault("scope", _SCOPE)
    body.pop("paused", None)
    return {**body, "name": name}


def scheduler_in(answer: Json, state: Config, config: Config) -> Json:
    found = {**answer, "name": str(answer.get("name", "")).rsplit("/", 1)[-1]}
    found["paused"] = answer.get("state") == "PAUSED"
    own = (state.get("http_target") or [{}])[0] or {}
    target = dict(answer.get("httpTarget") or {})
    if own and not own.get("headers"):
        target.pop("headers", None)  # the service adds its own User-Agent
    given = ((own.get("oauth_token") or [{}])[0] or {}).get("scope")
    if given is None and (target.get("oauthToken") or {}).get("scope") == _SCOPE:
        # The real provider suppresses this difference.
        target["oauthToken"] = {k: v for k, v in target["oauthToken"].items() if k != "scope"}
    return {**found, "httpTarget": target} if target else found


class SchedulerJob(RestResource):
    def create(self, planned: Config, config: Config) -> State:
        found = super().create(planned, config)
        if planned.get("paused"):
            self._switch("pause", found)
            found = self._read_back(found)
        return found

    def send_update(self, prior: Config, planned: State, config: Config, until: float) -> None:
        super().send_update(prior, planned, config, until)
        self._switch("pause" if planned.get("paused") else "resume", planned)

    def _switch(self, verb: str, state: Config) -> None:
        self.session.call("POST", f"{self.url(self.place.item, state)}:{verb}", {})
