"""The seams: one Protocol per outside system. Adapters implement them, flows use them, tests fake them.

Every method either returns a typed result or raises a `core.errors.TidegateError`; foreign exceptions stay
behind the seam. No method retries a call whose repetition could be harmful.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from tidegate.core import waves
from tidegate.core.adopt import Look
from tidegate.core.alerting.firing import IndexArray, Labels
from tidegate.core.catalogue import CustomMetric
from tidegate.core.incident import Incident
from tidegate.core.samples import Samples, Window

# ------------------------------------------------------------------------------------------- Cloud Run


@dataclass(frozen=True, order=True)
class ServiceName:
    project: str
    region: str
    service: str

    @property
    def path(self) -> str:
        return f"projects/{self.project}/locations/{self.region}/services/{self.service}"

    def revision_path(self, revision: str) -> str:
        return f"{self.path}/revisions/{revision}"


@dataclass(frozen=True)
class Target:
    """One line of a traffic split. `revision` empty means LATEST (which tidegate never writes)."""

    revision: str
    percent: int = 0
    tag: str = ""
    uri: str = ""
    """The tag's own address; filled in `traffic_statuses` only."""


class ConditionState(StrEnum):
    PENDING = "pending"
    RECONCILING = "reconciling"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Condition:
    type: str
    state: ConditionState
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class Service:
    """A Cloud Run service as last read. Revision names are short (`orders-00042-abc`), never paths."""

    name: ServiceName
    uri: str
    etag: str
    generation: int
    observed_generation: int
    reconciling: bool
    terminal_condition: Condition
    conditions: tuple[Condition, ...]
    traffic: tuple[Target, ...]
    """Desired."""
    traffic_statuses: tuple[Target, ...]
    """Effective: what serves now."""
    latest_ready_revision: str
    latest_created_revision: str
    annotations: Mapping[str, str]

    @property
    def settled(self) -> bool:
        """Nothing is under way. After a failed start-up `observed_generation` stays behind for good."""
        return not self.reconciling


@dataclass(frozen=True)
class Revision:
    name: str
    image: str
    create_time: float
    ready: Condition
    conditions: tuple[Condition, ...] = ()
    reconciling: bool = False


class CloudRun(Protocol):
    def get_service(self, name: ServiceName) -> Service | None:
        """None when there is no such service. Safe to repeat; retried inside."""

    def get_revision(self, name: ServiceName, revision: str) -> Revision | None: ...

    def update(
        self, service: Service, traffic: Sequence[Target], annotations: Mapping[str, str | None]
    ) -> Service:
        """One UpdateService call, mask `traffic,annotations`, with the etag of `service`.

        `annotations` are merged into those of `service`; None removes a key. Returns the service as
        accepted, which may still be reconciling. Raises Conflict when the etag is stale, Rejected,
        Denied, Unreachable (certainly not sent) or OutcomeUnknown (read back).
        """

    def check_access(self, project: str, region: str) -> None:
        """Raises Denied, Rejected (no such region) or Unreachable with a sentence; else returns."""


# ------------------------------------------------------------------------------------------- Monitoring


@dataclass(frozen=True)
class Telemetry:
    """Where the per-instance metrics of a service come from, and how old samples are when visible."""

    open_fds: str = "process_open_fds"
    max_fds: str = "process_max_fds"
    tcp_connections: str = "tcp_connections"
    memory_bytes: str = "process_resident_memory_bytes"
    sample_period: float = 60.0
    """Seconds between samples of one series."""
    ingestion_delay: float = 180.0
    """Seconds after which a sample is certainly visible."""
    custom: tuple[CustomMetric, ...] = ()
    """The user's own, with no placeholder left in them."""


class Metrics(Protocol):
    def samples(
        self, name: ServiceName, revisions: Sequence[str], window: Window, telemetry: Telemetry
    ) -> Samples:
        """Every metric of the catalogue and of the user's own that exists, for these revisions.

        What does not exist is not there, and so is a metric of the user's own that cannot be read.
        """

    def requests(self, name: ServiceName, window: Window, telemetry: Telemetry) -> Samples:
        """`request_count` of every revision that had any in the window."""

    def check_access(self, project: str) -> None: ...


class History(Protocol):
    """What a rule expression says of the past."""

    def held(
        self, project: str, query: str, start: float, step: float, count: int
    ) -> Mapping[Labels, IndexArray]:
        """By series the numbers, from 0, of the evaluations at which the query had a value.

        There are `count` of them, `step` seconds apart, the first at `start` (epoch seconds). Raises Rejected
        or Unreachable also where it is too much for one request; Denied, NotFound.
        """


class Incidents(Protocol):
    def open_incidents(self, name: ServiceName) -> tuple[Incident, ...]:
        """Those of this service's alert policies and of its resource, oldest first. Raises RemoteError."""


# ------------------------------------------------------------------------------------------- Terraform


@dataclass(frozen=True)
class TerraformVersion:
    flavour: str
    """`terraform` or `opentofu`."""
    version: tuple[int, int, int]
    command: tuple[str, ...]
    """How it is started: the path of the binary, or python and the shim of the embedded one."""
    embedded: bool = False


@dataclass(frozen=True)
class Progress:
    """One step of a running terraform, for the display."""

    kind: str
    """`start`, `progress`, `done`, `failed`, `plan`, `diagnostic`, `summary`."""
    address: str = ""
    action: str = ""
    message: str = ""
    seconds: float = 0.0


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class Diagnostic:
    severity: str
    summary: str
    detail: str = ""
    path: str = ""
    line: int = 0
    address: str = ""


