"""`tidegate collect`. It runs beside every instance: click is all it needs to be installed."""

from __future__ import annotations

import re
from typing import Any

import click
from click.core import ParameterSource

from tidegate.core.errors import UsageError


class _Whole(click.IntRange):
    """Of a variable of the environment it is told in one line what is wrong: that ends up in a log."""

    def __init__(self, what: str, most: int | None = None) -> None:
        super().__init__(1, most)
        self._what = what

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            if param and ctx and ctx.get_parameter_source(param.name or "") is ParameterSource.ENVIRONMENT:
                raise UsageError(
                    f"{param.envvar} of the environment has {value!r}, which is no {self._what}",
                    hint="set it right, or unset it",
                ) from error
            self.fail(f"{value!r} is no {self._what}", param, ctx)


_PORT = _Whole("port: a whole number from 1 to 65535", 65535)
_PID = _Whole("process id: a whole number from 1 on")


@click.command()
@click.option(
    "--port",
    type=_PORT,
    default=9465,
    show_default=True,
    envvar="TIDEGATE_COLLECT_PORT",
    show_envvar=True,
    help="Where it answers.",
)
@click.option("--listen", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="An IP address.")
@click.option(
    "--keep",
    type=click.FloatRange(0, 3600),
    default=1.0,
    show_default=True,
    help="Seconds for which one look at the kernel's tables serves all who ask.",
)
@click.option(
    "--pid",
    "pids",
    type=_PID,
    multiple=True,
    help="Also count the descriptors of this process and of those it starts. Repeatable.",
)
@click.option(
    "--match", metavar="REGEX", help="And of every process that has this in its command line, if it is seen."
)
@click.option(
    "--sockets-of",
    type=_PID,
    multiple=True,
    envvar="TIDEGATE_COLLECT_SOCKETS_OF",
    show_envvar=True,
    metavar="PID",
    help="Count the connections of this process and of those it starts, where the network is shared with"
    " others. Repeatable.",
)
@click.option("--once", is_flag=True, help="Write the page to standard output instead.")
def collect(
    port: int,
    listen: str,
    keep: float,
    pids: tuple[int, ...],
    match: str | None,
    sockets_of: tuple[int, ...],
    once: bool,
) -> None:
    """Export the TCP connections of an instance by state, and descriptors of processes, for Prometheus.

    As a sidecar it counts the connections of all containers of the instance, which share one network.
    Answers on /metrics and /healthz until TERM.
    """
    import time

    from tidegate.collect import Exporter, Subject, read, serve
    from tidegate.collect.exporter import describe

    subject = Subject(pids, _pattern(match), sockets_of, 0 if once else port)
    try:
        page = read(subject)  # what cannot be read now is better told now than with every scrape
    except OSError as error:
        raise UsageError(describe(error), hint="it needs Linux, and /proc") from error
    if once:
        click.echo(page, nl=False)
        return
    try:
        exporter = Exporter((listen, port), lambda: read(subject), keep, time.monotonic)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen on {listen}, port {port}: {reason}", hint="choose with --listen and --port"
        ) from error
    if subject.has_processes and not subject.processes():
        click.echo("no such process is seen yet: descriptors are counted once it is", err=True)
    serve(exporter, lambda: click.echo(f"collect listens on {listen}, port {port}", err=True))


def _pattern(match: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(match) if match else None
    except re.error as error:
        raise UsageError(f"--match {match!r} is not a regular expression: {error}") from error
