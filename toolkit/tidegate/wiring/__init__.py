"""Settings → adapters → what the flows need. Plain constructor calls; the only place that knows them all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.core.errors import RemoteError, UsageError
from tidegate.flows.interruption import Interruption
from tidegate.settings import Settings
from tidegate.wiring import gates

if TYPE_CHECKING:
    from tidegate.adapters.channels import Channels
    from tidegate.adapters.retry import Retrying
    from tidegate.adapters.terraform import TerraformCli
    from tidegate.core.catalogue import CustomMetric
    from tidegate.core.judge import Criteria
    from tidegate.core.power import Part
    from tidegate.core.report import Report
    from tidegate.core.rollout import State
    from tidegate.core.spec import Spec
    from tidegate.flows.job import Evidence, Job, Tools
    from tidegate.flows.planning import Roots
    from tidegate.flows.prepare import Prepared
    from tidegate.flows.replay import Judging
    from tidegate.local.client import LocalCloud
    from tidegate.ports import Estate, Metrics, Notifier, ServiceName, Telemetry


@dataclass(frozen=True)
class Connected:
    """The outside systems of one command. `directory` is where this target's root modules live."""

    tools: Tools
    directory: Path


def local_cloud(settings: Settings) -> LocalCloud | None:
    """The running local Cloud Run when that is the target, else None. Raises UsageError if there is none."""
    if settings.target != "local":
        return None
    from tidegate.local import client

    found = client.find(settings.local)
    if found is None:
        raise UsageError(
            f"no local Cloud Run is running in {settings.local}",
            hint="start one with `tidegate local up`, or say where it is: --local-directory",
        )
    return found


@contextlib.contextmanager
def connect(
    settings: Settings, notifier: Notifier, say: Callable[[str], None], spec: Spec | None = None,
    *, glance: bool = False,
) -> Iterator[Connected]:  # fmt: skip
    """Opens the channels for the length of a command. Raises Denied without credentials.

    With a `spec`, those it names under `notify` are told too. At a `glance` nothing hangs on the metrics:
    where Monitoring does not answer, it is given up soon.
    """
    from tidegate.adapters import channels, credentials
    from tidegate.adapters.clock import SystemClock
    from tidegate.adapters.cloud_run import GoogleCloudRun
    from tidegate.adapters.holders import ProcessHolders
    from tidegate.adapters.hooks import HookRunner
    from tidegate.adapters.on_demand import OnDemand
    from tidegate.adapters.probe import HttpProbe
    from tidegate.adapters.retry import BRIEF, Retrying
    from tidegate.flows import by_hand
    from tidegate.flows.job import Tools

    cloud = local_cloud(settings)
    clock = SystemClock()
    retrying = Retrying(clock)
    if cloud is None:
        found = credentials.find()
        opened = channels.google_channels(found.credentials)
        token, directory = credentials.identity_token, settings.work / "roots"
        session = partial(credentials.session, found)
    else:
        opened = channels.local_channels(cloud.grpc)
        token, directory, session = None, cloud.directory / "roots", None
    measured = partial(_monitoring, opened, session, Retrying(clock, BRIEF) if glance else retrying, say)
    with opened, gates.delivery(spec, settings, say, session) as delivery:
        tools = Tools(
            cloud_run=GoogleCloudRun(opened, retrying),
            metrics=OnDemand(measured),
            probe=HttpProbe(clock, token),
            hooks=HookRunner(settings.environment, say),
            clock=clock,
            notifier=Everybody((notifier, delivery)),
            holders=ProcessHolders(),
            interruption=Interruption(say),
            by_hand=by_hand.gcloud
            if cloud is None
            else partial(by_hand.locally, directory=str(directory.parent)),
        )
        yield Connected(tools, directory)


def _monitoring(
    opened: Channels, session: gates.OpenSession | None, retrying: Retrying, say: Callable[[str], None]
) -> Metrics:
    from tidegate.adapters.metrics import CloudMonitoring
    from tidegate.adapters.promql import PromQl
    from tidegate.adapters.retry import BRIEF

    promql = None
    if session is not None:
        # A metric of the user's own must not keep a look waiting for long.
        promql = PromQl(session, replace(retrying, policy=replace(retrying.policy, attempts=BRIEF.attempts)))
    return CloudMonitoring(opened, retrying, promql=promql, on_trouble=say)


@dataclass(frozen=True)
class Everybody:
    """A notifier of notifiers."""

    listeners: tuple[Notifier, ...]

    def tell(self, notice: object) -> None:
        for listener in self.listeners:
            listener.tell(notice)  # type: ignore[arg-type]  # passed on as it came


