"""Long-running operations: open until the update they stand for has succeeded or failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.longrunning import operations_pb2

from tidegate.local.world.errors import CODES, ApiError, not_found
from tidegate.local.world.ground import Ground
from tidegate.local.world.names import check_location, page
from tidegate.local.world.protos import FAILED, RECONCILING, Operation
from tidegate.local.world.reconcile import outcome
from tidegate.local.world.run_state import ServiceState

_KEPT = 200


@dataclass
class Entry:
    """An operation, the service it is about, and the revision that its update made (or empty)."""

    message: Any
    service: str
    revision: str


class Operations:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.entries: dict[str, Entry] = {}

    def start(self, parent: str, service: str, revision: str, metadata: Any) -> str:
        """A new open operation; `revision` is the one the update made, or empty."""
        name = f"{parent}/operations/{self._ground.uuid()}"
        message = Operation(name=name)
        message.metadata.Pack(metadata)
        self.entries[name] = Entry(message, service, revision)
        while len(self.entries) > _KEPT:
            self.entries.pop(next(iter(self.entries)))
        return name

    def finished(self, parent: str, response: Any) -> Any:
        """An operation that is done at once."""
        name = self.start(parent, "", "", response)
        message = self.entries[name].message
        message.done = True
        message.response.Pack(response)
        return _copy(message)

    def settle(self, service: ServiceState, shown: Any) -> bool:
        """Close what is through for this service. `shown` is the service as a reader sees it now."""
        changed = False
        for entry in self.entries.values():
            if entry.service != service.path or entry.message.done:
                continue
            end = outcome(service, entry.revision)
            if end.state == RECONCILING:
                continue
            changed = entry.message.done = True
            entry.message.metadata.Pack(shown)
            if end.state == FAILED:
                entry.message.error.code = CODES["FAILED_PRECONDITION"][0]
                entry.message.error.message = end.detail
            else:
                entry.message.response.Pack(shown)
        return changed

    def abandon(self, service: str) -> None:
        """The service is gone: what was open on it can no longer succeed."""
        for entry in self.entries.values():
            if entry.service == service and not entry.message.done:
                entry.message.done = True
                entry.message.error.code = CODES["ABORTED"][0]
                entry.message.error.message = "The service was deleted while the operation was running."

    def get(self, request: operations_pb2.GetOperationRequest) -> Any:
        return _copy(self._find(request.name).message)

    def list(self, request: operations_pb2.ListOperationsRequest) -> Any:
        check_location(request.name)
        names = sorted(name for name in self.entries if name.startswith(f"{request.name}/operations/"))
        chosen, token = page(names, request.page_size, request.page_token)
        return operations_pb2.ListOperationsResponse(
            operations=[self.entries[name].message for name in chosen], next_page_token=token
        )

    def delete(self, request: operations_pb2.DeleteOperationRequest) -> None:
        if not self._find(request.name).message.done:
            raise ApiError("FAILED_PRECONDITION", f"Operation '{request.name}' is still running.")
        del self.entries[request.name]

    def cancel(self, request: operations_pb2.CancelOperationRequest) -> None:
        self._find(request.name)
        raise ApiError("UNIMPLEMENTED", "Cloud Run operations cannot be cancelled.")

    def _find(self, name: str) -> Entry:
        entry = self.entries.get(name)
        if entry is None:
            not_found(f"Operation '{name}' was not found.")
        return entry


def _copy(message: Any) -> Any:
    copy = Operation()
    copy.CopyFrom(message)
    return copy
