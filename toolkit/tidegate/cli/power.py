"""`tidegate power`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options
from tidegate.core.errors import TidegateError, UsageError

if TYPE_CHECKING:
    from tidegate.core.power import Present
    from tidegate.core.spec import Spec
    from tidegate.settings import Settings


@click.command()
@options.spec_file
@options.region
@options.target
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), metavar="REQ/S",
    help="Requests per second of the service.  [default: as measured]",
)  # fmt: skip
@click.option(
    "--instances", type=click.FloatRange(min=1), metavar="N",
    help="Instances of the service.  [default: as measured]",
)  # fmt: skip
@click.option(
    "--error-ratio", type=click.FloatRange(min=0, max=1, max_open=True), metavar="RATIO",
    help="Requests that fail at present, such as 0.001.  [default: as measured]",
)  # fmt: skip
@options.output
def power(
    file: Path, environment: str | None, region: str | None, target: Any, local_directory: Path | None,
    rate: float | None, instances: float | None, error_ratio: float | None, form: str,
) -> int:  # fmt: skip
    """Say what a rollout can see at the present traffic, and how long it takes.

    For every step the smallest change it shows, and the time that reference faults need. The last hour of
    the service tells how it is; with --rate also one that is not there yet.
    """
    from functools import partial

    from tidegate import settings as reading
    from tidegate.cli.everywhere import one_after_the_other
    from tidegate.flows.prepare import Source, read

    settings = reading.read(target, local=local_directory)
    spec = read(Source(options.read_file(file), str(file), environment))
    return one_after_the_other(
        {
            one.region: partial(_power, one, settings, rate, instances, error_ratio, form)
            for one in options.in_regions(spec, region)
        },
        form,
    )


def _power(
    spec: Spec, settings: Settings, rate: float | None, instances: float | None, error_ratio: float | None,
    form: str,
) -> None:  # fmt: skip
    from tidegate import wiring
    from tidegate.core.power import data, survey
    from tidegate.core.power.wording import text

    present = _present(spec, settings, rate).but(rate, instances, error_ratio)
    found = survey(present, wiring.plan(spec), wiring.criteria(spec))
    if form == "json":
        options.emit({"service": spec.service, **data(found)})
    else:
        click.echo(text(found, spec.service), nl=False)


def _present(spec: Spec, settings: Settings, rate: float | None) -> Present:
    """As measured; where that cannot be and a rate is given, a service about which nothing else is known."""
    from tidegate import wiring
    from tidegate.adapters.notifier import WebhookNotifier
    from tidegate.core.power import Present
    from tidegate.core.samples import NoData
    from tidegate.flows.deploy import name_of
    from tidegate.flows.power import present

    try:
        with wiring.connect(settings, WebhookNotifier(()), lambda _: None) as connected:
            tools = connected.tools
            found = present(
                name_of(spec), wiring.telemetry(spec), tools.cloud_run, tools.metrics, tools.clock
            )
    except TidegateError as error:
        if rate is None:
            raise
        found = NoData(error.message)
    if not isinstance(found, NoData):
        return found
    if rate is None:
        raise UsageError(
            f"the traffic of {spec.service} at present is not known: {found.reason}",
            hint="say it: --rate REQ/S, and --instances N",
        )
    click.echo(
        f"warning: nothing is measured: {found.reason}; descriptors, latency and CPU are left out", err=True
    )
    return Present(rate, sample_period=spec.telemetry.sample_period)
