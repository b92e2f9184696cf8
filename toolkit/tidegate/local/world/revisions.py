"""Cloud Run Admin v2: revisions. They are made by updates of their service, and can be read and deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.ground import Ground, fingerprint, stamp
from tidegate.local.world.names import page, split_revision, split_service
from tidegate.local.world.operations import Operations
from tidegate.local.world.protos import ListRevisionsResponse, Revision, RevisionTemplate
from tidegate.local.world.reconcile import advance
from tidegate.local.world.run_state import RevisionState, ServiceState

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SAME = (
    "labels", "annotations", "scaling", "vpc_access", "max_instance_request_concurrency", "timeout",
    "service_account", "containers", "volumes", "execution_environment", "encryption_key", "service_mesh",
    "encryption_key_revocation_action", "encryption_key_shutdown_duration", "session_affinity",
    "node_selector", "gpu_zonal_redundancy_disabled",
)  # fmt: skip
"""Fields that a template and a revision share."""


def make_revision(state: ServiceState, message: Any, now: float, uid: str) -> RevisionState | None:
    """The revision that an accepted `message` asks for; None when the template is the one that runs already.

    Raises ALREADY_EXISTS for a name that belongs to a revision of another configuration.
    """
    template = message.template
    if state.revisions and template == state.message.template:
        return None
    wanted = template.revision
    if wanted and wanted in state.revisions:
        old = state.revisions[wanted]
        if not _same_configuration(old.template, template):
            raise ApiError(
                "ALREADY_EXISTS", f"Revision named '{wanted}' with different configuration already exists."
            )
        return old
    short = wanted or _generated(state, uid)
    kept = RevisionTemplate()
    kept.CopyFrom(template)
    revision = Revision(
        name=state.revision_path(short),
        uid=uid,
        generation=1,
        service=state.short,
        launch_stage=message.launch_stage,
    )
    revision.creator = message.last_modifier
    _copy_fields(template, revision)
    stamp(revision.create_time, now)
    stamp(revision.update_time, now)
    revision.etag = f'"{fingerprint(revision.SerializeToString(deterministic=True))[:22]}"'
    return RevisionState(revision, kept)


def _generated(state: ServiceState, uid: str) -> str:
    number = state.counter + 1
    draw = int(fingerprint(f"{state.path}/{uid}/{number}")[:12], 16)
    letters = "".join(_ALPHABET[draw // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(3))
    return f"{state.short}-{number:05d}-{letters}"


def _same_configuration(one: Any, other: Any) -> bool:
    left, right = RevisionTemplate(), RevisionTemplate()
    left.CopyFrom(one)
    right.CopyFrom(other)
    left.revision = right.revision = ""
    return bool(left == right)


def _copy_fields(template: Any, revision: Any) -> None:
    for name in _SAME:
        field = template.DESCRIPTOR.fields_by_name[name]
        value = getattr(template, name)
        if field.is_repeated:
            getattr(revision, name).MergeFrom(value)
        elif field.message_type is not None:
            if template.HasField(name):
                getattr(revision, name).CopyFrom(value)
        elif value:
            setattr(revision, name, value)
    revision.scaling_status.desired_min_instance_count = template.scaling.min_instance_count


class Revisions:
    def __init__(self, ground: Ground, find: Callable[[str], ServiceState], operations: Operations) -> None:
        """`find(path)` gives the service or raises NOT_FOUND."""
        self._ground = ground
        self._find_service = find
        self._operations = operations

    def get(self, request: Any) -> Any:
        _, state = self._find(request.name)
        return _copy(state.message)

    def list(self, request: Any) -> Any:
        split_service(request.parent)
        service = self._find_service(request.parent)
        # Newest first, as the server lists them; the token is the position.
        names = list(reversed(service.revisions))
        order = {f"{position:09d}": name for position, name in enumerate(names)}
        chosen, token = page(list(order), request.page_size, request.page_token)
        return ListRevisionsResponse(
            revisions=[service.revisions[order[key]].message for key in chosen], next_page_token=token
        )

    def delete(self, request: Any) -> Any:
        service, state = self._find(request.name)
        short = request.name.rpartition("/")[2]
        if request.etag and request.etag != state.message.etag:
            raise ApiError("ABORTED", f"Conflict for revision '{short}': the etag is not the current one.")
        if short in service.addressed():
            raise ApiError(
                "FAILED_PRECONDITION",
                f"Revision '{short}' is serving traffic or is tagged and cannot be deleted.",
            )
        if short == service.latest_created:
            raise ApiError(
                "FAILED_PRECONDITION", f"Revision '{short}' is the latest created and cannot be deleted."
            )
        gone = _copy(state.message)
        if not request.validate_only:
            stamp(gone.delete_time, self._ground.now())
            del service.revisions[short]
            service.at_rest = False
            advance(service, self._ground.now(), self._ground.knobs.propagation_delay)
            self._ground.touch()
        return self._operations.finished(service.parent, gone)

    def _find(self, name: str) -> tuple[ServiceState, RevisionState]:
        path, short = split_revision(name)
        if not short:
            invalid(f"Invalid revision name '{name}'.")
        service = self._find_service(path)
        state = service.revisions.get(short)
        if state is None:
            not_found(
                f"Resource '{short}' of kind 'REVISION' in region '{name.split('/')[3]}' does not exist."
            )
        return service, state


def _copy(message: Any) -> Any:
    copy = Revision()
    copy.CopyFrom(message)
    return copy
