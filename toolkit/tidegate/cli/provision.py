"""`tidegate provision`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tidegate.cli import options
from tidegate.core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from tidegate.cli.deploy import Given
    from tidegate.core.adopt import Existing
    from tidegate.core.plan import PlanSummary
    from tidegate.core.spec import Spec
    from tidegate.flows.prepare import Prepared
    from tidegate.settings import Settings


@click.command()
@options.spec_file
@click.option("--existing", metavar="SERVICE", help="First write the spec of this service, as it is now.")
@click.option("--project", metavar="PROJECT", help="The project of the --existing service.")
@click.option(
    "--region", metavar="REGION",
    help="The region of the --existing service, or one of those of the spec.  [default: all of them]",
)  # fmt: skip
@click.option("--print", "print_only", is_flag=True, help="Only print the spec of the --existing service.")
@click.option("--force", is_flag=True, help="Write over a spec file that is there.")
@options.target
@click.option("--dry-run", is_flag=True, help="Plan, say what would be done, and apply nothing.")
@click.option("--auto-approve", is_flag=True, help="Apply the plan without asking.")
@options.output
def provision(
    file: Path, environment: str | None, existing: str | None, project: str | None, region: str | None,
    print_only: bool, force: bool, target: Any, local_directory: Path | None, dry_run: bool,
    auto_approve: bool, form: str,
) -> int:  # fmt: skip
    """Apply alert policies and dashboard alone, of a service that tidegate never deployed as well.

    With --existing the spec is written from the service first. It has no values of environment variables.
    """
    from tidegate import settings as reading
    from tidegate.cli.deploy import Given
    from tidegate.cli.everywhere import one_after_the_other
    from tidegate.flows.prepare import Source, read

    if existing is None and (project or force or print_only):
        raise UsageError("--project, --print and --force go with --existing SERVICE")
    if existing is not None and (project is None or region is None or environment is not None):
        raise UsageError("--existing SERVICE needs --project and --region, and takes no --env")
    if not (dry_run or auto_approve or print_only or sys.stdin.isatty()):
        raise UsageError(
            "nobody is here to approve the plan", hint="pass --auto-approve, or --dry-run to only see it"
        )
    settings = reading.read(target, local=local_directory)
    if existing is not None and project is not None and region is not None:
        found = _described(existing, project, region, file, settings)
        if print_only:
            click.echo(found.text, nl=False)
            return ExitCode.DONE
        _write(found, file, force)
    given = Given(
        file, environment, dry_run=dry_run, auto_approve=auto_approve, allow_destroy=False, monitoring=True,
        fix=False, wait=None, on_cancel=None, form=form,
    )  # fmt: skip
    whole = read(Source(options.read_file(file), str(file), environment))
    if not whole.alerts.enabled:
        raise UsageError("the spec has alerts.enabled: false, so there is nothing to provision")
    specs = options.in_regions(whole, region)
    return one_after_the_other({s.region: partial(_provision, s, given, settings) for s in specs}, form)


def _described(service: str, project: str, region: str, file: Path, settings: Settings) -> Existing:
    from tidegate import wiring
    from tidegate.core.spec import load
    from tidegate.flows.provision import existing
    from tidegate.ports import ServiceName

    found = existing(ServiceName(project, region, service), wiring.estate(settings))
    load(found.text.encode(), f"{file} as written from {service}")
    return found


def _write(found: Existing, file: Path, force: bool) -> None:
    from tidegate.adapters.files import write_files

    if file.exists() and not force:
        raise UsageError(
            f"{file} exists already and was not written over",
            hint="--force writes over it, -f FILE writes another one, --print only prints",
        )
    write_files(file.parent, {file.name: found.text})
    click.echo(f"{file}: written from the service as it is", err=True)
    for one in found.left_out:
        click.echo(f"{file}: without {one}", err=True)


def _provision(spec: Spec, given: Given, settings: Settings) -> int:
    from tidegate import wiring
    from tidegate.adapters.exclusive import exclusive
    from tidegate.cli.deploy import request_of
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk
    from tidegate.flows.provision import plan_monitoring, provision

    prepared = _prepare(spec, settings)
    with Display() as display:
        talk = Talk(display)
        with wiring.connect(settings, talk, talk.say) as connected:
            request = request_of(prepared, settings, connected, given, talk)
            with exclusive(request.roots.directory, settings.owner):
                if given.dry_run:
                    _, plans = plan_monitoring(request, wiring.terraform(settings))
                else:
                    plans = provision(request, wiring.terraform(settings))
    _tell(spec, plans.summaries, given)
    return ExitCode.DONE


def _prepare(spec: Spec, settings: Settings) -> Prepared:
    """Only what is found in the monitoring root stands in the way of it."""
    from dataclasses import replace

    from tidegate import wiring
    from tidegate.flows import prepare as preparing
    from tidegate.flows.planning import MONITORING
    from tidegate.flows.provision import without_image

    prepared = preparing.prepare(without_image(spec), *wiring.sources(), local=settings.target == "local")
    own = tuple(f for f in prepared.findings if f.path.startswith(f"{MONITORING}/"))
    preparing.refuse(replace(prepared, findings=own))
    return prepared


def _tell(spec: Spec, summaries: dict[str, PlanSummary], given: Given) -> None:
    if given.form == "json":
        options.emit({
            "service": spec.service,
            "applied": not given.dry_run,
            "plans": {name: summary.data() for name, summary in summaries.items()},
        })  # fmt: skip
        return
    for name, summary in summaries.items():
        click.echo(summary.titled(name) if given.dry_run else f"{name}: {summary.headline()}")
