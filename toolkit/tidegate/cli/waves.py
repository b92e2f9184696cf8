"""`tidegate deploy` for a spec of several regions: all plans at once, one approval, then wave by wave."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli import options
from tidegate.core.errors import PlanRefused, TidegateError, UsageError

if TYPE_CHECKING:
    from tidegate.cli.deploy import Given
    from tidegate.cli.talk import Talk
    from tidegate.core.plan import PlanSummary
    from tidegate.core.spec import Spec
    from tidegate.core.waves import Effect, Waves
    from tidegate.flows.planning import Request
    from tidegate.flows.prepare import Prepared
    from tidegate.settings import Settings
    from tidegate.wiring import Connected


@dataclass(frozen=True)
class Planned:
    """`unchanged`: the region has this revision, all of the traffic is on it, and nothing is under way."""

    summaries: Mapping[str, PlanSummary]
    unchanged: bool


def deploy_in_waves(whole: Spec, specs: tuple[Spec, ...], given: Given, settings: Settings) -> int:
    """Returns the worst exit code of all regions. Nothing happens until the plans of all are approved."""
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk

    begun = _digest(given.file)
    with Display() as display:
        talk = Talk(display)
        plans = _plans(specs, given, settings, talk)
        _show(plans, talk)
        tokens = _tokens(begun, plans, asked=_approved(plans, given))
        done = _run(whole, plans, tokens, settings, given, talk)
    _tell(done, given.form)
    return done.exit_code


def approved_before(token: str, file: Path) -> str:
    """Fingerprint of the region's plan that a person has approved; empty where nobody was asked.

    Raises UsageError when the spec is not what it was when the deployment began.
    """
    begun, _, plans = token.partition(":")
    if begun != _digest(file):
        raise UsageError(
            f"{file} has changed since the deployment in all regions began",
            hint="`tidegate deploy` again goes on with the regions that are left, by the spec as it is now",
        )
    return plans


# ------------------------------------------------------------------------------------------- planning


def _plans(specs: tuple[Spec, ...], given: Given, settings: Settings, talk: Talk) -> dict[str, Planned]:
    from tidegate import wiring
    from tidegate.cli.deploy import patiently, prepare, request_of
    from tidegate.wiring.gates import check_environment

    everything = {spec.region: prepare(spec, settings) for spec in specs}
    check_environment(specs[0], settings)
    for said in _once(everything):
        talk.say(said)
    planned = {}
    with wiring.connect(settings, talk, talk.say, None) as connected:
        for region, prepared in everything.items():
            request = request_of(prepared, settings, connected, given, talk)
            if given.fix:
                request = replace(request, spec=request.spec.with_mode("fix"))
            attempt = partial(_plan, request, settings, connected)
            try:
                planned[region] = patiently(attempt, given.wait, connected.tools, talk)
            except TidegateError as error:
                error.message = f"{region}: {error.message}"
                error.hint = error.hint or "nothing was changed in any region"
                raise
    return planned


def _once(everything: Mapping[str, Prepared]) -> list[str]:
    """What is found in the rendered files is mostly the same for all regions."""
    said = [text for one in everything.values() for text in (*map(str, one.findings), *one.notes)]
    return list(dict.fromkeys(said))


def _plan(request: Request, settings: Settings, connected: Connected) -> Planned:
    from tidegate import wiring
    from tidegate.adapters.exclusive import exclusive
    from tidegate.core.record import Record
    from tidegate.flows.deploy import name_of
    from tidegate.flows.planning import Plans, make_plans
    from tidegate.flows.preflight import planned_upon
    from tidegate.flows.serving import record_of
    from tidegate.wiring.preflight import look

    tools, plans = connected.tools, Plans()
    service = tools.cloud_run.get_service(name_of(request.spec))
    spec = request.spec
    serving = planned_upon(
        service, wiring.criteria(spec).mode, tools, lambda: look(spec, settings, connected)
    )
    with exclusive(request.roots.directory, settings.owner):
        make_plans(request, wiring.terraform(settings), plans)
    if service is None or any(summary.has_changes for summary in plans.summaries.values()):
        return Planned(plans.summaries, unchanged=False)
    record = record_of(service, tools)
    settled = record is None or (isinstance(record, Record) and record.state.final)
    return Planned(plans.summaries, settled and serving == service.latest_created_revision)


def _show(plans: Mapping[str, Planned], talk: Talk) -> None:
    """Regions whose plans read the same are shown together."""
    alike: dict[str, list[str]] = {}
    for region, planned in plans.items():
        text = "\n".join(summary.titled(name) for name, summary in planned.summaries.items())
        alike.setdefault(text, []).append(region)
    for text, regions in alike.items():
        talk.say(f"{', '.join(regions)}\n{text}")


def _approved(plans: Mapping[str, Planned], given: Given) -> bool:
    """Whether a person was asked, and has said yes. Raises PlanRefused for a no."""
    changes = any(s.has_changes for planned in plans.values() for s in planned.summaries.values())
    if given.auto_approve or not changes:
        return False
    try:
        if click.confirm(f"Apply in {len(plans)} regions?", err=True):
            return True
    except click.Abort:
        pass
    raise PlanRefused("the plans were not approved; nothing was applied")


# ------------------------------------------------------------------------------------------- running


def _run(
    whole: Spec, plans: Mapping[str, Planned], tokens: Mapping[str, str], settings: Settings, given: Given,
    talk: Talk,
) -> Waves:  # fmt: skip
    import time

    from tidegate.adapters.children import Children
    from tidegate.adapters.regions import RegionProcesses
    from tidegate.core.waves import Region, Stand, Waves
    from tidegate.flows.waves import run

    regions = {
        region: Region(Stand.UNCHANGED if plans[region].unchanged else Stand.WAITING)
        for wave in whole.waves
        for region in wave
    }
    children = Children(settings.environment, lambda region, text: talk.say(f"{region}: {text}"))
    processes = RegionProcesses(children, partial(_command, tokens, settings, given))
    with children.listening():
        return run(Waves(whole.waves, regions, began=time.time()), processes, talk.say)


def _command(tokens: Mapping[str, str], settings: Settings, given: Given, effect: Effect) -> list[str]:
    from tidegate.cli.everywhere import given as command_line
    from tidegate.cli.everywhere import program
    from tidegate.core.waves import Abort, Deploy, Rollback

    rest = ["--region", effect.region, "--format", "json"]
    where = ["--file", str(given.file), "--target", settings.target, "--local-directory", str(settings.local)]
    where += ["--env", given.environment] if given.environment else []
    match effect:
        case Deploy(region):
            return program(*command_line(), "--auto-approve", "--part-of", tokens[region], *rest)
        case Abort():
            return program("abort", *where, *rest)
        case Rollback(_, to):
            return program("rollback", "--to", to, *where, *rest)


def _tokens(begun: str, plans: Mapping[str, Planned], *, asked: bool) -> dict[str, str]:
    """What each region is to hold on to: the spec, and the plan if a person has approved it."""
    from tidegate.core.plan import fingerprint

    return {
        region: f"{begun}:{fingerprint(planned.summaries) if asked else ''}"
        for region, planned in plans.items()
    }


def _digest(file: Path) -> str:
    return hashlib.sha256(options.read_file(file)).hexdigest()[:32]


def _tell(done: Waves, form: str) -> None:
    from tidegate.core.waves import data, headline, lines

    if form == "json":
        options.emit(data(done))
    else:
        click.echo(headline(done))
        click.echo()
        click.echo("\n".join(lines(done)))
