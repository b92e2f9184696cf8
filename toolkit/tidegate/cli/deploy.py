"""`tidegate deploy` and `tidegate plan`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options
from tidegate.cli.times import length
from tidegate.core.errors import ExitCode, RolloutHeld, TidegateError, UsageError

if TYPE_CHECKING:
    from tidegate.cli.talk import Talk
    from tidegate.core.plan import PlanSummary
    from tidegate.core.rollout import OnCancel
    from tidegate.core.rollout import Settings as Steps
    from tidegate.core.spec import Spec
    from tidegate.flows.deploy import Outcome
    from tidegate.flows.planning import Request
    from tidegate.flows.prepare import Prepared
    from tidegate.settings import Settings
    from tidegate.wiring import Connected

_TRY_AGAIN = 5.0
"""Seconds between two attempts to get a service that another rollout holds."""


@click.command()
@options.spec_file
@options.image
@options.target
@click.option("--dry-run", is_flag=True, help="Plan, say what would be done, and change nothing.")
@click.option("--auto-approve", is_flag=True, help="Apply the plan without asking.")
@click.option(
    "--allow-destroy", is_flag=True, help="Let the plan destroy or replace what serves or keeps data."
)
@click.option("--monitoring/--no-monitoring", default=True, help="Also apply alert policies and dashboard.")
@click.option(
    "--fix", is_flag=True, help="What serves now is bad, and this is to cure it: better or equal promotes."
)
@click.option(
    "--wait", metavar="DURATION", is_flag=False, flag_value="1h", callback=length,
    help="While another rollout holds the service, wait for its end, so long.  [with no value: 1h]",
)
@click.option(
    "--on-cancel", type=click.Choice(["rollback", "keep"]),
    help="What a signal does to traffic that has moved.  [default: as the spec says: rollback]",
)
@options.output
def deploy(
    file: Path, environment: str | None, image: str | None, target: Any, local_directory: Path | None,
    dry_run: bool, auto_approve: bool, allow_destroy: bool, monitoring: bool, fix: bool, wait: float | None,
    on_cancel: OnCancel | None, form: str,
) -> int:  # fmt: skip
    """Apply, move the traffic in steps, judge each, roll back if worse."""
    from tidegate import settings as reading
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk
    from tidegate.wiring.gates import check_environment

    settings = reading.read(target, local=local_directory)
    prepared = _prepared(file, environment, image, settings)
    if fix:
        prepared = replace(prepared, spec=prepared.spec.with_mode("fix"))
    check_environment(prepared.spec, settings)
    if not (dry_run or auto_approve or sys.stdin.isatty()):
        raise UsageError(
            "nobody is here to approve the plan", hint="pass --auto-approve, or --dry-run to only see it"
        )
    with Display() as display:
        talk = Talk(display)
        for said in (*map(str, prepared.findings), *prepared.notes):
            talk.say(said)
        if prepared.spec.analysis.mode == "fix":
            talk.say("fix mode: better than what serves now, or equal to it, is promoted")
        with _connected(settings, talk, prepared.spec) as connected:
            prepared = _looked_at(prepared, settings, connected, talk)
            request = _request(
                prepared, settings, connected, environment, talk,
                auto_approve=auto_approve, allow_destroy=allow_destroy, monitoring=monitoring,
            )  # fmt: skip
            if dry_run:
                return _dry_run(request, settings, connected, form)
            outcome = _deploy(request, settings, connected, talk, wait, on_cancel)
            return _report(outcome, prepared, settings, connected, talk, form, environment)


@click.command()
@options.spec_file
@options.image
@options.target
@click.option("--allow-destroy", is_flag=True, help="Do not fail on a plan that destroys what serves.")
@options.output
def plan(
    file: Path, environment: str | None, image: str | None, target: Any, local_directory: Path | None,
    allow_destroy: bool, form: str,
) -> int:  # fmt: skip
    """Show what a deployment would change, without changing it."""
    from tidegate import settings as reading
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk

    settings = reading.read(target, local=local_directory)
    prepared = _prepared(file, environment, image, settings)
    with Display() as display:
        talk = Talk(display)
        for note in prepared.notes:
            talk.say(note)
        with _connected(settings, talk, None) as connected:
            request = _request(
                prepared, settings, connected, environment, talk,
                auto_approve=False, allow_destroy=allow_destroy, monitoring=True,
            )  # fmt: skip
            return _dry_run(request, settings, connected, form)


# ------------------------------------------------------------------------------------------- the parts


def _prepared(file: Path, environment: str | None, image: str | None, settings: Settings) -> Prepared:
    from tidegate import wiring
    from tidegate.flows.prepare import Source, prepare, read, refuse

    spec = read(Source(options.read_file(file), str(file), environment, image))
    prepared = prepare(spec, *wiring.sources(), local=settings.target == "local")
    refuse(prepared)
    return prepared


def _connected(settings: Settings, talk: Talk, spec: Spec | None) -> Any:
    from tidegate import wiring

    return wiring.connect(settings, talk, talk.say, spec)


def _request(
    prepared: Prepared, settings: Settings, connected: Connected, environment: str | None, talk: Talk,
    *, auto_approve: bool, allow_destroy: bool, monitoring: bool,
) -> Request:  # fmt: skip
    from tidegate import wiring
    from tidegate.flows.planning import Request

    def approve(summaries: Mapping[str, PlanSummary]) -> bool:
        for name, summary in summaries.items():
            talk.say(f"{name}: {summary.text()}")
        if auto_approve or not any(s.has_changes for s in summaries.values()):
            return True
        try:
            return click.confirm("Apply?", err=True)
        except click.Abort:  # nobody answered: the input has ended
            return False

    return Request(
        spec=prepared.spec,
        owner=settings.owner,
        roots=wiring.roots(connected.directory, prepared, environment),
        allow_destroy=allow_destroy,
        with_monitoring=monitoring and prepared.spec.alerts.enabled,
        approve=approve,
        on_progress=talk.progress,
        estate=wiring.estate(settings),
        say=talk.say,
    )


def _deploy(
    request: Request, settings: Settings, connected: Connected, talk: Talk, wait: float | None,
    on_cancel: OnCancel | None,
) -> Outcome:  # fmt: skip
    from tidegate import wiring
    from tidegate.adapters.exclusive import exclusive
    from tidegate.flows.deploy import deploy, settings_of

    job = replace(wiring.job(request.spec), on_verdict=talk.look)
    steps = settings_of(request.spec)
    steps = replace(steps, on_cancel=on_cancel or steps.on_cancel)
    tools = connected.tools
    if steps.on_cancel == "keep":
        tools.interruption.what = "traffic that has moved stays where it is"
    until, said = tools.clock.now() + (wait or 0.0), False
    with tools.interruption.installed():
        while True:
            try:
                with exclusive(request.roots.directory, settings.owner):
                    return deploy(request, job, steps, wiring.terraform(settings), tools)
            except RolloutHeld as error:
                if not error.passes or tools.clock.now() >= until:
                    raise
                if not said:
                    talk.say(f"{error.message}: waiting for its end")
                said = True
            with tools.interruption.allowed():
                tools.clock.sleep(_TRY_AGAIN)


def _looked_at(prepared: Prepared, settings: Settings, connected: Connected, talk: Talk) -> Prepared:
    """Says how the service is now. The fix for one that burns is judged as a fix, asked for or not."""
    from tidegate.wiring.preflight import look

    try:
        found = look(prepared.spec, settings, connected)
    except TidegateError:
        raise
    except Exception as error:  # noqa: BLE001 - a look, which must not keep the fix from going out
        talk.say(f"how the service is now is not known: {type(error).__name__}: {error}")
        return prepared
    for finding in found.findings:
        # What blocks will be the error, and what burns is said together.
        if not finding.blocks and finding not in found.burning:
            talk.say(finding.sentence)
    if not found.burning:
        return prepared
    talk.say(found.fix())
    return replace(prepared, spec=prepared.spec.with_mode("fix"))


def _dry_run(request: Request, settings: Settings, connected: Connected, form: str) -> int:
    from tidegate import wiring
    from tidegate.adapters.exclusive import exclusive
    from tidegate.core.errors import PlanRefused
    from tidegate.flows.deploy import name_of, settings_of
    from tidegate.flows.planning import Plans, make_plans
    from tidegate.flows.preflight import preflight

    tools = connected.tools
    stable = preflight(tools.cloud_run.get_service(name_of(request.spec)), tools)
    plans, refused = Plans(), ""
    with exclusive(request.roots.directory, settings.owner):
        try:
            make_plans(request, wiring.terraform(settings), plans)
        except PlanRefused as error:
            refused = error.message
    steps = settings_of(request.spec)
    if form == "json":
        options.emit({
            "service": request.spec.service,
            "stable": stable,
            "refused": refused,
            "plans": {name: summary.data() for name, summary in plans.summaries.items()},
            "steps": list(steps.steps) if stable else [],
        })  # fmt: skip
    else:
        for name, summary in plans.summaries.items():
            click.echo(f"{name}: {summary.text()}")
        click.echo(_then(steps) if stable else "then: the first revision gets all the traffic")
    if refused:
        raise PlanRefused(refused, hint=plans.way_out)
    return ExitCode.DONE


def _then(steps: Steps) -> str:
    shares = ", ".join(f"{p} %" for p in steps.steps)
    return f"then: {shares} of the traffic for {steps.step_duration:.0f} s each, 100 % for {steps.bake:.0f} s"


def _report(
    outcome: Outcome, prepared: Prepared, settings: Settings, connected: Connected, talk: Talk, form: str,
    environment: str | None,
) -> int:  # fmt: skip
    from tidegate import wiring
    from tidegate.cli.outcome import tell

    if outcome.state.exit_code == ExitCode.PLAN_REFUSED:
        for name, summary in outcome.plans.summaries.items():
            talk.say(f"{name}: {summary.text()}")
        if outcome.plans.way_out:
            talk.say(outcome.plans.way_out)
    return tell(
        outcome.state, outcome.evidence, wiring.job(prepared.spec), prepared.spec, environment, settings,
        connected, talk, form, outcome.plans.monitoring_error,
    )  # fmt: skip
