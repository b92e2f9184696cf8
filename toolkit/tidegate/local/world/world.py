"""The whole of it behind one lock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from time import monotonic
from typing import Any

from tidegate.local.world import alerting, dump
from tidegate.local.world.access import Accounts, Policies
from tidegate.local.world.dashboards import Dashboards
from tidegate.local.world.descriptors import Descriptors
from tidegate.local.world.errors import ApiError
from tidegate.local.world.faults import Faults
from tidegate.local.world.ground import Ground, Knobs
from tidegate.local.world.identity import IdentityPools
from tidegate.local.world.incidents import Incidents
from tidegate.local.world.jobs import Jobs
from tidegate.local.world.log_metrics import LogMetrics
from tidegate.local.world.metrics import Metrics
from tidegate.local.world.model import Route, Sample, WantedRevision
from tidegate.local.world.names import project_of
from tidegate.local.world.operations import Operations
from tidegate.local.world.revisions import Revisions
from tidegate.local.world.run_state import BROKEN, READY, STARTING, RevisionState
from tidegate.local.world.scheduler import Scheduler
from tidegate.local.world.secrets import Secrets
from tidegate.local.world.series import Series
from tidegate.local.world.service_levels import ServiceLevels
from tidegate.local.world.services import USER, Services
from tidegate.local.world.storage import Buckets
from tidegate.local.world.usage import ServiceUsage
from tidegate.local.world.wanted import routes_of, wanted_of

_SHORTEST_WAIT, _LONGEST_WAIT = 0.01, 1.0


class World:
    """State and rules of the local Cloud Run. Safe to use from any thread.

    `clock` gives epoch seconds. `addresses(service path, tag)` gives the base URL of a service (empty tag)
    or of a tag; it is called with the lock held, so it must neither block nor call back.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        addresses: Callable[[str, str], str],
        *,
        propagation_delay: float = 0.0,
        ingestion_delay: float = 0.0,
    ) -> None:
        self.ground = Ground(clock, Knobs(propagation_delay, ingestion_delay))
        self.operations = Operations(self.ground)
        self.policies = Policies(self.ground)
        self.accounts = Accounts(self.ground, self.policies)
        self.secrets = Secrets(self.ground, self.policies, self.accounts)
        self.services = Services(self.ground, addresses, self.operations, self.policies, self.secrets.trouble)
        self.revisions = Revisions(self.ground, self.services.find, self.operations)
        self.descriptors = Descriptors(self.ground)
        self.series = Series(self.ground, self.descriptors)
        self.metrics = Metrics(self.ground, self.series, self.descriptors)
        self.dashboards = Dashboards(self.ground)
        self.channels = alerting.Channels(self.ground, USER)
        self.alert_policies = alerting.Policies(self.ground, USER, self.channels, self.descriptors.exists)
        self.channels.users_of = self.alert_policies.using
        self.incidents = Incidents(self.ground, self.alert_policies)
        self.service_levels = ServiceLevels(self.ground)
        self.log_metrics = LogMetrics(self.ground)
        self.jobs = Jobs(self.ground, self.operations, self.policies, USER)
        self.scheduler = Scheduler(self.ground)
        self.buckets = Buckets(self.ground, self.policies)
        self.identity_pools = IdentityPools(self.ground)
        self.service_usage = ServiceUsage(self.ground)
        self.faults = Faults(self.ground, self.series)

    # ---------------------------------------------------------------------------------- for the data plane

    @property
    def version(self) -> int:
        """Grows with every change of state except samples written."""
        with self.ground.lock:
            return self.ground.version

    def wait_for_change(self, version: int, timeout: float) -> int:
        """Block until the version is greater than `version` or `timeout` seconds are over; the version
        then."""
        self.wait_until(lambda: self.ground.version > version, timeout)
        return self.version

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Block until `condition` holds (asked with the lock held) or `timeout` seconds are over."""
        with self.ground.lock:
            # Waiting is done in real time, whatever the given clock says.
            deadline = monotonic() + timeout
            while True:
                self.services.tick()
                if condition():
                    return True
                left = deadline - monotonic()
                if left <= 0:
                    return False
                due = self.services.next_due()
                next_look = _LONGEST_WAIT if due is None else max(_SHORTEST_WAIT, due - self.ground.now())
                self.ground.changed.wait(min(left, next_look, _LONGEST_WAIT))

    def tick(self) -> None:
        """Let everything happen that time alone brings. Every read does this as well."""
        with self.ground.lock:
            self.services.tick()

    def wanted(self) -> tuple[WantedRevision, ...]:
        """Every revision that should have processes now: starting, reachable, or about to be."""
        with self.ground.lock:
            self.services.tick()
            return tuple(
                wanted
                for state in self.services.states.values()
                for wanted in wanted_of(state, partial(self._read_secret, project_of(state.path)))
            )

    def routes(self) -> tuple[Route, ...]:
        """The effective traffic of every service that has any."""
        with self.ground.lock:
            self.services.tick()
            return tuple(routes_of(state) for state in self.services.states.values() if state.effective)

    def with_services(self, use: Callable[[Collection[str]], None]) -> None:
        """Calls `use` with the paths of all services while none can come or go; it must not block."""
        with self.ground.lock:
            use(self.services.states.keys())

    def revision_started(self, service: str, revision: str) -> None:
        """The revision passed its startup probes. Unknown, ready and broken revisions are left alone."""
        with self.ground.lock:
            state = self._starting(service, revision)
            if state is not None:
                state.phase = READY
                self.services.tick()

    def revision_failed(self, service: str, revision: str, reason: str, message: str) -> None:
        """The revision did not start. `reason` is a name of the API, such as HEALTH_CHECK_CONTAINER_ERROR.

        A revision that was ready once stays ready: its instances are restarted instead.
        """
        with self.ground.lock:
            state = self._starting(service, revision)
            if state is not None:
                state.phase, state.reason, state.detail = BROKEN, reason, message
                self.services.tick()

    def write(self, sample: Sample) -> None:
        """Add a measured sample of any metric and resource type."""
        with self.ground.lock:
            self.series.write(sample)

    def dump(self) -> dict[str, Any]:
        """Everything but the time series, as JSON values."""
        with self.ground.lock:
            return dump.dump(self)

    def load(self, data: Mapping[str, Any]) -> None:
        """Take over what `dump` gave. Raises ValueError, with nothing changed, when it is something else."""
        with self.ground.lock:
            dump.load(self, data)

    # ------------------------------------------------------------------------------------------- inside

    def wait_operation(self, request: Any) -> Any:
        """Block until the operation is done, at most the timeout of the request (30 s without one)."""
        timeout = (
            request.timeout.seconds + request.timeout.nanos / 1e9 if request.HasField("timeout") else 30.0
        )

        def done() -> bool:
            try:
                return bool(self.operations.get(request).done)
            except ApiError:
                return True

        self.wait_until(done, min(timeout, 300.0))
        return self.operations.get(request)

    def _starting(self, service: str, revision: str) -> RevisionState | None:
        state = self.services.states.get(service)
        found = state.revisions.get(revision) if state else None
        if state is None or found is None or found.phase != STARTING:
            return None
        state.at_rest = False
        return found

    def _read_secret(self, project: str, secret: str, version: str) -> bytes:
        """A secret taken away from a running revision reads as empty: its processes keep what they got."""
        try:
            return self.secrets.read(project, secret, version)
        except ApiError:
            return b""
