"""Reads how a service is before a deployment. Monitoring may fail: then that is said, and it goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tidegate.core import power
from tidegate.core.errors import RemoteError, RolloutHeld
from tidegate.core.incident import Incident
from tidegate.core.judge import Criteria, Mode
from tidegate.core.preflight import Look, Preflight, assess, limits, looked_back, occupied, split, undecided
from tidegate.core.samples import NoData, Samples, Window
from tidegate.core.spec import Alerts
from tidegate.flows.job import Job, Tools
from tidegate.flows.power import LOOKED_BACK, at_present
from tidegate.flows.serving import effective, held, record_of
from tidegate.ports import Incidents, Service, ServiceName


def check(
    job: Job, parts: tuple[power.Part, ...], alerts: Alerts, tools: Tools, incidents: Incidents
) -> Preflight:
    """How the service of the job is now, and whether a deployment would go on.

    `parts` are the steps of the rollout, `alerts` those of the spec. Raises RemoteError only where the
    service itself cannot be read.
    """
    service = tools.cloud_run.get_service(job.name)
    now, criteria = tools.clock.now(), limits(job.criteria, alerts)
    serving = {} if service is None else effective(service)
    cut = now - job.telemetry.ingestion_delay
    samples = _samples(job, serving, criteria, tools, cut)
    look = Look(
        job.name.service,
        serving,
        samples,
        cut,
        job.telemetry.sample_period,
        incidents=() if service is None else _incidents(job.name, incidents),
        blind_spots=_blind_spots(job, parts, samples, cut),
        latest=service is not None and any(t.percent and not t.revision for t in service.traffic),
        held=None if service is None else _held(service, tools, job.criteria.mode),
    )
    found = assess(look, criteria)
    if found.burning and service is not None and look.held is not None:
        # It may be that nothing keeps the fix.
        found = assess(replace(look, held=_held(service, tools, found.mode)), criteria)
    return found


def preflight(service: Service | None, mode: Mode, tools: Tools) -> str:
    """The revision that has all the traffic; empty for a service that does not exist or never served.

    Raises RolloutHeld for one that another rollout holds, or about which it waits for a decision, and for one
    whose traffic is split.
    """
    if service is None:
        return ""
    if (error := _held(service, tools, mode)) is not None:
        raise error
    serving = effective(service)
    if len(serving) > 1:
        found = split(service.name.service, serving)
        raise RolloutHeld(found.sentence, hint=found.way_out)
    return next(iter(serving), "")


def planned_upon(service: Service | None, mode: Mode, tools: Tools, look: Callable[[], Preflight]) -> str:
    """What `preflight` returns, before anybody has looked how the service is. Raises RolloutHeld.

    Where it burns a deployment is its fix, and goes out where another would not: `look` finds that out.
    """
    try:
        return preflight(service, mode, tools)
    except RolloutHeld as error:
        if error.passes:
            raise
        return preflight(service, look().mode, tools)


def _held(service: Service, tools: Tools, mode: Mode) -> RolloutHeld | None:
    now = tools.clock.now()
    other = occupied(record_of(service, tools), effective(service), now, mode)
    if other is None:
        return None
    # What is neither held nor split waits for a decision about the revision that serves.
    waits = not other.held_at(now) and len(effective(service)) == 1
    return undecided(other.state) if waits else held(other, now)


def _samples(
    job: Job, serving: dict[str, int], criteria: Criteria, tools: Tools, cut: float
) -> Samples | NoData:
    """As long back as `core.power` reckons with."""
    if not serving:
        return Samples()
    seconds = max(looked_back(criteria, job.telemetry.sample_period), LOOKED_BACK)
    try:
        return tools.metrics.samples(job.name, sorted(serving), Window(cut - seconds, cut), job.telemetry)
    except RemoteError as error:
        return NoData(error.message)


def _incidents(name: ServiceName, incidents: Incidents) -> tuple[Incident, ...] | NoData:
    try:
        return incidents.open_incidents(name)
    except RemoteError as error:
        return NoData(error.message)


def _blind_spots(
    job: Job, parts: tuple[power.Part, ...], samples: Samples | NoData, cut: float
) -> tuple[str, ...]:
    """Nothing to say about a service of which nothing is known."""
    if isinstance(samples, NoData) or not samples.by_key:
        return ()
    present = at_present(samples, cut, job.telemetry)
    if isinstance(present, NoData):
        return ()
    return power.blind_spots(power.survey(present, parts, job.criteria))
