"""`tidegate record`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options
from tidegate.cli.subject import Subject, chosen_alone
from tidegate.cli.times import length, moment
from tidegate.core.errors import UsageError

if TYPE_CHECKING:
    from tidegate.core.reconstruct import Coverage
    from tidegate.core.samples import Window
    from tidegate.flows.record import Recording


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), metavar="DIR")
@chosen_alone
@click.option("--since", metavar="DURATION", callback=length, help="Look so far back, such as 2h.")
@click.option(
    "--from", "begin", metavar="TIME", callback=moment, help="Begin there, such as 2026-01-31T09:30 (UTC)."
)
@click.option("--to", "end", metavar="TIME", callback=moment, help="End there.  [default: now]")
@click.option("--stable", metavar="REV", help="The revision before; '' for a first deployment.")
@click.option("--candidate", metavar="REV", help="The revision that took over.")
@click.option("--force", is_flag=True, help="Overwrite a trace that is there.")
@options.target
@options.output
def record(
    directory: Path, subject: Subject, since: float | None, begin: float | None, end: float | None,
    stable: str | None, candidate: str | None, force: bool, target: Any, local_directory: Path | None,
    form: str,
) -> None:  # fmt: skip
    """Write the trace of a past rollout, for `tidegate replay`.

    Any rollout of any service: tidegate's own are known by the record on the service, others by the
    requests of each revision. Without a time, the last rollout on record, or else the last two hours.
    """
    from tidegate import settings as reading
    from tidegate import wiring
    from tidegate.adapters import traces
    from tidegate.adapters.notifier import WebhookNotifier
    from tidegate.core import trace
    from tidegate.flows.record import Wanted
    from tidegate.flows.record import record as run

    if not force:
        traces.refuse_existing(directory)
    settings = reading.read(target, local=local_directory)
    telemetry = wiring.telemetry(subject.spec) if subject.spec else wiring.usual_telemetry(settings)
    with wiring.connect(settings, WebhookNotifier(()), lambda _: None) as connected:
        tools = connected.tools
        window = _window(since, begin, end, tools.clock.now())
        wanted = Wanted(subject.name, telemetry, window, stable, candidate)
        found = run(wanted, tools.cloud_run, tools.metrics, tools.clock)
    places = traces.save(directory, trace.write(found.rollout, found.samples))
    _tell(found, directory, places, form)


def _window(since: float | None, begin: float | None, end: float | None, now: float) -> Window | None:
    from tidegate.core.samples import Window

    if since is not None and begin is not None:
        raise UsageError("--since and --from both say where to begin", hint="leave one of them away")
    if end is not None and since is None and begin is None:
        raise UsageError("--to says where to end, and nothing where to begin", hint="add --from or --since")
    until = now if end is None else end
    start = until - since if since is not None else begin
    if start is None:
        return None
    if start >= min(until, now):
        raise UsageError(
            "the time to record ends before it begins", hint="--from lies before --to, and before now"
        )
    return Window(start, until)


# ------------------------------------------------------------------------------------------- telling


def _tell(found: Recording, directory: Path, places: Mapping[str, str], form: str) -> None:
    from tidegate.core.reconstruct import coverage
    from tidegate.core.replay import doubts

    measured = coverage(found.samples, found.rollout.sample_period)
    warnings = tuple(d.sentence for d in doubts(found.rollout, found.samples))
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    if form == "json":
        options.emit(_data(found, measured, warnings, places))
    else:
        click.echo("\n".join(_lines(found, measured)))
        click.echo(f"\ntidegate replay {directory}")


def _lines(found: Recording, measured: tuple[Coverage, ...]) -> list[str]:
    from tidegate.core.report.numbers import offset
    from tidegate.core.report.plain import aligned
    from tidegate.core.rollout import when

    rollout = found.rollout
    after = f"after {rollout.stable}" if rollout.stable else "as the first deployment"
    lines = [f"{rollout.candidate} {after} from {when(rollout.start)}, by {found.source}"]
    lines += [f"  {offset(s.time - rollout.start):>12}  {s.percent} %" for s in rollout.steps]
    if rollout.end is not None:
        lines.append(f"  {offset(rollout.end - rollout.start):>12}  end")
    revisions = [r for r in (rollout.stable, rollout.candidate) if r]
    cells = {(c.metric, c.revision): _cell(c) for c in measured}
    rows = [
        (metric, *(cells.get((metric, r), "nothing") for r in revisions))
        for metric in dict.fromkeys(c.metric for c in measured)
    ]
    return [*lines, "", aligned((("samples", *revisions), *rows))] if rows else lines


def _cell(one: Coverage) -> str:
    from tidegate.core.report.numbers import duration

    text = f"{one.samples:,}" + (f" of {one.series} instances" if one.series > 1 else "")
    return text + (f", {one.missing:,} missing ({duration(one.gap)} at most)" if one.missing else "")


def _data(
    found: Recording, measured: tuple[Coverage, ...], warnings: tuple[str, ...], places: Mapping[str, str]
) -> dict[str, Any]:
    from dataclasses import asdict

    return {
        "source": found.source,
        "rollout": asdict(found.rollout),
        "measured": [asdict(c) for c in measured],
        "warnings": list(warnings),
        "files": dict(places),
    }
