"""Monitoring v3: services that are watched, and their service level objectives."""

from __future__ import annotations

import re
from typing import Any

from tidegate.local.world.alerting import merge
from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.filters import parse
from tidegate.local.world.ground import Ground
from tidegate.local.world.names import page, project_of
from tidegate.local.world.protos import (
    ListServiceLevelObjectivesResponse,
    ListWatchedServicesResponse,
    ServiceLevelObjective,
    WatchedService,
)

_ID = re.compile(r"[a-zA-Z0-9\-_:.]{1,64}")
_DAY, _LONGEST_DAYS = 86400, 30
_HIGHEST_GOAL = 0.9999
_OBJECTIVES_PER_SERVICE = 500
_FILTERS = ("good_service_filter", "bad_service_filter", "total_service_filter")


class ServiceLevels:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.services: dict[str, Any] = {}
        self.objectives: dict[str, Any] = {}

    # ------------------------------------------------------------------------------------------- services

    def create_service(self, request: Any) -> Any:
        project = project_of(request.parent)
        chosen = _chosen(request.service_id or self._ground.digits(12), "service_id")
        name = f"projects/{project}/services/{chosen}"
        if name in self.services:
            raise ApiError("ALREADY_EXISTS", f"Service '{name}' already exists.")
        service = _copy(WatchedService, request.service)
        service.name = name
        _check_service(service)
        return self._keep(self.services, WatchedService, service)

    def get_service(self, request: Any) -> Any:
        return _copy(WatchedService, self._service(request.name))

    def list_services(self, request: Any) -> Any:
        prefix = f"projects/{project_of(request.parent)}/services/"
        names = sorted(name for name in self.services if name.startswith(prefix))
        chosen, token = page(names, request.page_size, request.page_token)
        return ListWatchedServicesResponse(
            services=[self.services[name] for name in chosen], next_page_token=token
        )

    def update_service(self, request: Any) -> Any:
        service = _copy(WatchedService, self._service(request.service.name))
        merge(service, request.service, request.update_mask)
        _check_service(service)
        return self._keep(self.services, WatchedService, service)

    def delete_service(self, request: Any) -> None:
        """Its objectives go with it."""
        self._service(request.name)
        del self.services[request.name]
        for name in [name for name in self.objectives if name.startswith(f"{request.name}/")]:
            del self.objectives[name]
        self._ground.touch()

    # ----------------------------------------------------------------------------------------- objectives

    def create_objective(self, request: Any) -> Any:
        parent = self._service(request.parent).name
        chosen = _chosen(
            request.service_level_objective_id or self._ground.digits(12), "service_level_objective_id"
        )
        name = f"{parent}/serviceLevelObjectives/{chosen}"
        if name in self.objectives:
            raise ApiError("ALREADY_EXISTS", f"Service level objective '{name}' already exists.")
        if sum(one.startswith(f"{parent}/") for one in self.objectives) >= _OBJECTIVES_PER_SERVICE:
            raise ApiError("RESOURCE_EXHAUSTED", f"Quota exceeded: {_OBJECTIVES_PER_SERVICE} objectives.")
        objective = _copy(ServiceLevelObjective, request.service_level_objective)
        objective.name = name
        _check_objective(objective)
        return self._keep(self.objectives, ServiceLevelObjective, objective)

    def get_objective(self, request: Any) -> Any:
        return _copy(ServiceLevelObjective, self._objective(request.name))

    def list_objectives(self, request: Any) -> Any:
        prefix = f"{self._service(request.parent).name}/serviceLevelObjectives/"
        names = sorted(name for name in self.objectives if name.startswith(prefix))
        chosen, token = page(names, request.page_size, request.page_token)
        return ListServiceLevelObjectivesResponse(
            service_level_objectives=[self.objectives[name] for name in chosen], next_page_token=token
        )

    def update_objective(self, request: Any) -> Any:
        objective = _copy(ServiceLevelObjective, self._objective(request.service_level_objective.name))
        merge(objective, request.service_level_objective, request.update_mask)
        _check_objective(objective)
        return self._keep(self.objectives, ServiceLevelObjective, objective)

    def delete_objective(self, request: Any) -> None:
        self._objective(request.name)
        del self.objectives[request.name]
        self._ground.touch()

    # --------------------------------------------------------------------------------------------- inside

    def _service(self, name: str) -> Any:
        if name not in self.services:
            not_found(f"Service '{name}' was not found.")
        return self.services[name]

    def _objective(self, name: str) -> Any:
        if name not in self.objectives:
            not_found(f"Service level objective '{name}' was not found.")
        return self.objectives[name]

    def _keep(self, stored: dict[str, Any], kind: Any, message: Any) -> Any:
        stored[message.name] = message
        self._ground.touch()
        return _copy(kind, message)


def _chosen(identifier: str, field: str) -> str:
    if not _ID.fullmatch(identifier):
        invalid(f'Field {field} had an invalid value of "{identifier}": it must match {_ID.pattern}.')
    return identifier


def _check_service(service: Any) -> None:
    if service.WhichOneof("identifier") is None:
        invalid("Field service.identifier is required: custom, cloud_run or another kind of service.")


def _check_objective(objective: Any) -> None:
    if not 0 < objective.goal <= _HIGHEST_GOAL:
        invalid(f"Field goal had an invalid value of {objective.goal:g}: it must be in (0, {_HIGHEST_GOAL}].")
    period = objective.WhichOneof("period")
    if period is None:
        invalid("Field period is required: rolling_period or calendar_period.")
    if period == "rolling_period":
        seconds = objective.rolling_period.seconds
        if seconds % _DAY or not 1 <= seconds // _DAY <= _LONGEST_DAYS:
            invalid(f"Field rolling_period had an invalid value: it must be 1 to {_LONGEST_DAYS} whole days.")
    indicator = objective.service_level_indicator
    kind = indicator.WhichOneof("type")
    if kind is None:
        invalid("Field service_level_indicator is required.")
    if kind == "request_based":
        _check_requests(indicator.request_based)


def _check_requests(indicator: Any) -> None:
    method = indicator.WhichOneof("method")
    place = "service_level_indicator.request_based"
    if method is None:
        invalid(f"Field {place} is required: good_total_ratio or distribution_cut.")
    if method == "distribution_cut":
        cut = indicator.distribution_cut
        if not cut.distribution_filter or not parse(cut.distribution_filter).metric_type:
            invalid(f"Field {place}.distribution_cut.distribution_filter must name one metric.type.")
        return
    ratio = indicator.good_total_ratio
    given = [text for name in _FILTERS if (text := getattr(ratio, name))]
    if len(given) != 2:
        invalid(f"Field {place}.good_total_ratio must have exactly two of good, bad and total.")
    for text in given:
        if not parse(text).metric_type:
            invalid(f"Field {place}.good_total_ratio: the filter '{text}' must name one metric.type.")


def _copy(kind: Any, message: Any) -> Any:
    copy = kind()
    copy.CopyFrom(message)
    return copy
