"""Cloud Run Admin v2: services. Every method takes and returns the API's own messages; the caller holds the
lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf import field_mask_pb2

from tidegate.local.world import run_rules
from tidegate.local.world.access import Policies
from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.ground import Ground, fingerprint, stamp
from tidegate.local.world.journal import Journal
from tidegate.local.world.names import check_location, page, project_of, split_service
from tidegate.local.world.operations import Operations
from tidegate.local.world.protos import CreateServiceRequest, ListServicesResponse, Operation, Service
from tidegate.local.world.reconcile import advance
from tidegate.local.world.revisions import make_revision
from tidegate.local.world.run_state import ServiceState

USER = "local-user@localhost"
"""Who calls, as far as records of changes go: the local Cloud Run knows no credentials."""

_SERVICES_PER_REGION = 1000
_WRITABLE = (
    "description", "labels", "annotations", "client", "client_version", "ingress", "launch_stage",
    "binary_authorization", "template", "traffic", "scaling", "invoker_iam_disabled", "default_uri_disabled",
    "iap_enabled", "multi_region_settings", "custom_audiences", "threat_detection_enabled", "build_config",
)  # fmt: skip


class Services:
    def __init__(
        self,
        ground: Ground,
        addresses: Callable[[str, str], str],
        operations: Operations,
        policies: Policies,
        check_secrets: Callable[[str, Any], str],
    ) -> None:
        """`check_secrets(project, template)` says in a sentence which secret cannot be read, or nothing."""
        self._ground = ground
        self._addresses = addresses
        self._operations = operations
        self._policies = policies
        self._check_secrets = check_secrets
        self.journal = Journal(ground)
        self.states: dict[str, ServiceState] = {}

    # ------------------------------------------------------------------------------- the API's methods

    def create(self, request: Any) -> Any:
        project, _ = check_location(request.parent)
        run_rules.check_service_id(request.service_id)
        path = f"{request.parent}/services/{request.service_id}"
        if path in self.states:
            raise ApiError("ALREADY_EXISTS", f"Resource '{request.service_id}' already exists.")
        if (
            sum(other.startswith(f"{request.parent}/services/") for other in self.states)
            >= _SERVICES_PER_REGION
        ):
            raise ApiError(
                "RESOURCE_EXHAUSTED", f"Quota exceeded: {_SERVICES_PER_REGION} services per region."
            )
        message = Service(name=path)
        _take(message, request.service, _WRITABLE)
        run_rules.fill_defaults(project, message)
        run_rules.check(request.service_id, message)
        now = self._ground.now()
        message.uid, message.creator = self._ground.uuid(), USER
        stamp(message.create_time, now)
        return self._accept(ServiceState(path, Service()), message, request.validate_only)

    def get(self, request: Any) -> Any:
        return self.shown(self.find(request.name))

    def list(self, request: Any) -> Any:
        check_location(request.parent)
        names = sorted(name for name in self.states if name.startswith(f"{request.parent}/services/"))
        chosen, token = page(names, request.page_size, request.page_token)
        return ListServicesResponse(
            services=[self.shown(self.states[name]) for name in chosen], next_page_token=token
        )

    def update(self, request: Any) -> Any:
        path = request.service.name
        parent, short = split_service(path)
        state = self.states.get(path)
        if state is None:
            if not request.allow_missing:
                self.find(path)
            return self.create(_as_creation(parent, short, request))
        _check_etag(state, request.service.etag)
        message = Service()
        message.CopyFrom(state.message)
        _merge(message, request.service, request.update_mask)
        run_rules.fill_defaults(project_of(path), message)
        run_rules.check(short, message)
        return self._accept(state, message, request.validate_only)

    def delete(self, request: Any) -> Any:
        state = self.find(request.name)
        _check_etag(state, request.etag)
        gone = self.shown(state)
        if not request.validate_only:
            stamp(gone.delete_time, self._ground.now())
            del self.states[request.name]
            self._operations.abandon(request.name)
            self._policies.forget(request.name)
            self._ground.touch()
        return self._operations.finished(state.parent, gone)

    # ------------------------------------------------------------------------------------- for the world

    def find(self, name: str) -> ServiceState:
        _, short = split_service(name)
        state = self.states.get(name)
        if state is None:
            not_found(
                f"Resource '{short}' of kind 'SERVICE' in region '{name.split('/')[3]}' does not exist."
            )
        return state

    def shown(self, state: ServiceState) -> Any:
        """The service as a reader sees it: with its addresses, which are those of this moment."""
        message = Service()
        message.CopyFrom(state.message)
        message.uri = self._addresses(state.path, "")
        message.urls.append(message.uri)
        for status in message.traffic_statuses:
            if status.tag:
                status.uri = self._addresses(state.path, status.tag)
        return message

    def tick(self) -> bool:
        """Let everything that is due happen. True when anything changed."""
        changed = False
        for state in self.states.values():
            if state.at_rest:
                continue
            moved = advance(state, self._ground.now(), self._ground.knobs.propagation_delay)
            state.at_rest = not moved and not state.coming
            settled = self._operations.settle(state, self.shown(state)) if moved else False
            changed = changed or moved or settled
        if changed:
            self._ground.touch()
        return changed

    def next_due(self) -> float | None:
        """Epoch seconds of the next change that time alone brings."""
        return min((state.due for state in self.states.values() if state.coming), default=None)

    # --------------------------------------------------------------------------------------------- inside

    def _accept(self, state: ServiceState, message: Any, validate_only: bool) -> Any:
        """Take a checked message as the new desired state, make its revision, and open the operation."""
        unchanged = state.message.SerializeToString(deterministic=True) == message.SerializeToString(
            deterministic=True
        )
        if unchanged and state.path in self.states:
            return self._operations.finished(state.parent, self.shown(state))
        now = self._ground.now()
        message.last_modifier = USER
        stamp(message.update_time, now)
        message.generation += 1
        revision = make_revision(state, message, now, self._ground.uuid())
        message.etag = f'"{fingerprint(message.SerializeToString(deterministic=True))[:22]}"'
        if validate_only:
            draft = Operation(name=f"{state.parent}/operations/{self._ground.uuid()}", done=True)
            draft.metadata.Pack(message)
            draft.response.Pack(message)
            return draft
        state.message, state.at_rest = message, False
        state.candidate = ""
        if revision is not None:
            self._adopt(state, revision)
        self.states[state.path] = state
        self.journal.note(message)
        name = self._operations.start(state.parent, state.path, state.candidate, self.shown(state))
        advance(state, now, self._ground.knobs.propagation_delay)
        self._operations.settle(state, self.shown(state))
        self._ground.touch()
        return self._operations.get(Operation(name=name))

    def _adopt(self, state: ServiceState, revision: Any) -> None:
        short = revision.message.name.rpartition("/")[2]
        state.latest_created = short
        if short in state.revisions:
            return
        state.counter += 1
        state.candidate = short
        trouble = self._check_secrets(project_of(state.path), revision.template)
        if trouble:
            revision.phase, revision.reason, revision.detail = (
                "broken",
                "SECRETS_ACCESS_CHECK_FAILED",
                trouble,
            )
        state.revisions[short] = revision
        _forget_old(state)


def _forget_old(state: ServiceState, most: int = 1000) -> None:
    keep = state.addressed() | {state.latest_created, state.latest_ready}
    for name in [name for name in state.revisions if name not in keep]:
        if len(state.revisions) <= most:
            return
        del state.revisions[name]


def _check_etag(state: ServiceState, etag: str) -> None:
    if etag and etag != state.message.etag:
        raise ApiError(
            "ABORTED",
            f"Conflict for resource '{state.short}': etag '{etag}' was specified but current etag is "
            f"'{state.message.etag}'.",
        )


def _take(target: Any, source: Any, fields: Iterable[str]) -> None:
    """Copy whole fields, also to their being absent."""
    for name in fields:
        target.ClearField(name)
    part = Service()
    part.CopyFrom(source)
    for descriptor in part.DESCRIPTOR.fields:
        if descriptor.name not in fields:
            part.ClearField(descriptor.name)
    target.MergeFrom(part)


def _merge(target: Any, source: Any, mask: Any) -> None:
    """Apply an update: with a mask only what it names, without one (or with `*`) every writable field."""
    paths = [_snake(path) for path in mask.paths]
    if not paths or "*" in paths:
        _take(target, source, _WRITABLE)
        return
    whole = [path for path in paths if "." not in path]
    for path in paths:
        root = path.partition(".")[0]
        if root not in _WRITABLE and root not in Service.DESCRIPTOR.fields_by_name:
            invalid(f"update_mask: Service has no field '{path}'.")
    _take(target, source, [path for path in whole if path in _WRITABLE])
    deep = field_mask_pb2.FieldMask(paths=[p for p in paths if "." in p and p.partition(".")[0] in _WRITABLE])
    try:
        deep.MergeMessage(source, target, replace_message_field=True, replace_repeated_field=True)
    except ValueError as error:
        raise ApiError("INVALID_ARGUMENT", f"update_mask: {error}.") from error


def _snake(path: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in path)


def _as_creation(parent: str, short: str, request: Any) -> Any:
    creation = CreateServiceRequest(parent=parent, service_id=short, validate_only=request.validate_only)
    creation.service.CopyFrom(request.service)
    return creation
