"""`tidegate deploy` and `tidegate plan`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

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
    from tidegate.flows.job import Tools
    from tidegate.flows.planning import Request
    from tidegate.flows.prepare import Prepared
    from tidegate.settings import Settings
    from tidegate.wiring import Connected

T = TypeVar("T")

_TRY_AGAIN = 5.0
"""Seconds between two attempts to get a service that another rollout holds."""


@dataclass(frozen=True)
class Given:
    """What the command line says of a deployment beside the spec."""

    file: Path
    environment: str | None
    dry_run: bool
    auto_approve: bool
    allow_destroy: bool
    monitoring: bool
    fix: bool
    wait: float | None
    on_cancel: OnCancel | None
    form: str
    approved: str = ""
    """Fingerprint of the plans that a person has approved already."""


@click.command()
@options.spec_file
@options.image
@options.region
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
    "--wait",
    metavar="DURATION",
    is_flag=False,
    flag_value="1h",
    callback=length,
    help="While another rollout holds the service, wait for its end, so long.  [with no value: 1h]",
)
@click.option(
    "--on-cancel",
    type=click.Choice(["rollback", "keep"]),
    help="What a signal does to traffic that has moved.  [default: as the spec says: rollback]",
)
@click.option("--part-of", hidden=True, help="What the deployment in all regions began with.")
@options.output
def deploy(
    image: str | None,
    region: str | None,
    target: Any,
    local_directory: Path | None,
    part_of: str | None,
    **given: Any,
) -> int:
    """Apply, move the traffic in steps, judge each, roll back if worse.

    A spec of several regions is deployed wave by wave; a regression in one region sends the others back.
    """
    from tidegate import settings as reading
    from tidegate.cli.everywhere import one_after_the_other
    from tidegate.cli.waves import approved_before, deploy_in_waves

    settings = reading.read(target, local=local_directory)
    options_given = Given(**given)
    whole = _spec(options_given.file, options_given.environment, image)
    if part_of is not None:
        options_given = replace(options_given, approved=approved_before(part_of, options_given.file))
    specs = options.in_regions(whole, region)
    if not (options_given.dry_run or options_given.auto_approve or sys.stdin.isatty()):
        raise UsageError(
            "nobody is here to approve the plan", hint="pass --auto-approve, or --dry-run to only see it"
        )
    if len(specs) > 1 and not options_given.dry_run:
        return deploy_in_waves(whole, specs, options_given, settings)
    runs = {spec.region: partial(_in_one_region, spec, options_given, settings) for spec in specs}
    return one_after_the_other(runs, options_given.form)


def _in_one_region(spec: Spec, given: Given, settings: Settings) -> int:
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk
    from tidegate.wiring.gates import check_environment

    prepared = prepare(spec, settings)
    if given.fix:
        prepared = replace(prepared, spec=prepared.spec.with_mode("fix"))
    check_environment(prepared.spec, settings)
    with Display() as display:
        talk = Talk(display)
        for said in (*map(str, prepared.findings), *prepared.notes):
            talk.say(said)
        if prepared.spec.analysis.mode == "fix":
            talk.say("fix mode: better than what serves now, or equal to it, is promoted")
        with _connected(settings, talk, prepared.spec) as connected:
            prepared = _looked_at(prepared, settings, connected, talk)
            request = request_of(prepared, settings, connected, given, talk)
            if given.dry_run:
                return _dry_run(request, settings, connected, given.form)
            outcome = _deploy(request, settings, connected, talk, given.wait, given.on_cancel)
            return _report(outcome, prepared, settings, connected, talk, given.form, given.environment)


@click.command()
@options.spec_file
@options.image
@options.region
@options.target
@click.option("--allow-destroy", is_flag=True, help="Do not fail on a plan that destroys what serves.")
@options.output
def plan(
    file: Path, environment: str | None, image: str | None, region: str | None, target: Any,
    local_directory: Path | None, allow_destroy: bool, form: str,
) -> int:  # fmt: skip
    """Show what a deployment would change, without changing it."""
    from tidegate import settings as reading
    from tidegate.cli.everywhere import one_after_the_other

    settings = reading.read(target, local=local_directory)
    given = Given(
        file, environment, dry_run=True, auto_approve=False, allow_destroy=allow_destroy, monitoring=True,
        fix=False, wait=None, on_cancel=None, form=form,
    )  # fmt: skip
    specs = options.in_regions(_spec(file, environment, image), region)
    return one_after_the_other({s.region: partial(_plan, s, given, settings) for s in specs}, form)


def _plan(spec: Spec, given: Given, settings: Settings) -> int:
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk

    prepared = prepare(spec, settings)
    with Display() as display:
        talk = Talk(display)
        for note in prepared.notes:
            talk.say(note)
        with _connected(settings, talk, None) as connected:
            return _dry_run(
                request_of(prepared, settings, connected, given, talk), settings, connected, given.form
            )


# ------------------------------------------------------------------------------------------- the parts


def _spec(file: Path, environment: str | None, image: str | None) -> Spec:
    from tidegate.flows.prepare import Source, read

    return read(Source(options.read_file(file), str(file), environment, image))


def prepare(spec: Spec, settings: Settings) -> Prepared:
    """Raises InvalidInput for what cannot be rendered or breaks a policy."""
    from tidegate import wiring
    from tidegate.flows import prepare as preparing

    prepared = preparing.prepare(spec, *wiring.sources(), local=settings.target == "local")
    preparing.refuse(prepared)
    return prepared


def _connected(settings: Settings, talk: Talk, spec: Spec | None) -> Any:
    from tidegate import wiring

    return wiring.connect(settings, talk, talk.say, spec)


def request_of(
    prepared: Prepared, settings: Settings, connected: Connected, given: Given, talk: Talk
) -> Request:
    from tidegate import wiring
    from tidegate.core.plan import fingerprint
    from tidegate.flows.planning import Request

    def approve(summaries: Mapping[str, PlanSummary]) -> bool:
        for name, summary in summaries.items():
            talk.say(summary.titled(name))
        if given.approved and fingerprint(summaries) != given.approved:
            talk.say("this is another plan than the one that was approved for all regions")
            return False
        if given.auto_approve or not any(s.has_changes for s in summaries.values()):
            return True
        try:
            return click.confirm("Apply?", err=True)
        except click.Abort:  # nobody answered: the input has ended
            return False

    return Request(
        spec=prepared.spec,
        owner=settings.owner,
        roots=wiring.roots(connected.directory, prepared, given.environment),
        allow_destroy=given.allow_destroy,
        with_monitoring=given.monitoring and prepared.spec.alerts.enabled,
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

    def attempt() -> Outcome:
        with exclusive(request.roots.directory, settings.owner):
            return deploy(request, job, steps, wiring.terraform(settings), tools)

    with tools.interruption.installed():
        return patiently(attempt, wait, tools, talk)


def patiently(attempt: Callable[[], T], wait: float | None, tools: Tools, talk: Talk) -> T:
    """Tries again for so many seconds while a rollout that lives holds the service. Raises RolloutHeld."""
    until, said = tools.clock.now() + (wait or 0.0), False
    while True:
        try:
            return attempt()
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
    from tidegate.flows.preflight import planned_upon
    from tidegate.wiring.preflight import look

    spec, tools = request.spec, connected.tools
    service = tools.cloud_run.get_service(name_of(spec))
    stable = planned_upon(service, wiring.criteria(spec).mode, tools, lambda: look(spec, settings, connected))
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
            click.echo(summary.titled(name))
        click.echo(_then(steps) if stable else "then: the first revision gets all the traffic")
    if refused:
        raise PlanRefused(refused, hint=plans.way_out)
    return ExitCode.DONE


def _then(steps: Steps) -> str:
    def share(index: int) -> str:
        return f"{'after approval ' if index in steps.pauses else ''}{steps.share(index)} %"

    last = len(steps.steps)
    shares = ", ".join(map(share, range(last)))
    return (
        f"then: {shares} of the traffic for {steps.step_duration:.0f} s each, "
        f"{share(last)} for {steps.bake:.0f} s"
    )


def _report(
    outcome: Outcome, prepared: Prepared, settings: Settings, connected: Connected, talk: Talk, form: str,
    environment: str | None,
) -> int:  # fmt: skip
    from tidegate import wiring
    from tidegate.cli.outcome import Ended, tell
    from tidegate.cli.subject import Subject
    from tidegate.flows.deploy import name_of

    if outcome.state.exit_code == ExitCode.PLAN_REFUSED:
        for name, summary in outcome.plans.summaries.items():
            talk.say(summary.titled(name))
        if outcome.plans.way_out:
            talk.say(outcome.plans.way_out)
    spec = prepared.spec
    ended = Ended(outcome.state, outcome.evidence, wiring.job(spec), outcome.plans.monitoring_error)
    return tell(ended, Subject(name_of(spec), spec, environment), settings, connected, talk, form)
