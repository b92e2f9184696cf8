"""Create, read, update, delete and import of one resource over REST, as its row of the table says."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tidegate.core.errors import Interrupted, TidegateError, UsageError
from tidegate.local.provider.engine import State, known, same
from tidegate.local.provider.mapping import Shape, from_api, to_api
from tidegate.local.provider.rest import (
    OPERATION_SECONDS,
    ApiError,
    Json,
    OperationFailed,
    Session,
    duration,
)
from tidegate.local.provider.schema import Block
from tidegate.local.provider.wire import UNKNOWN

Config = Mapping[str, Any]
Hook = Callable[[Json, Config, Config], Json]
"""`(body, state, config) -> body`: what a resource does to its JSON after the mapping or before it."""


class PartlyDone(Exception):
    """The resource exists, but its creation did not end well: save what is known of it, tainted."""

    def __init__(self, cause: TidegateError, state: State) -> None:
        super().__init__(str(cause))
        self.state = state


@dataclass(frozen=True)
class Place:
    """Where one resource type lives in its API, in path templates over the state's names.

    `{name}` stands for a value as it is, `{%name}` for one whose slashes are escaped. `imports` are the
    accepted forms of an import id, as regular expressions whose groups are arguments.
    """

    service: str
    collection: str
    item: str
    identity: str
    imports: tuple[str, ...]


@dataclass(frozen=True)
class Behaviour:
    """How one resource type is changed. `update` is the HTTP method, empty where a change always replaces."""

    long_running: bool = False
    update: str = "PATCH"
    update_mask: bool = False
    mask_names: Mapping[str, str] = field(default_factory=dict)
    update_path: str = ""
    delete_query: Callable[[Config], str] = lambda state: ""
    encode: Hook = lambda body, state, config: body
    decode: Hook = lambda answer, state, config: answer


class RestResource:
    """One resource type over one provider configuration. Methods raise TidegateError or PartlyDone."""

    def __init__(
        self, title: str, block: Block, place: Place, shape: Shape, behaviour: Behaviour, session: Session
    ) -> None:
        self.title = title
        self.block = block
        self.place = place
        self.shape = shape
        self.behaviour = behaviour
        self.session = session

    def read(self, state: Config) -> State | None:
        """The state as the service has it now; None when the resource is gone."""
        try:
            answer = self.fetch(state)
        except ApiError as error:
            if error.code == 404:
                return None
            raise _worded(f"Error when reading or editing {self.title}", error) from error
        return self.state(answer, state)

    def fetch(self, state: Config) -> Json:
        return self.session.call("GET", self.url(self.place.item, state))

    def create(self, planned: Config, config: Config) -> State:
        until = self.deadline(planned, "create")
        body = self.body(planned, config)
        try:
            answer = self.session.call("POST", self.url(self.place.collection, planned), body, until=until)
        except TidegateError as error:
            raise _worded(f"Error creating {self.title}", error) from error
        if self.behaviour.long_running:
            answer = self._settled(answer, planned, until)
        found = self.state(answer, planned)
        return self._read_back(found)

    def _settled(self, operation: Json, planned: Config, until: float) -> Json:
        try:
            return self.session.finished(
                self.place.service, operation, f"Creating {self.title}", until
            ) or self.fetch(planned)
        except (OperationFailed, Interrupted, ApiError) as error:
            state = known(dict(planned))
            state["id"] = self.path(self.place.identity, state)
            worded = _worded(f"Error waiting to create {self.title}", error)
            raise PartlyDone(worded, state) from error

    def _read_back(self, state: State) -> State:
        try:
            found = self.read(state)
        except TidegateError as error:
            raise PartlyDone(error, known(state)) from error
        if found is None:
            raise UsageError(f"{self.title} {state['id']} was created and is gone again")
        return found

    def update(self, prior: Config, planned: Config, config: Config) -> State:
        until = self.deadline(planned, "update")
        merged = {**prior, **{name: value for name, value in planned.items() if value is not UNKNOWN}}
        try:
            self.send_update(prior, merged, config, until)
        except TidegateError as error:
            raise _worded(f'Error updating {self.title} "{prior.get("id")}"', error) from error
        return self._read_back(merged)

    def send_update(self, prior: Config, planned: State, config: Config, until: float) -> None:
        url = self.url(self.behaviour.update_path or self.place.item, planned)
        if self.behaviour.update_mask:
            changed = self.changed(prior, planned)
            if not changed:
                return
            url += f"?updateMask={quote(','.join(changed), safe='')}"
        answer = self.session.call(self.behaviour.update, url, self.body(planned, config), until=until)
        if self.behaviour.long_running:
            self.session.finished(self.place.service, answer, f"Updating {self.title}", until)

    def changed(self, prior: Config, planned: Config) -> list[str]:
        """The service's names of the top-level fields that the plan changes."""
        names = []
        for name in (*self.block.attributes, *self.block.blocks):
            if name in {"effective_labels", "effective_annotations"}:
                path = name.removeprefix("effective_")
            elif name in self.shape.local or name == "timeouts":
                continue
            elif name in self.block.attributes and self.block.attributes[name].read_only:
                continue
            else:
                path = name
            if not same(prior.get(name), planned.get(name)):
                names.append(self.behaviour.mask_names.get(path) or self.shape.name(path))
        return sorted(set(names))

    def delete(self, prior: Config) -> None:
        if prior.get("deletion_protection"):
            raise UsageError(
                f"cannot destroy {self.title.lower()} without setting deletion_protection=false "
                "and running `terraform apply`"
            )
        if prior.get("deletion_policy") == "PREVENT":
            raise UsageError(f'cannot destroy {self.title.lower()} while its deletion_policy is "PREVENT"')
        if prior.get("deletion_policy") == "ABANDON":
            return
        try:
            self.send_delete(prior, self.deadline(prior, "delete"))
        except ApiError as error:
            if error.code != 404:
                raise _worded(f"Error when reading or editing {self.title}", error) from error

    def send_delete(self, prior: Config, until: float) -> None:
        url = self.url(self.place.item, prior) + self.behaviour.delete_query(prior)
        answer = self.session.call("DELETE", url, until=until)
        if self.behaviour.long_running:
            self.session.finished(self.place.service, answer, f"Deleting {self.title}", until)

    def import_state(self, identifier: str) -> State:
        """What the import id says; Terraform reads the resource right after."""
        for pattern in self.place.imports:
            if found := re.fullmatch(pattern, identifier):
                return self.imported(identifier, found.groupdict())
        forms = ", ".join(self.place.imports)
        raise UsageError(f'Import id "{identifier}" doesn\'t match any of the accepted formats: [{forms}]')

    def imported(self, identifier: str, parts: Mapping[str, str | None]) -> State:
        state = {name: value for name, value in parts.items() if value is not None}
        for name, default in (
            ("project", self.session.settings.project),
            ("location", self.session.settings.region),
        ):
            if name in self.block.attributes and default:
                state.setdefault(name, default)
        state["id"] = self.path(self.place.identity, {**state})
        return state

    def body(self, planned: Config, config: Config) -> Json:
        body = to_api(self.block, planned, self.shape)
        for name in ("labels", "annotations"):
            if isinstance(managed := planned.get(f"effective_{name}"), dict):
                body[name] = managed
        return self.behaviour.encode(body, planned, config)

    def state(self, answer: Json, base: Config) -> State:
        """The full state from the service's answer and from what was known before."""
        decoded = self.behaviour.decode(dict(answer), base, {})
        found = from_api(self.block, decoded, base, self.shape)
        if "project" in found:
            found["project"] = settled(base.get("project")) or self.session.settings.project
        if "deletion_policy" in found:
            found["deletion_policy"] = settled(base.get("deletion_policy")) or "DELETE"
        for name in ("labels", "annotations"):
            if f"effective_{name}" in found:
                _split(found, name, answer.get(name) or {}, base)
        found["id"] = self.path(self.place.identity, found)
        return found

    def url(self, template: str, state: Config) -> str:
        return self.session.url(self.place.service, self.path(template, state, escape=True))

    def path(self, template: str, state: Config, *, escape: bool = False) -> str:
        settings = self.session.settings
        values = {"project": settings.project, "region": settings.region, "location": settings.region}
        values |= {name: value for name, value in state.items() if settled(value) is not None}

        def fill(found: re.Match[str]) -> str:
            value = values.get(found[2])
            if value is None:
                raise UsageError(
                    f"{self.title}: {found[2]} is not known",
                    hint="Set it in the resource or in the provider block.",
                )
            return quote(str(value), safe="" if found[1] else "/@:") if escape else str(value)

        return re.sub(r"\{(%?)(\w+)\}", fill, template)

    def deadline(self, state: Config, operation: str) -> float:
        asked = state.get("timeouts")
        text = asked.get(operation) if isinstance(asked, dict) else None
        return time.monotonic() + duration(text, OPERATION_SECONDS)


def settled(value: Any) -> Any:
    """The value, None where it is not known yet."""
    return None if value is UNKNOWN else value


def _split(state: State, name: str, found: Mapping[str, str], base: Config) -> None:
    """Only the keys that the configuration manages count as its own; the rest is kept as effective."""
    state[f"effective_{name}"] = dict(found)
    own = settled(base.get(name))
    state[name] = own and {key: found[key] for key in own if key in found}
    if name == "labels" and "terraform_labels" in state:
        managed = settled(base.get("terraform_labels")) or {}
        state["terraform_labels"] = {key: found[key] for key in managed if key in found}


def _worded(prefix: str, error: TidegateError) -> TidegateError:
    """The same kind of error, introduced as the real provider does."""
    worded = UsageError(f"{prefix}: {error.message}", hint=error.hint)
    worded.__cause__ = error
    return worded
