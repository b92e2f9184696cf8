"""`tidegate status`: what serves, what the rollout is at, since when, and what can be seen of it now."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tidegate.core import record
from tidegate.core.errors import RemoteError
from tidegate.core.judge import judge, recovery
from tidegate.core.rollout import ENDED, Phase
from tidegate.core.verdict import Verdict
from tidegate.flows.job import Job, Tools, rollout_of
from tidegate.flows.reading import Reading
from tidegate.flows.serving import effective, record_of, service_of
from tidegate.flows.terms import job_of
from tidegate.ports import Service


@dataclass(frozen=True)
class Status:
    service: Service
    serving: dict[str, int]
    """Percent of the effective traffic by revision."""
    rollout: record.Record | record.Unreadable | None
    history: tuple[record.Past, ...]
    living: bool
    """Whether a process works on the rollout, as far as is known."""
    request: record.Request | None
    """What somebody has asked of it, and was not answered yet."""
    verdict: Verdict | None
    """What the judge says at this moment; None where there is nothing to judge."""
    unseen: str = ""
    """Why it could not be judged."""


def status(job: Job, tools: Tools) -> Status:
    """Reads, and changes nothing. Raises NotFound when there is no such service, RemoteError."""
    service = service_of(job.name, tools.cloud_run)
    found = record_of(service, tools)
    request, verdict, unseen, living = None, None, "", False
    if isinstance(found, record.Record):
        request = record.asked(service.annotations, found.state.id)
        living = found.lives_at(tools.clock.now())
        try:
            verdict = _verdict(job, tools, found)
        except RemoteError as error:
            unseen = error.message
    return Status(
        service, effective(service), found, record.history(service.annotations), living, request, verdict,
        unseen,
    )  # fmt: skip


def _verdict(job: Job, tools: Tools, found: record.Record) -> Verdict | None:
    """The same look that the process working on it would take now."""
    state = found.state
    if state.phase in ENDED or (state.phase is Phase.ROLLED_BACK and state.final):
        return None
    judged_by = job_of(job.name, found.terms) or job
    rollout = rollout_of(judged_by, replace(state, exit_code=None))
    if rollout is None:
        return None
    now = tools.clock.now()
    reading = Reading(
        job.name, judged_by.telemetry, judged_by.criteria.warm_up, tools.metrics, tools.cloud_run
    )
    samples = reading.samples(state.stable, state.candidate, state.started, now)
    if state.restored is not None:
        return recovery(samples, rollout, judged_by.criteria, state.restored, now)
    return judge(samples, rollout, judged_by.criteria, now)
