"""Reads the samples of a rollout piece by piece: what is too old to change is read once, and kept."""

from __future__ import annotations

from contextlib import suppress

from tidegate.core.errors import RemoteError
from tidegate.core.samples import Samples, Window, joined
from tidegate.ports import CloudRun, Metrics, ServiceName, Telemetry

PRE_PERIOD = 600.0
PRE_SAMPLES = 60
"""What shows how the stable revision was before the rollout: so many seconds or samples, the more of them."""
COLD_SAMPLES = 20
"""Samples of its own start that are read beside the time it took to warm up."""
_LATE = 10
"""Sample periods beyond the ingestion delay for which a sample may still come; they are read again."""
_OVERLAP = 3
"""Sample periods read once more before that: the first increment of a counter is lost in every read."""
_LOADS = frozenset({"request_count", "error_count"})


class Reading:
    """One rollout's samples. `warm_up` is the judge's, in seconds."""

    def __init__(
        self, name: ServiceName, telemetry: Telemetry, warm_up: float, metrics: Metrics, cloud_run: CloudRun
    ) -> None:
        self._name = name
        self._telemetry = telemetry
        self._warm_up = warm_up
        self._metrics = metrics
        self._cloud_run = cloud_run
        self._young: Samples | None = None
        self._kept = Samples()
        self._upto: float | None = None

    def samples(self, stable: str, candidate: str, started: float, now: float) -> Samples:
        """Everything measured of both revisions, from some time before `started` until `now`.

        Raises RemoteError when the present cannot be read.
        """
        period = self._telemetry.sample_period
        start = started - max(PRE_PERIOD, PRE_SAMPLES * period)
        if self._young is None and stable:
            with suppress(RemoteError):  # worth having, not worth a look; the next one tries again
                self._young = self._when_young(stable, start)
        upto = start if self._upto is None else self._upto
        revisions = [revision for revision in (stable, candidate) if revision]
        window = Window(upto - _OVERLAP * period, now)
        fresh = self._metrics.samples(self._name, revisions, window, self._telemetry)
        found = joined(self._kept, fresh, upto)
        self._upto = max(upto, now - self._telemetry.ingestion_delay - _LATE * period)
        self._kept = found.until(self._upto)
        return joined(self._young, found, start) if self._young else found

    def _when_young(self, stable: str, start: float) -> Samples:
        """How the stable revision's instances began: the candidate's are as young, those of today are not.

        Only what is told per instance, and the load; how fast or how dear a cold start is is no yardstick.
        """
        revision = self._cloud_run.get_revision(self._name, stable)
        if revision is None:
            return Samples()
        period = self._telemetry.sample_period
        end = revision.create_time + 2 * self._warm_up + COLD_SAMPLES * period
        window = Window(min(revision.create_time, start), min(end, start))
        if not window.seconds:
            return Samples()
        found = self._metrics.samples(self._name, [stable], window, self._telemetry)
        return Samples.of(s for k, s in found.by_key.items() if k.instance or k.metric in _LOADS)
