"""What a rollout is judged by, carried in its record: whoever goes on with it from elsewhere has no spec.

Only what differs from the defaults is written. Hooks and listeners stay behind: they belong to the machine
that has their commands and secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tidegate.core.judge import Criteria
from tidegate.flows.job import Job
from tidegate.ports import ServiceName, Smoke, Telemetry


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def terms_of(job: Job) -> dict[str, Any]:
    """As plain data that JSON can hold."""

    def plain(kind: Any, value: Any) -> Any:
        return _adapter(kind).dump_python(value, mode="json", exclude_defaults=True)

    return {
        "criteria": plain(Criteria, job.criteria),
        "telemetry": plain(Telemetry, job.telemetry),
        "smoke": plain(tuple[Smoke, ...], job.smoke),
        "start_timeout": job.start_timeout,
    }


def job_of(name: ServiceName, terms: Mapping[str, Any]) -> Job | None:
    """The job behind a record's terms; None where they are missing, or of another version."""
    try:
        return Job(
            name,
            _adapter(Telemetry).validate_python(terms["telemetry"]),
            _adapter(Criteria).validate_python(terms["criteria"]),
            _adapter(tuple[Smoke, ...]).validate_python(terms["smoke"]),
            start_timeout=float(terms["start_timeout"]),
        )
    except (KeyError, TypeError, ValueError, ValidationError):
        return None
