"""One command for all regions of a spec: one after the other in this process, or side by side."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import click

from tidegate.cli import options
from tidegate.core.errors import InvalidInput, TidegateError, UsageError


def program(*arguments: str) -> list[str]:
    """The command line of another tidegate like this one."""
    return [sys.executable, "-P", "-m", "tidegate", *arguments]


def given() -> tuple[str, ...]:
    """The command line of this process, from the name of the command on."""
    found: tuple[str, ...] = click.get_current_context().find_root().obj.given
    return found


def one_after_the_other(runs: Mapping[str, Callable[[], Any]], form: str) -> int:
    """Each region's output under its name. Trouble in one is told, and does not keep the others from it.

    Returns the worst exit code. Raises at once what is wrong with the command line or the spec.
    """
    from tidegate.core.waves import worst

    if len(runs) == 1:
        (run,) = runs.values()
        return int(run() or 0)
    codes, documents = [], {}
    for region, run in runs.items():
        if form == "text":
            click.echo(f"[{region}]")
        with options.collected() as said:
            code, error = _attempt(run)
        codes.append(code)
        documents[region] = said[0] if said else {"error": error, "exit_code": code}
        if error:
            click.echo(f"error: {region}: {error}", err=True)
    if form == "json":
        options.emit({"regions": documents})
    return worst(tuple(codes))


def _attempt(run: Callable[[], Any]) -> tuple[int, str]:
    try:
        return int(run() or 0), ""
    except (InvalidInput, UsageError):
        raise
    except TidegateError as error:
        return int(getattr(error, "code", error.exit_code)), error.message


def side_by_side(regions: tuple[str, ...], form: str) -> int:
    """This very command line, once for each region at the same time; signals are passed on."""
    from tidegate.cli.progress import Display
    from tidegate.cli.talk import Talk
    from tidegate.core.waves import outcome, worst

    said = {}
    with Display() as display:
        talk = Talk(display)
        for exited in _together(regions, talk):
            said[str(exited.key)] = outcome(exited.code, exited.out, exited.err)
    codes = {region: said[region].code for region in regions}
    if form == "json":
        documents = {
            region: dict(said[region].data) or {"error": said[region].reason, "exit_code": codes[region]}
            for region in regions
        }
        options.emit({"regions": documents})
    else:
        width = max(map(len, regions))
        for region in regions:
            click.echo(f"{region:<{width}}  {_sentence(said[region])}")
    return worst(tuple(1 if code < 0 else code for code in codes.values()))


def _sentence(found: Any) -> str:
    return str(found.data.get("sentence") or found.data.get("said") or found.reason)


def _together(regions: tuple[str, ...], talk: Any) -> Any:
    import os

    from tidegate.adapters.children import Children, Exited

    children = Children(os.environ, lambda region, text: talk.say(f"{region}: {text}"))
    with children.listening():
        for region in regions:
            children.start(region, region, program(*given(), "--region", region, "--format", "json"))
        left = len(regions)
        while left:
            found = children.next(60.0)
            if isinstance(found, Exited):
                left -= 1
                yield found
