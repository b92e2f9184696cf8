"""`tidegate doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tidegate.cli import options
from tidegate.core.errors import ExitCode

_WIDTH = len("skipped")


@click.command()
@click.option(
    "-f", "--file", "file", type=click.Path(path_type=Path), help="Also check what this spec needs."
)
@click.option("--env", "environment", metavar="NAME", help="The environment of the spec.")
@options.target
@options.output
def doctor(
    file: Path | None, environment: str | None, target: Any, local_directory: Path | None, form: str
) -> int:
    """Say what is missing on this machine and what to do about it."""
    from tidegate import settings as reading
    from tidegate.flows.doctor import examine
    from tidegate.flows.prepare import Source, read
    from tidegate.wiring.checkup import checks

    spec = None
    if file is not None:
        # What is checked is the same in all regions, and one of them answers for the others.
        spec = options.in_regions(read(Source(options.read_file(file), str(file), environment)), None)[0]
    findings = examine(checks(reading.read(target, local=local_directory), spec))
    healthy = all(f.state != "failed" for f in findings)
    if form == "json":
        options.emit({"healthy": healthy, "checks": [
            {"check": f.check, "state": f.state, "said": f.said, "hint": f.hint} for f in findings
        ]})  # fmt: skip
    else:
        for finding in findings:
            click.echo(f"{finding.state:{_WIDTH}}  {finding.check}: {finding.said}")
            if finding.hint:
                click.echo(f"         {finding.hint}")
    return ExitCode.DONE if healthy else ExitCode.USAGE
