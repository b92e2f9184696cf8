"""`tidegate rollback`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tidegate.cli import options
from tidegate.core.errors import ExitCode, TidegateError


@click.command()
@options.spec_file
@options.target
@click.option(
    "--to", metavar="REVISION", default="", help="The revision to go to.  [default: the one before]"
)
@click.option("--take-over", is_flag=True, help="Take the service from a rollout that has not ended.")
@click.option("--watch/--no-watch", default=True, help="Watch whether it helped.  [default: on]")
@options.output
def rollback(
    file: Path,
    environment: str | None,
    target: Any,
    local_directory: Path | None,
    to: str,
    take_over: bool,
    watch: bool,
    form: str,
) -> int:
    """Send all traffic back to an earlier revision, and verify it.

    Ends with 0 when the traffic is back and nothing says that it did not help, else with 7.
    """
    from tidegate import settings as reading
    from tidegate import wiring
    from tidegate.cli.outcome import emit
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk
    from tidegate.flows.deploy import settings_of
    from tidegate.flows.prepare import Source, read
    from tidegate.flows.rollback import rollback as run

    settings = reading.read(target, local=local_directory)
    spec = read(Source(options.read_file(file), str(file), environment))
    with Display() as display:
        talk = Talk(display)
        with wiring.connect(settings, talk, talk.say, spec) as connected:
            how = settings_of(spec)
            if not watch:
                how = replace(how, recovery=0.0, settle=0.0)
            job = replace(wiring.job(spec), on_verdict=talk.look)
            with connected.tools.interruption.installed():
                outcome = run(job, how, connected.tools, owner=settings.owner, to=to, take_over=take_over)
            report = wiring.report(outcome, spec, connected, environment)
            places: dict[str, str] = {}
            try:
                places = wiring.write_report(settings, report)
            except TidegateError as error:
                talk.say(f"the report could not be written: {error.message}")
            code = emit(report, places, form)
            return ExitCode.DONE if code == ExitCode.ROLLED_BACK else code
