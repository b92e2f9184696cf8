"""`tidegate alerts backtest`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options
from tidegate.cli.times import length, moment
from tidegate.core.errors import RemoteError, UsageError

if TYPE_CHECKING:
    from tidegate.core.alerting import Rule, Rules
    from tidegate.core.alerting.backtest import Backtest
    from tidegate.core.samples import Window
    from tidegate.core.spec import Spec
    from tidegate.ports import History
    from tidegate.settings import Settings

_EVERY = 60.0
"""Seconds between the evaluations of the policies that the monitoring module makes."""
_MOST = 2_000_000
"""Evaluations of a rule: almost four years at one a minute."""


@dataclass(frozen=True)
class Wanted:
    """The options. In seconds, `until` in epoch seconds."""

    since: float
    until: float | None
    step: float
    kinds: tuple[str, ...]
    live: bool
    prometheus: str | None
    form: str


@click.command()
@options.spec_file
@options.region
@click.option(
    "--since", metavar="DURATION", callback=length, default="30d", show_default=True,
    help="Look so far back, such as 12h or 30d.",
)  # fmt: skip
@click.option(
    "--until", metavar="TIME", callback=moment,
    help="And from there, such as 2026-01-31T09:30 (UTC).  [default: now]",
)  # fmt: skip
@click.option(
    "--step", metavar="DURATION", callback=length, default="1m", show_default=True,
    help="Between two evaluations. Cloud Monitoring makes one a minute.",
)  # fmt: skip
@click.option("--kind", "kinds", metavar="KIND", multiple=True, help="Only this alert. May be repeated.")
@click.option("--live", is_flag=True, help="The policies that the project has now, instead of the spec's.")
@click.option(
    "--prometheus", metavar="URL",
    help="Ask this Prometheus, or what answers like one.  [default: Cloud Monitoring]",
)  # fmt: skip
@options.target
@options.output
def backtest(
    file: Path, environment: str | None, region: str | None, since: float, until: float | None, step: float,
    kinds: tuple[str, ...], live: bool, prometheus: str | None, target: Any, local_directory: Path | None,
    form: str,
) -> int:  # fmt: skip
    """Say how often each alert would have fired in the past of the service.

    The alerts are those of the spec as it is now, so that a change can be tried before it is provisioned.
    However often they would have fired, the exit code is 0.
    """
    from tidegate import settings as reading
    from tidegate.cli.everywhere import one_after_the_other
    from tidegate.flows.prepare import Source, read

    settings = reading.read(target, local=local_directory)
    whole = read(Source(options.read_file(file), str(file), environment))
    wanted = Wanted(since, until, step, kinds, live, prometheus, form)
    return one_after_the_other(
        {s.region: partial(_backtest, s, settings, wanted) for s in options.in_regions(whole, region)}, form
    )


def _backtest(spec: Spec, settings: Settings, wanted: Wanted) -> None:
    from tidegate.adapters.clock import SystemClock
    from tidegate.wiring.backtest import history

    window = _window(wanted, SystemClock().now() - spec.telemetry.ingestion_delay)
    past = history(settings, wanted.prometheus)
    rules = _live(spec, settings) if wanted.live else _of_spec(spec, settings)
    chosen = _chosen(rules, wanted.kinds)
    _tell(_evaluated(chosen, spec, window, past, wanted), spec, rules, wanted)


def _window(wanted: Wanted, newest: float) -> Window:
    """Up to `newest`, the youngest sample that is certainly there."""
    from tidegate.core.samples import Window

    end = newest if wanted.until is None else min(wanted.until, newest)
    begin = end - wanted.since
    if begin < 0:
        raise UsageError("--since goes back behind 1970", hint="write it such as 30d")
    if wanted.since < 2 * wanted.step:
        raise UsageError("there are not two evaluations in --since", hint="take a smaller --step")
    if wanted.since / wanted.step > _MOST:
        raise UsageError(
            f"those are more than {_MOST:,} evaluations of each alert",
            hint="take a larger --step, or a shorter --since",
        )
    return Window(begin, end)


def _of_spec(spec: Spec, settings: Settings) -> Rules:
    from tidegate.wiring.alerts import rules

    found = rules(spec, settings) if spec.alerts.enabled else None
    if found is None or not found.on:
        said = "switches every alert off" if found else "has alerts.enabled: false"
        raise UsageError(
            f"the spec {said}, so there is nothing to evaluate",
            hint="--live evaluates the policies that the project has",
        )
    return found


def _live(spec: Spec, settings: Settings) -> Rules:
    from tidegate import wiring
    from tidegate.core.adopt import policies_of
    from tidegate.core.alerting.live import live_rules

    answer = wiring.estate(settings).read(policies_of(spec.project))
    found, skipped = live_rules(spec, answer)
    for sentence in skipped:
        click.echo(f"warning: the policy {sentence}", err=True)
    if not found.on:
        raise UsageError(
            f"project {spec.project} has no alert policies of tidegate's for {spec.service} in {spec.region}",
            hint="make them: tidegate provision; without --live those of the spec are evaluated",
        )
    return found


def _chosen(rules: Rules, kinds: tuple[str, ...]) -> tuple[Rule, ...]:
    for kind in kinds:
        if kind in rules.off:
            raise UsageError(f"{kind} is switched off in the spec", hint=f"set alerts.{kind}.enabled: true")
        if kind not in rules.kinds:
            raise UsageError(
                f"there is no alert {kind!r}", hint=f"there are {', '.join(dict.fromkeys(rules.kinds))}"
            )
    return tuple(rule for rule in rules.on if not kinds or rule.kind in kinds)


def _evaluated(
    rules: tuple[Rule, ...], spec: Spec, window: Window, history: History, wanted: Wanted
) -> tuple[Backtest, ...]:
    from tidegate.cli.replaying import Progress
    from tidegate.flows.backtest import Past
    from tidegate.flows.backtest import backtest as run
    from tidegate.wiring.backtest import side_by_side

    if wanted.step > _EVERY:
        click.echo(
            f"warning: with --step {wanted.step:g}s incidents shorter than that are missed; "
            "Cloud Monitoring evaluates every 60s",
            err=True,
        )
    progress = Progress()
    try:
        return run(rules, Past(history, spec.project, window, wanted.step, side_by_side, progress.show))
    except RemoteError as error:
        if wanted.prometheus is not None:
            error.hint = "check the address given with --prometheus"
        raise
    finally:
        progress.clear()


def _tell(found: tuple[Backtest, ...], spec: Spec, rules: Rules, wanted: Wanted) -> None:
    from tidegate.core.alerting.backtested import document, iso, text

    grid = found[0].grid
    source = "policies of the project" if wanted.live else "alerts of the spec"
    if wanted.form == "json":
        options.emit({
            "service": spec.service,
            "project": spec.project,
            "region": spec.region,
            "alerts": "live" if wanted.live else "spec",
            "from": iso(grid.begin),
            "to": iso(grid.end),
            "step_seconds": wanted.step,
            "off": list(rules.off),
            "rules": document(found),
        })  # fmt: skip
        return
    click.echo(f"{spec.service} from {iso(grid.begin)} to {iso(grid.end)}, by the {source}\n")
    click.echo(text(found), nl=False)
    if rules.off:
        click.echo(f"switched off: {', '.join(rules.off)}")
