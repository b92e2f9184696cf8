"""`tidegate replay`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options
from tidegate.core.errors import ExitCode

if TYPE_CHECKING:
    from tidegate.core.replay import Replayed
    from tidegate.flows.replay import Judging, Outcome


@click.command()
@click.argument("traces", nargs=-1, required=True, metavar="DIR|GLOB...")
@click.option(
    "--policy", "policy", type=click.Path(path_type=Path), metavar="FILE",
    help="A spec, or the keys of its `analysis`: how to judge.",
)  # fmt: skip
@click.option("--env", "environment", metavar="NAME", help="The environment of the spec given as policy.")
@click.option(
    "--look-every", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
    help="Between two looks.  [default: the sample period, longer in long traces]",
)  # fmt: skip
@click.option("--fix", is_flag=True, help="The candidate is meant to cure what the stable revision has.")
@options.output
def replay(
    traces: tuple[str, ...], policy: Path | None, environment: str | None, look_every: float | None,
    fix: bool, form: str,
) -> int:  # fmt: skip
    """Judge recorded rollouts again, look by look.

    A trace is a directory with rollout.json and samples.csv, as every rollout leaves one in
    .tidegate/reports and `tidegate record` writes them. Several traces make a table.
    """
    from tidegate import wiring
    from tidegate.adapters import traces as directories
    from tidegate.cli.replaying import outcome

    judging = wiring.judging(options.read_file(policy) if policy else None, str(policy), environment, fix=fix)
    found = directories.find(traces)
    if found.several:
        return _several(found.places, judging, look_every, form)
    _print_one(outcome(found.places[0], judging, look_every), form)
    return ExitCode.DONE


def _several(places: tuple[Path, ...], judging: Judging, look_every: float | None, form: str) -> int:
    from tidegate.cli.replaying import outcomes
    from tidegate.core.replay import data, table_data

    results: dict[str, Replayed | str] = {}
    rows: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    for place, found in outcomes(places, judging, look_every):
        name = str(place)
        if isinstance(found, str):
            results[name], rows[name] = found.splitlines()[0], {"error": found}
            continue
        _warn(found, f"{name}: ")
        notes += found.notes
        results[name], rows[name] = found.replayed, data(found.replayed, found.warnings)
    if notes:
        others = f" (and {len(notes) - 1} others)" if len(notes) > 1 else ""
        click.echo(f"note: {notes[0]}{others}", err=True)
    if form == "json":
        options.emit(table_data(rows))
    else:
        from tidegate.core.replay.plain import table

        click.echo(table(results), nl=False)
    return ExitCode.INVALID if any(isinstance(r, str) for r in results.values()) else ExitCode.DONE


def _print_one(outcome: Outcome, form: str) -> None:
    from tidegate.core.replay import data

    for note in outcome.notes:
        click.echo(f"note: {note}", err=True)
    _warn(outcome)
    if form == "json":
        options.emit(data(outcome.replayed, outcome.warnings))
    else:
        from tidegate.core.replay.plain import text

        click.echo(text(outcome.replayed), nl=False)


def _warn(outcome: Outcome, where: str = "") -> None:
    for warning in (*outcome.warnings, *outcome.replayed.warnings):
        click.echo(f"warning: {where}{warning}", err=True)
