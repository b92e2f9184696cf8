"""`tidegate preflight`."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options

if TYPE_CHECKING:
    from tidegate.core.preflight import Preflight
    from tidegate.core.spec import Spec
    from tidegate.settings import Settings


@click.command()
@options.spec_file
@options.region
@options.target
@options.output
def preflight(
    file: Path, environment: str | None, region: str | None, target: Any, local_directory: Path | None,
    form: str,
) -> int:  # fmt: skip
    """Say how the service is now, and whether a deployment would go on.

    Exit codes: 0 it would; 8 it would not; 10 another rollout holds the service.
    """
    from functools import partial

    from tidegate import settings as reading
    from tidegate.cli.everywhere import one_after_the_other
    from tidegate.flows.prepare import Source, read

    settings = reading.read(target, local=local_directory)
    spec = read(Source(options.read_file(file), str(file), environment))
    return one_after_the_other(
        {one.region: partial(_preflight, one, settings, form) for one in options.in_regions(spec, region)},
        form,
    )


def _preflight(spec: Spec, settings: Settings, form: str) -> int:
    from tidegate import wiring
    from tidegate.adapters.notifier import WebhookNotifier
    from tidegate.wiring.preflight import look

    with wiring.connect(settings, WebhookNotifier(()), lambda text: click.echo(text, err=True)) as connected:
        found = look(spec, settings, connected)
    if form == "json":
        options.emit(found.data())
    else:
        click.echo("\n".join(lines(found)))
    return found.exit_code


def lines(found: Preflight) -> list[str]:
    """A line per finding, under it what to do (once for neighbours), and the conclusion."""
    width = max((len(f.kind) for f in found.findings), default=0)
    said = []
    for finding, following in pairwise((*found.findings, None)):
        assert finding is not None  # noqa: S101  only the last one is
        said.append(f"{finding.kind:{width}}  {finding.sentence}")
        if finding.way_out and (following is None or following.way_out != finding.way_out):
            said.append(f"{'':{width}}  {finding.way_out}")
    return [*said, found.conclusion()]