@dataclass(frozen=True)
class SavedPlan:
    """A plan file and what `terraform show -json` says of it. Applying it applies exactly this."""

    path: Path
    json: Mapping[str, Any]
    has_changes: bool


class Terraform(Protocol):
    """Commands on one root module directory. Raises TerraformError with the diagnostics as text."""

    def version(self) -> TerraformVersion: ...
    def init(self, directory: Path) -> None: ...
    def validate(self, directory: Path) -> tuple[Diagnostic, ...]: ...
    def plan(
        self, directory: Path, *, destroy: bool = False, on_progress: OnProgress | None = None
    ) -> SavedPlan: ...
    def apply(self, directory: Path, plan: SavedPlan, *, on_progress: OnProgress | None = None) -> None: ...
    def untaint(self, directory: Path, address: str) -> None:
        """Takes back Terraform's wish to replace a resource whose creation failed half-way."""

    def outputs(self, directory: Path) -> Mapping[str, Any]: ...

    def push(self, directory: Path) -> str:
        """Writes a state that an earlier apply could only save beside the configuration to its backend.

        Returns the name of that file; empty when there is none. Raises TerraformError, and the file stays.
        """


# ------------------------------------------------------------------------------------------- the rest


class Estate(Protocol):
    """What exists in a project, whoever made it."""

    def read(self, look: Look) -> Mapping[str, Any] | None:
        """The thing as its API shows it, a list whole; None when there is no such thing.

        Raises Denied, Rejected or Unreachable. Safe to repeat; retried inside.
        """


@dataclass(frozen=True)
class Smoke:
    """One HTTP request on a tag address before any traffic, and what it must answer."""

    path: str = "/"
    status: int = 200
    contains: str = ""
    timeout: float = 5.0
    attempts: int = 3
    max_latency: float | None = None
    """Seconds; an attempt that takes longer does not pass."""


@dataclass(frozen=True)
class SmokeResult:
    ok: bool
    sentence: str
    seconds: float


class Probe(Protocol):
    def check(self, base_url: str, smoke: Smoke) -> SmokeResult:
        """Never raises for an unhealthy answer or no answer: that is the result."""


class Moment(StrEnum):
    """When a hook runs. Before the apply and before any traffic a failure ends the rollout; after it, not."""

    BEFORE_APPLY = "before_apply"
    BEFORE_TRAFFIC = "before_traffic"
    AFTER = "after"


@dataclass(frozen=True)
class Given:
    """A text, and the name of the environment variable whose value comes after it; either may be empty."""

    prefix: str = ""
    env: str = ""


@dataclass(frozen=True)
class HttpCall:
    """One request. No `body` means the hook's context as JSON, no `status` any 2xx."""

    url: Given
    method: str = "POST"
    headers: Mapping[str, Given] = field(default_factory=dict)
    body: str | None = None
    status: int | None = None


@dataclass(frozen=True)
class Hook:
    """Something of the user's own around a rollout: exactly one of `command` and `http`."""

    name: str
    when: Moment
    command: tuple[str, ...] = ()
    http: HttpCall | None = None
    timeout: float = 60.0
    """Seconds for the whole of it."""


@dataclass(frozen=True)
class HookResult:
    ok: bool
    sentence: str
    """Names the hook and says what it did; never holds what came out of the environment."""
    seconds: float


class Hooks(Protocol):
    def run(self, hook: Hook, context: Mapping[str, str]) -> HookResult:
        """Never raises for a hook that fails, hangs or cannot be started: that is the result.

        `context` is what the hook is told, by names such as `candidate` and `phase`. Whatever a signal
        handler raises meanwhile goes through, after the hook has been ended.
        """


class Holders(Protocol):
    """Tells which process works on a rollout."""

    @property
    def mine(self) -> str:
        """This process, told apart from every other one."""

    def gone(self, holder: str) -> bool:
        """Whether that process has certainly ended; False where nothing is known of it."""


class Regions(Protocol):
    """Works on the regions of one spec, each in a process of its own."""

    def start(self, effect: waves.Effect) -> None:
        """Never raises: what cannot be started has ended with an error."""

    def next(self, seconds: float) -> waves.Event | None:
        """What happens next; None when nothing has within so many seconds.

        Exactly one `Ended` for each `Deploy`, one `Returned` for each `Abort` and `Rollback`. A signal has
        been passed on to all processes when it comes out here.
        """


class Clock(Protocol):
    def now(self) -> float:
        """Epoch seconds, UTC."""

    def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True)
class Notice:
    """Something worth telling people: `event` is `start`, `step`, `verdict`, `end`, or a detail on the way:
    `smoke`, `hook`, `asked`. `details` begin with those of `about`."""

    event: str
    sentence: str
    details: Mapping[str, Any] = field(default_factory=dict)


def about(name: ServiceName, rollout: str) -> dict[str, str]:
    """What every notice of a rollout says beside its sentence."""
    return {"service": name.path, "rollout": rollout}


class Notifier(Protocol):
    def tell(self, notice: Notice) -> None:
        """Never raises: a deaf listener must not stop a rollback."""


__all__ = [
    "Clock",
    "CloudRun",
    "Condition",
    "ConditionState",
    "Diagnostic",
    "Estate",
    "Given",
    "History",
    "Holders",
    "Hook",
    "HookResult",
    "Hooks",
    "HttpCall",
    "Incidents",
    "Metrics",
    "Moment",
    "Notice",
    "Notifier",
    "OnProgress",
    "Probe",
    "Progress",
    "Regions",
    "Revision",
    "SavedPlan",
    "Service",
    "ServiceName",
    "Smoke",
    "SmokeResult",
    "Target",
    "Telemetry",
    "Terraform",
    "TerraformVersion",
    "about",
]
