"""How a service is at present, measured: what `core.power` reckons with. Reads only."""

from __future__ import annotations

from tidegate.core import power
from tidegate.core.samples import NoData, Samples, Window
from tidegate.flows.serving import effective
from tidegate.ports import Clock, CloudRun, Metrics, ServiceName, Telemetry

LOOKED_BACK = 3600.0
"""Seconds."""


def present(
    name: ServiceName, telemetry: Telemetry, cloud_run: CloudRun, metrics: Metrics, clock: Clock
) -> power.Present | NoData:
    """The revisions that serve now, over the last hour. Raises RemoteError."""
    service = cloud_run.get_service(name)
    if service is None:
        return NoData(f"there is no service {name.service} yet")
    serving = sorted(effective(service))
    if not serving:
        return NoData(f"no revision of {name.service} serves")
    end = clock.now() - telemetry.ingestion_delay
    samples = metrics.samples(name, serving, Window(end - LOOKED_BACK, end), telemetry)
    return at_present(samples, end, telemetry)


def at_present(samples: Samples, end: float, telemetry: Telemetry) -> power.Present | NoData:
    """The same of samples that have been read already, up to `end` (epoch seconds)."""
    # A service younger than that was not idle before.
    first = min((float(s.times[0]) for s in samples.by_key.values()), default=end)
    window = Window(min(max(end - LOOKED_BACK, first - telemetry.sample_period), end), end)
    return power.present(samples, window, telemetry.sample_period)
