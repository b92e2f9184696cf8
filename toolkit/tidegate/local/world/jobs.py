"""Cloud Run Admin v2: jobs. They are kept, checked and described; nothing is executed."""

from __future__ import annotations

import re
from typing import Any

from tidegate.local.world import run_rules
from tidegate.local.world.access import Policies
from tidegate.local.world.errors import ApiError, invalid, not_found
from tidegate.local.world.ground import Ground, fingerprint, project_number, stamp
from tidegate.local.world.names import check_location, page, project_of
from tidegate.local.world.operations import Operations
from tidegate.local.world.protos import SUCCEEDED, Job, ListJobsResponse

_WRITABLE = (
    "labels", "annotations", "client", "client_version", "launch_stage", "binary_authorization", "template",
)  # fmt: skip
_ID = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST = 7 * 86400


class Jobs:
    def __init__(self, ground: Ground, operations: Operations, policies: Policies, user: str) -> None:
        self._ground = ground
        self._operations = operations
        self._policies = policies
        self._user = user
        self.stored: dict[str, Any] = {}
        """By `projects/P/locations/L/jobs/J`."""

    def create(self, request: Any) -> Any:
        project, _ = check_location(request.parent)
        if not _ID.fullmatch(request.job_id):
            invalid(
                f"Invalid job_id '{request.job_id}': only lowercase letters, digits and hyphens; must begin "
                "with a letter, must not end with a hyphen, and must be less than 64 characters."
            )
        path = f"{request.parent}/jobs/{request.job_id}"
        if path in self.stored:
            raise ApiError("ALREADY_EXISTS", f"Resource '{request.job_id}' already exists.")
        job = Job(name=path, uid=self._ground.uuid(), creator=self._user)
        stamp(job.create_time, self._ground.now())
        return self._accept(project, job, request.job, validate_only=request.validate_only)

    def get(self, request: Any) -> Any:
        return self.find(request.name)

    def list(self, request: Any) -> Any:
        check_location(request.parent)
        names = sorted(name for name in self.stored if name.startswith(f"{request.parent}/jobs/"))
        chosen, token = page(names, request.page_size, request.page_token)
        return ListJobsResponse(jobs=[self.stored[name] for name in chosen], next_page_token=token)

    def update(self, request: Any) -> Any:
        job = Job()
        job.CopyFrom(self.find(request.job.name))
        _check_etag(job, request.job.etag)
        return self._accept(project_of(job.name), job, request.job, validate_only=request.validate_only)

    def delete(self, request: Any) -> Any:
        job = self.find(request.name)
        _check_etag(job, request.etag)
        if not request.validate_only:
            del self.stored[request.name]
            self._policies.forget(request.name)
            self._ground.touch()
        return self._operations.finished(request.name.rpartition("/jobs/")[0], job)

    def run(self, request: Any) -> Any:
        """Jobs have no processes here."""
        self.find(request.name)
        raise ApiError("UNIMPLEMENTED", "The local Cloud Run keeps jobs but does not execute them.")

    def find(self, name: str) -> Any:
        if name not in self.stored:
            parent, _, short = name.partition("/jobs/")
            region = parent.rpartition("/")[2]
            not_found(f"Resource '{short}' of kind 'JOB' in region '{region}' does not exist.")
        return self.stored[name]

    def _accept(self, project: str, job: Any, given: Any, *, validate_only: bool) -> Any:
        for field in _WRITABLE:
            job.ClearField(field)
        for descriptor, value in given.ListFields():
            if descriptor.name in _WRITABLE:
                _set(job, descriptor, value)
        _fill_defaults(project, job)
        _check(job)
        job.generation += 1
        job.observed_generation = job.generation
        job.last_modifier = self._user
        stamp(job.update_time, self._ground.now())
        job.terminal_condition.type_, job.terminal_condition.state = "Ready", SUCCEEDED
        job.etag = f'"{fingerprint(job.SerializeToString(deterministic=True))[:20]}"'
        parent = job.name.rpartition("/jobs/")[0]
        if not validate_only:
            self.stored[job.name] = job
            self._ground.touch()
        return self._operations.finished(parent, job)


def _set(job: Any, descriptor: Any, value: Any) -> None:
    if descriptor.message_type is None:
        setattr(job, descriptor.name, value)
    elif descriptor.message_type.GetOptions().map_entry:
        getattr(job, descriptor.name).update(value)
    else:
        getattr(job, descriptor.name).CopyFrom(value)


def _check_etag(job: Any, etag: str) -> None:
    if etag and etag != job.etag:
        raise ApiError("ABORTED", f"Conflict for resource '{job.name}': the etag is stale.")


def _fill_defaults(project: str, job: Any) -> None:
    job.launch_stage = job.launch_stage or 4
    job.template.task_count = job.template.task_count or 1
    task = job.template.template
    if not task.HasField("timeout"):
        task.timeout.seconds = 600
    task.execution_environment = task.execution_environment or 2
    task.service_account = (
        task.service_account or f"{project_number(project)}-compute@developer.gserviceaccount.com"
    )
    for container in task.containers:
        if not container.resources.limits:
            container.resources.limits.update({"cpu": "1000m", "memory": "512Mi"})


def _check(job: Any) -> None:
    task = job.template.template
    if not task.containers:
        invalid("template.template.containers: at least one container is required.")
    if not 0 < task.timeout.seconds <= _LONGEST:
        invalid(f"template.template.timeout: must be greater than 0 and at most {_LONGEST} seconds.")
    if not 0 <= task.max_retries <= 10:
        invalid("template.template.max_retries: must be between 0 and 10.")
    run_rules.check_task(task)
