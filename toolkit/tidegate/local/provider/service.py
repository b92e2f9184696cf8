"""The provider's methods by the plugin protocol's messages: decode, do, encode, errors as diagnostics."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from tidegate.core.errors import TidegateError, UsageError
from tidegate.local.provider import data, engine, schema, wire
from tidegate.local.provider.checks import validate
from tidegate.local.provider.lifecycle import PartlyDone
from tidegate.local.provider.resources import RESOURCES, customizations, resource
from tidegate.local.provider.rest import Session, settings_from

_LOG = logging.getLogger(__name__)

_UNSEEN_CONNECTIONS = 256
"""How many configurations are kept of clients that hold no stream open; the longest unused go first."""

_METHOD = {name: re.sub(r"([A-Z])", r"_\1", name).lower() for name in wire.METHODS}


class ProviderService:
    """State: one `Session` for each connection that has configured the provider."""

    def __init__(self, base_url: str, project: str | None) -> None:
        self._base_url = base_url
        self._project = project
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._attached: set[str] = set()
        self._schema: Any = None

    @property
    def connections(self) -> int:
        return len(self._sessions)

    def attached(self, peer: str) -> None:
        with self._lock:
            self._attached.add(peer)

    def gone(self, peer: str) -> None:
        """The connection has closed: nobody can use its configuration any more."""
        with self._lock:
            self._attached.discard(peer)
            session = self._sessions.pop(peer, None)
        if session:
            session.close()

    def close(self) -> None:
        with self._lock:
            sessions = list(self._sessions.values())
            self._sessions.clear()
        for session in sessions:
            session.close()

    def method(self, name: str) -> Callable[[Any, str], Any]:
        """One method of the protocol. Whatever goes wrong in it comes back as a diagnostic."""
        work: Callable[[Any, str], Any] = getattr(self, _METHOD[name])
        response = wire.METHODS[name][1]

        def run(request: Any, peer: str) -> Any:
            try:
                return work(request, peer)
            except (TidegateError, PartlyDone) as error:
                return self._failed(name, response, request, str(error), getattr(error, "hint", ""), error)
            except Exception as error:  # noqa: BLE001 - a bug must not look like a crashed plugin
                _LOG.exception("the provider failed in %s", name)
                text = f"the local provider failed: {type(error).__name__}: {error}"
                return self._failed(name, response, request, text, "This is a bug.", error)

        return run

    @staticmethod
    def _failed(name: str, response: str, request: Any, summary: str, detail: str, error: Exception) -> Any:
        answer = wire.new(response)
        if name == "StopProvider":
            answer.Error = summary
            return answer
        answer.diagnostics.append(wire.diagnostic(summary, detail))
        if name == "ApplyResourceChange":
            answer.legacy_type_system = True
            answer.new_state.CopyFrom(_after_failure(request, error))
        return answer

    def _session(self, peer: str) -> Session:
        with self._lock:
            if session := self._sessions.get(peer):
                self._sessions.move_to_end(peer)
                return session
        raise UsageError("the provider has not been configured on this connection")

    def _get_provider_schema(self, request: Any, peer: str) -> Any:
        if self._schema is None:
            self._schema = _whole_schema()
        return self._schema

    def _validate_provider_config(self, request: Any, peer: str) -> Any:
        config = wire.decode(request.config) or {}
        problems = _problems(schema.load("provider"), config)
        return wire.new("ValidateProviderConfigResponse", diagnostics=problems)

    def _validate_resource_config(self, request: Any, peer: str) -> Any:
        config = wire.decode(request.config) or {}
        return wire.new("DiagnosticsResponse", diagnostics=_problems(schema.load(request.type_name), config))

    def _validate_data_resource_config(self, request: Any, peer: str) -> Any:
        return wire.new("DiagnosticsResponse")

    def _upgrade_resource_state(self, request: Any, peer: str) -> Any:
        state = engine.fit(schema.load(request.type_name), json.loads(request.raw_state.json))
        return wire.new("UpgradeResourceStateResponse", upgraded_state=wire.encode(state))

    def _configure_provider(self, request: Any, peer: str) -> Any:
        config = engine.known(wire.decode(request.config) or {})
        session = Session(settings_from(config, self._base_url, self._project))
        with self._lock:
            self._sessions[peer] = session
            unseen = [name for name in self._sessions if name not in self._attached and name != peer]
            for name in unseen[: max(0, len(unseen) - _UNSEEN_CONNECTIONS)]:
                del self._sessions[name]
        return wire.new("DiagnosticsResponse")

    def _read_resource(self, request: Any, peer: str) -> Any:
        state = wire.decode(request.current_state)
        found = resource(request.type_name, self._session(peer)).read(state)
        return wire.new("ReadResourceResponse", new_state=wire.encode(found), private=request.private)

    def _plan_resource_change(self, request: Any, peer: str) -> Any:
        answer = wire.new(
            "PlanResourceChangeResponse", planned_private=request.prior_private, legacy_type_system=True
        )
        if wire.decode(request.proposed_new_state) is None:
            answer.planned_state.CopyFrom(wire.encode(None))
            return answer
        settings = self._session(peer).settings
        made = engine.plan(
            schema.load(request.type_name),
            wire.decode(request.config),
            wire.decode(request.prior_state),
            customizations(request.type_name, settings),
        )
        answer.planned_state.CopyFrom(wire.encode(made.state))
        answer.requires_replace.extend(wire.attribute_path(path) for path in made.replace)
        return answer

    def _apply_resource_change(self, request: Any, peer: str) -> Any:
        prior, planned = wire.decode(request.prior_state), wire.decode(request.planned_state)
        config = wire.decode(request.config) or {}
        target = resource(request.type_name, self._session(peer))
        found = None
        if planned is None:
            target.delete(prior)
        elif prior is None:
            found = target.create(planned, config)
        else:
            found = target.update(prior, planned, config)
        return wire.new(
            "ApplyResourceChangeResponse",
            new_state=wire.encode(found),
            private=request.planned_private,
            legacy_type_system=True,
        )

    def _import_resource_state(self, request: Any, peer: str) -> Any:
        target = resource(request.type_name, self._session(peer))
        found = target.import_state(request.id)
        # Read at once: only here is it known which arguments the import id gave and which nobody has said.
        state = target.read(found)
        if state is None:
            raise UsageError(f"Cannot import non-existent remote object: {request.id}")
        imported = wire.new("Imported", type_name=request.type_name, state=wire.encode(state))
        return wire.new("ImportResourceStateResponse", imported_resources=[imported])

    def _read_data_source(self, request: Any, peer: str) -> Any:
        state = data.read(request.type_name, wire.decode(request.config), self._session(peer))
        return wire.new("ReadDataSourceResponse", state=wire.encode(state))

    def _stop_provider(self, request: Any, peer: str) -> Any:
        with self._lock:
            session = self._sessions.get(peer)
        if session:
            session.stop()
        return wire.new("StopProviderResponse")


def _after_failure(request: Any, error: Exception) -> Any:
    """What is saved when an apply failed: a new resource's known part, which Terraform taints; for a failed
    update what was asked for, as the real provider does; for a failed deletion what was there."""
    if isinstance(error, PartlyDone):
        return wire.encode(error.state)
    prior, planned = wire.decode(request.prior_state), wire.decode(request.planned_state)
    if prior is None or planned is None:
        return request.prior_state
    merged = {name: prior.get(name) if value is wire.UNKNOWN else value for name, value in planned.items()}
    return wire.encode(engine.known(merged))


def _problems(block: schema.Block, config: Any) -> list[Any]:
    return [wire.diagnostic(found.summary, found.detail, found.path) for found in validate(block, config)]


def _whole_schema() -> Any:
    entries: dict[str, list[Any]] = {"google": [], "data": []}
    for name in schema.names():
        if name in RESOURCES:
            entries["google"].append(_entry(name, name))
        elif name.startswith("data."):
            entries["data"].append(_entry(name.removeprefix("data."), name))
    return wire.new(
        "GetProviderSchemaResponse",
        provider=_schema_message(schema.load("provider")),
        resource_schemas=entries["google"],
        data_source_schemas=entries["data"],
        server_capabilities=wire.new("Capabilities", get_provider_schema_optional=True),
    )


def _entry(key: str, name: str) -> Any:
    return wire.new("SchemaEntry", key=key, value=_schema_message(schema.load(name)))


def _schema_message(block: schema.Block) -> Any:
    return wire.new("Schema", version=block.version, block=_block_message(block))


def _block_message(block: schema.Block) -> Any:
    attributes = [
        wire.new(
            "Attribute",
            name=name,
            type=json.dumps(attribute.type).encode(),
            required=attribute.required,
            optional=attribute.optional,
            computed=attribute.computed,
            sensitive=attribute.sensitive,
            write_only=attribute.write_only,
        )
        for name, attribute in block.attributes.items()
    ]
    blocks = [
        wire.new(
            "NestedBlock",
            type_name=name,
            block=_block_message(nested.block),
            nesting=wire.NESTING[nested.nesting],
            min_items=nested.min,
            max_items=nested.max,
        )
        for name, nested in block.blocks.items()
    ]
    return wire.new("Block", attributes=attributes, block_types=blocks)
