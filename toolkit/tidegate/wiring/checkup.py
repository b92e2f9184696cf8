"""The checks of `tidegate doctor`."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from tidegate.core.errors import UsageError
from tidegate.flows.doctor import Check
from tidegate.settings import Settings
from tidegate.wiring import custom_metrics

if TYPE_CHECKING:
    from tidegate.adapters.channels import Channels
    from tidegate.core.catalogue import CustomMetric
    from tidegate.core.spec import Spec

_CREDENTIALS, _NETWORK, _MONITORING = "credentials", "token", "Monitoring API"
_PAST = 3600.0
"""Seconds in which a metric of the user's own is looked for."""


def checks(settings: Settings, spec: Spec | None) -> tuple[Check, ...]:
    """What is looked at, in this order. Without a spec the APIs are not asked: of which project?"""
    found = [
        Check("python", _python),
        Check("terraform", lambda: _terraform(settings)),
        Check("promtool", lambda: _promtool(settings), only_for="tidegate alerts test"),
    ]
    if settings.target == "local":
        return (*found, Check("local Cloud Run", lambda: _local(settings)))
    found += [Check(_CREDENTIALS, _credentials), Check(_NETWORK, _token, needs=(_CREDENTIALS,))]
    if spec is not None:
        found += [
            Check("Cloud Run API", lambda: _cloud_run(spec), needs=(_CREDENTIALS, _NETWORK)),
            Check(_MONITORING, lambda: _monitoring(spec), needs=(_CREDENTIALS, _NETWORK)),
        ]
        found += [
            Check(f"metric {metric.id}", partial(_own_metric, spec, metric), needs=(_MONITORING,))
            for metric in custom_metrics(spec)
        ]
    return tuple(found)


def _python() -> str:
    return f"{platform.python_version()} in {sys.prefix}"


def _terraform(settings: Settings) -> str:
    from tidegate.adapters.terraform import candidates, find

    chosen = find(settings.environment)
    number = ".".join(map(str, chosen.version))
    others = [f"{c.place}: {c.problem}" for c in candidates(settings.environment) if c.problem]
    how = "embedded" if chosen.embedded else chosen.command[0]
    return "; ".join([f"{chosen.flavour} {number} ({how})", *others])


def _promtool(settings: Settings) -> str:
    from tidegate.adapters import promtool

    return promtool.find(settings.environment)


def _local(settings: Settings) -> str:
    from tidegate.local import client

    cloud = client.find(settings.local)
    if cloud is None:
        raise UsageError(f"none is running in {settings.local}", hint="start one with `tidegate local up`")
    return f"process {cloud.pid}, gRPC on {cloud.grpc}, REST on {cloud.rest}"


def _credentials() -> str:
    from tidegate.adapters import credentials

    found = credentials.find()
    return " ".join(filter(None, (found.kind, found.account, found.project and f"project {found.project}")))


def _token() -> str:
    from tidegate.adapters import credentials

    credentials.verify(credentials.find())
    return "Google accepts the credentials"


def _with_channels(ask: Callable[[Channels], None]) -> None:
    from tidegate.adapters import channels, credentials

    with channels.google_channels(credentials.find().credentials) as opened:
        ask(opened)


def _cloud_run(spec: Spec) -> str:
    from tidegate.adapters.clock import SystemClock
    from tidegate.adapters.cloud_run import GoogleCloudRun
    from tidegate.adapters.retry import Retrying

    _with_channels(
        lambda opened: GoogleCloudRun(opened, Retrying(SystemClock())).check_access(spec.project, spec.region)
    )
    return f"services of {spec.project} in {spec.region} can be read"


def _monitoring(spec: Spec) -> str:
    from tidegate.adapters.clock import SystemClock
    from tidegate.adapters.metrics import CloudMonitoring
    from tidegate.adapters.retry import Retrying

    _with_channels(lambda opened: CloudMonitoring(opened, Retrying(SystemClock())).check_access(spec.project))
    return f"the metrics of {spec.project} can be read"


def _own_metric(spec: Spec, metric: CustomMetric) -> str:
    from tidegate.adapters import channels, credentials
    from tidegate.adapters.clock import SystemClock
    from tidegate.adapters.metrics import CloudMonitoring
    from tidegate.adapters.promql import PromQl
    from tidegate.adapters.retry import Retrying
    from tidegate.core.samples import Window
    from tidegate.flows.deploy import name_of

    clock, found = SystemClock(), credentials.find()
    promql = PromQl(lambda: credentials.session(found), Retrying(clock))
    now = clock.now()
    with channels.google_channels(found.credentials) as opened:
        monitoring = CloudMonitoring(opened, Retrying(clock), promql=promql)
        period = spec.telemetry.sample_period
        series = monitoring.find(metric, name_of(spec), Window(now - _PAST, now), period)
    return told_series(metric, series)


def told_series(metric: CustomMetric, series: Mapping[str, int]) -> str:
    """What was found of a metric of the user's own. Raises UsageError where no series names a revision."""
    named = {revision: count for revision, count in series.items() if revision}
    if series and not named:
        raise UsageError(
            f"none of its {sum(series.values())} series has a label {metric.revision.name}",
            hint="say which label names the revision: revision_label",
        )
    if not named:
        return "can be read; nothing was written in the last hour"
    shown = ", ".join(f"{revision} ({count})" for revision, count in sorted(named.items()))
    return f"series in the last hour: {shown}"
