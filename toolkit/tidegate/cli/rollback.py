"""`tidegate rollback`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from tidegate.cli import options
from tidegate.cli.subject import Subject, chosen_side_by_side
from tidegate.core.errors import ExitCode, UsageError


def _has_one_name(*, to: str, **_: Any) -> None:
    if to:
        raise UsageError(
            f"--to {to} names a revision of one region, and the spec has several", hint="add --region REGION"
        )


@click.command()
@chosen_side_by_side(_has_one_name)
@options.target
@click.option(
    "--to", metavar="REVISION", default="", help="The revision to go to.  [default: the one before]"
)
@click.option("--take-over", is_flag=True, help="Take the service from a rollout that has not ended.")
@click.option("--watch/--no-watch", default=True, help="Watch whether it helped.  [default: on]")
@options.output
def rollback(
    subject: Subject, target: Any, local_directory: Any, to: str, take_over: bool, watch: bool, form: str
) -> int:
    """Send all traffic back to an earlier revision, and verify it.

    Ends with 0 when the traffic is back (or was already) and nothing says that it did not help, else with 7.
    """
    from tidegate import settings as reading
    from tidegate import wiring
    from tidegate.cli.outcome import Ended, tell
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk
    from tidegate.flows.deploy import settings_of
    from tidegate.flows.rollback import rollback as run

    settings = reading.read(target, local=local_directory)
    with Display() as display:
        talk = Talk(display)
        with wiring.connect(settings, talk, talk.say, subject.spec) as connected:
            how = settings_of(subject.spec) if subject.spec else None
            job = replace(subject.job(settings), on_verdict=talk.look)
            with connected.tools.interruption.installed():
                ended = run(
                    job, how, connected.tools, owner=settings.owner, to=to, take_over=take_over, watch=watch
                )
            if ended is None:
                said = f"{to or 'the revision before'} has all the traffic of {job.name.service} already"
                if form == "json":
                    options.emit({"said": said, "rollout": None})
                else:
                    click.echo(said)
                return ExitCode.DONE
            done = Ended(ended.state, ended.evidence, ended.job)
            code = tell(done, subject, settings, connected, talk, form)
            return ExitCode.DONE if code == ExitCode.ROLLED_BACK else code
