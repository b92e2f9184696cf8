"""Dashboards v1: create, get, list, update with etag, delete."""

from __future__ import annotations

from typing import Any

from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.ground import Ground, fingerprint
from tidegate.local.world.names import page, project_of
from tidegate.local.world.protos import Dashboard, ListDashboardsResponse

_COLUMNS = 48


class Dashboards:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.stored: dict[str, Any] = {}

    def create(self, request: Any) -> Any:
        dashboard = _copy(request.dashboard)
        prefix = f"projects/{project_of(request.parent)}/dashboards/"
        if dashboard.name and not dashboard.name.startswith("projects/"):
            invalid(f'Field dashboard.name had an invalid value of "{dashboard.name}".')
        dashboard.name = prefix + (dashboard.name.rpartition("/")[2] or self._ground.uuid())
        if dashboard.name in self.stored:
            raise ApiError("ALREADY_EXISTS", f"Dashboard '{dashboard.name}' already exists.")
        return self._accept(dashboard, request.validate_only)

    def get(self, request: Any) -> Any:
        return _copy(self._find(request.name))

    def list(self, request: Any) -> Any:
        prefix = f"projects/{project_of(request.parent)}/dashboards/"
        names = sorted(name for name in self.stored if name.startswith(prefix))
        chosen, token = page(names, request.page_size, request.page_token)
        return ListDashboardsResponse(
            dashboards=[self.stored[name] for name in chosen], next_page_token=token
        )

    def update(self, request: Any) -> Any:
        old = self._find(request.dashboard.name)
        if request.dashboard.etag and request.dashboard.etag != old.etag:
            raise ApiError(
                "ABORTED", f"Dashboard '{old.name}' was modified: the etag is not the current one."
            )
        return self._accept(_copy(request.dashboard), request.validate_only)

    def delete(self, request: Any) -> None:
        self._find(request.name)
        del self.stored[request.name]
        self._ground.touch()

    def _find(self, name: str) -> Any:
        if name not in self.stored:
            not_found(f"Requested entity was not found: dashboard '{name}'.")
        return self.stored[name]

    def _accept(self, dashboard: Any, validate_only: bool) -> Any:
        _check(dashboard)
        dashboard.etag = ""
        dashboard.etag = fingerprint(f"{self._ground.now()!r}{dashboard}")[:32]
        if not validate_only:
            self.stored[dashboard.name] = dashboard
            self._ground.touch()
        return _copy(dashboard)


def _check(dashboard: Any) -> None:
    if not dashboard.display_name:
        invalid("Field dashboard.displayName is required.")
    layout = dashboard.WhichOneof("layout")
    if layout is None:
        invalid("Field dashboard.layout had an invalid value: a layout is required.")
    if layout != "mosaic_layout":
        return
    columns = dashboard.mosaic_layout.columns
    if not 1 <= columns <= _COLUMNS:
        invalid(
            f"Field mosaicLayout.columns had an invalid value of {columns}: it must be between 1 and "
            f"{_COLUMNS}."
        )
    for position, tile in enumerate(dashboard.mosaic_layout.tiles):
        place = f"mosaicLayout.tiles[{position}]"
        if tile.width < 1 or tile.height < 1 or tile.x_pos < 0 or tile.y_pos < 0:
            invalid(
                f"Field {place} had an invalid value: width and height must be positive, positions "
                "not negative."
            )
        if tile.x_pos + tile.width > columns:
            invalid(f"Field {place} had an invalid value: the tile reaches beyond column {columns}.")


def _copy(message: Any) -> Any:
    copy = Dashboard()
    copy.CopyFrom(message)
    return copy