def terraform(settings: Settings) -> TerraformCli:
    """Terraform as found on this machine, pointed at the local Cloud Run where that is the target."""
    from tidegate.adapters.terraform import TerraformCli, find

    cloud = local_cloud(settings)
    return TerraformCli(
        lambda: find(settings.environment),
        environment=settings.environment,
        extra={} if cloud is None else _reattached(cloud),
    )


def _reattached(cloud: LocalCloud) -> Mapping[str, str]:
    import json

    # The token keeps the provider from looking for real credentials, which a local run must not touch.
    return {"TF_REATTACH_PROVIDERS": json.dumps(cloud.reattach), "GOOGLE_OAUTH_ACCESS_TOKEN": "local"}


def sources(templates: Path | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Texts of the templates and of the modules: packaged, or with a directory of one's own on top."""
    from tidegate.adapters.rootdir import module_texts, template_texts

    return template_texts(templates), module_texts()


def roots(directory: Path, prepared: Prepared, environment: str | None) -> Roots:
    """Where the root modules of this service and environment go."""
    from tidegate.adapters import rootdir
    from tidegate.flows.planning import Roots

    spec = prepared.spec
    place = directory / f"{spec.project}_{spec.region}_{spec.service}_{environment or 'base'}"

    def write() -> None:
        rootdir.write(place, prepared.files)

    def add(files: Mapping[str, str]) -> None:
        rootdir.write(place, {**prepared.files, **files})

    return Roots(place, write, add)


def estate(settings: Settings) -> Estate:
    """What exists in the project, read with the same identity as everything else. Raises Denied."""
    from tidegate.adapters import credentials
    from tidegate.adapters import estate as rest
    from tidegate.adapters.clock import SystemClock
    from tidegate.adapters.retry import Retrying

    retrying = Retrying(SystemClock())
    cloud = local_cloud(settings)
    if cloud is None:
        found = credentials.find()
        return rest.RestEstate(lambda: credentials.session(found), retrying)
    return rest.RestEstate(rest.plain_session, retrying, rest.local_addresses(cloud.rest))


def job(spec: Spec) -> Job:
    """What a rollout of this spec is about."""
    from tidegate.flows.deploy import name_of
    from tidegate.flows.job import Job

    return Job(
        name_of(spec),
        telemetry(spec),
        criteria(spec),
        gates.smoke(spec),
        gates.hooks(spec),
        spec.rollout.start_timeout,
    )


def telemetry(spec: Spec) -> Telemetry:
    from tidegate.ports import Telemetry

    given = spec.telemetry
    return Telemetry(
        given.open_fds,
        given.max_fds,
        given.tcp_connections,
        given.memory_bytes,
        given.sample_period,
        given.ingestion_delay,
        custom_metrics(spec),
    )


def plan(spec: Spec) -> tuple[Part, ...]:
    """The steps of a rollout as the spec has them."""
    from tidegate.core.power import plan as parts

    given = spec.rollout
    return parts(given.steps, given.step_duration, given.bake)


def usual_telemetry(settings: Settings) -> Telemetry:
    """How a service is measured that no spec tells about."""
    from tidegate.ports import Telemetry

    cloud = local_cloud(settings)
    if cloud is None:
        return Telemetry()
    return Telemetry(sample_period=cloud.sample_period, ingestion_delay=cloud.ingestion_delay)


def custom_metrics(spec: Spec) -> tuple[CustomMetric, ...]:
    """Where the user's own metrics come from, the spec's names filled in."""
    from tidegate.core.catalogue import CustomMetric, filled

    names = {"service": spec.service, "project": spec.project, "region": spec.region}
    return tuple(
        CustomMetric(
            metric,
            filled(own.promql or "", names),
            filled(own.filter or "", names),
            own.revision_label or "",
            own.instance_label or "",
        )
        for metric, own in spec.analysis.metrics.items()
    )


def criteria(spec: Spec) -> Criteria:
    """What the judge is asked, in its own units."""
    from tidegate.core.judge import Criteria, Custom, Mode
    from tidegate.core.spec.values import memory_bytes

    given = spec.analysis
    limit = given.latency_limit
    return Criteria(
        leak_min_slope=given.leak_min_slope,
        leak_horizon=given.leak_horizon,
        fd_limit=spec.telemetry.fd_limit,
        connection_limit=spec.telemetry.fd_limit,
        warm_up=given.warm_up,
        error_increase=given.error_increase,
        error_limit=given.error_limit,
        latency_ratio=given.latency_ratio,
        latency_increase_ms=1000 * given.latency_increase,
        latency_limit_ms=None if limit is None else 1000 * limit,
        min_requests=given.min_requests,
        min_samples=given.min_samples,
        alpha=given.alpha,
        required=_required(spec),
        mode=Mode(given.mode),
        dry_run=given.dry_run,
        custom=tuple(
            Custom(
                metric,
                metric.replace("_", " "),
                higher_is_worse=own.direction == "lower_is_better",
                growth=own.growth,
                tolerance=own.tolerated,
                min_change=own.min_change,
            )
            for metric, own in given.metrics.items()
        ),
        cpu_increase=given.cpu_increase,
        memory_increase=given.memory_increase,
        cost_increase=given.cost_increase,
        memory_min_slope=memory_bytes(given.memory_min_slope),
        memory_limit=memory_bytes(spec.ingress_container.resources.memory),
    )


def _required(spec: Spec) -> tuple[str, ...]:
    """What the spec asks for; of its default without what it says otherwise about.

    Without the collector nobody reports fds, and what never decides cannot be asked for.
    """
    given = spec.analysis
    if "required" in given.model_fields_set:
        return given.required
    unseen = () if spec.telemetry.collector.enabled else ("open_fds",)
    return tuple(m for m in given.required if m not in (*unseen, *given.dry_run))


def judging(policy: bytes | None, path: str, environment: str | None, *, fix: bool) -> Judging:
    """How `tidegate replay` judges: by a policy file, or by the defaults on what the trace has."""
    from tidegate.core.judge import Mode
    from tidegate.flows.replay import Judging

    chosen = Judging()
    if policy is not None:
        from tidegate.core.replay import Policy
        from tidegate.core.spec import load_policy

        spec, whole = load_policy(policy, path, environment)
        given, asked = spec.analysis, criteria(spec)
        chosen = Judging(
            asked if whole else replace(asked, memory_limit=None),
            Policy(given.on_inconclusive, given.on_pre_existing),
            derive="required" not in given.model_fields_set,
            by_policy=True,
        )
    elif environment is not None:
        raise UsageError(
            "--env chooses an environment of a policy, and there is none", hint="add --policy FILE"
        )
    if not fix:
        return chosen
    return replace(chosen, criteria=replace(chosen.criteria, mode=Mode.FIX))


def usual_job(settings: Settings, name: ServiceName) -> Job:
    """What a rollout is about of which no spec tells."""
    from tidegate.core.judge import Criteria
    from tidegate.flows.job import Job

    return Job(name, usual_telemetry(settings), Criteria())


def report(
    state: State, evidence: Evidence, job: Job, connected: Connected,
    *, spec: Spec | None = None, environment: str | None = None, monitoring_error: str = "",
) -> Report:  # fmt: skip
    """The rollout with what it rests on. Reads the service once more for what serves now, and the candidate
    for its image: the spec of who goes on with a rollout from elsewhere, if there is one, may name another.
    """
    from tidegate.core.report import Report
    from tidegate.flows.job import rollout_of
    from tidegate.flows.serving import effective

    name = job.name
    try:
        service = connected.tools.cloud_run.get_service(name)
        traffic = effective(service) if service else {}
    except RemoteError:
        service, traffic = None, None  # the outcome stands; only the traffic at the end is then not known
    image = ""
    if state.candidate and traffic is not None:
        with contextlib.suppress(RemoteError):
            revision = connected.tools.cloud_run.get_revision(name, state.candidate)
            image = revision.image if revision else ""
    if not image and spec is not None:
        image = spec.ingress_container.image or ""
    return Report(
        service=name.service,
        project=name.project,
        region=name.region,
        url=service.uri if service else "",
        environment=environment,
        image=image,
        state=state,
        traffic=traffic,
        last_seen=evidence.serving,
        verdicts=tuple(evidence.verdicts),
        samples=evidence.samples,
        rollout=rollout_of(job, state),
        monitoring_error=monitoring_error,
        own={} if spec is None else {metric: own.unit for metric, own in spec.analysis.metrics.items()},
        dry_run=frozenset(job.criteria.dry_run),
    )


def write_report(settings: Settings, finished: Report) -> dict[str, str]:
    """Writes all forms of the report and its evidence; returns name → path, the page first."""
    from tidegate.adapters import reports
    from tidegate.adapters.rootdir import template_texts
    from tidegate.core.report import TEMPLATE

    return reports.write(settings.work / "reports", finished, template_texts()[TEMPLATE])
