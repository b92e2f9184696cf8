"""`tidegate alerts test`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli import options
from tidegate.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tidegate.core.alerting.assessment import Assessment, Checked, Tried


@click.command()
@options.spec_file
@click.option(
    "--kind",
    "asked",
    multiple=True,
    metavar="ALERT",
    help="Test this alert only; may be repeated.  [default: all that are on]",
)
@click.option(
    "--cases",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file of cases of your own; may be repeated.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True,
    help="How the result is written to standard output.",
)  # fmt: skip
def test(
    file: Path, environment: str | None, asked: tuple[str, ...], files: tuple[Path, ...], form: str
) -> int:
    """Let Prometheus run the alerts of a spec, on troubles, on healthy lives, on cases of your own.

    Every alert must fire in a trouble of its kind within the minutes that are promised, and must stay quiet
    in the life of a healthy service. Terraform evaluates the queries with the settings of the spec; no cloud
    is asked. Needs promtool, which comes with Prometheus. Exit codes: 0 all is well; 3 an alert or a case
    fails.
    """
    from tidegate import settings as reading
    from tidegate.cli.progress import Display
    from tidegate.core.alerting.cases import KINDS, load_cases
    from tidegate.flows.alerts import try_alerts
    from tidegate.flows.prepare import Source, read
    from tidegate.wiring import alerts as wiring

    settings = reading.read()
    spec = read(Source(options.read_file(file), str(file), environment))
    # In each region they are the same but for its name.
    spec = options.in_regions(spec, None)[0]
    cases = [placed for path in files for placed in load_cases(_text(path), str(path))]
    _known(asked)
    check = wiring.check_rules(settings)
    with Display() as display:
        with display.task("the alerts of the spec, as Terraform makes them"):
            found = wiring.rules(spec, settings)
        kinds = tuple(kind for kind in KINDS if not asked or kind in asked)
        result = try_alerts(spec, found, kinds, cases, check, display.task)
    _print(result, form)
    return int(ExitCode.DONE if result.passed else ExitCode.INVALID)


def _text(path: Path) -> bytes:
    try:
        return options.read_file(path)
    except UsageError as error:
        raise UsageError(error.message, hint="say which cases: --cases FILE") from error


def _known(asked: Sequence[str]) -> None:
    from tidegate.core.alerting.cases import KINDS
    from tidegate.core.spec.suggest import suggest

    for kind in asked:
        if kind not in KINDS:
            raise UsageError(
                f"there is no alert {kind}", hint=suggest(kind, KINDS) or "there are " + ", ".join(KINDS)
            )


def _print(result: Assessment, form: str) -> None:
    if form == "json":
        options.emit(result.data())
    elif form == "junit":
        from tidegate.core.alerting.junit import junit

        click.echo(junit([result]), nl=False)
    else:
        click.echo("\n".join(lines(result)))
    if form != "json":
        click.echo(conclusion(result), err=True)


def lines(result: Assessment) -> list[str]:
    """A line per alert and case; under it what is wrong, and what to do."""
    width = max(map(len, (*(one.rule.kind for one in result.tried), *result.off)), default=0)
    said = [line for one in result.tried for line in _alert(one, width)]
    said += [f"off   {kind:{width}}  the spec leaves it out" for kind in result.off]
    return said + [line for case in result.cases for line in _case(case)]


def _alert(one: Tried, width: int) -> list[str]:
    indent = " " * (width + 8)
    said = [f"{'ok  ' if one.passed else 'FAIL'}  {one.rule.kind:{width}}  {one.sentence()}{_promise(one)}"]
    return said + [f"{indent}{more}" for more in (one.noise(), one.way_out()) if more]


def _promise(one: Tried) -> str:
    if one.in_time:
        return ""
    if one.own:
        return "; a case of your own says what it is for"
    from tidegate.core.alerting.assessment import spell

    return f", promised within {spell(one.promised)}"


def _case(checked: Checked) -> list[str]:
    placed = checked.placed
    name = f"{placed.path}:{placed.line}: {placed.case.name}"
    if not checked.run:
        return [f"off   {name}: {placed.case.alert} is off, or was not asked for"]
    return [
        f"{'FAIL' if checked.faults else 'ok  '}  {name}",
        *(f"      {fault}" for fault in checked.faults),
    ]


def conclusion(result: Assessment) -> str:
    if not (result.tried or result.cases):
        return "there is nothing to test: the spec leaves these alerts out"
    failed = [one for one in result.tried if not one.passed]
    run = [case for case in result.cases if case.run]
    wrong = [case for case in run if case.faults]
    said = f"{len(result.tried) - len(failed)} of {len(result.tried)} alerts fire in time and stay quiet in "
    said += f"{result.lives} lives of a healthy service"
    return said + (f"; {len(run) - len(wrong)} of {len(run)} cases are as they should" if run else "")
