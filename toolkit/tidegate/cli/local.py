"""`tidegate local`: a Cloud Run on this machine."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import click

_DIRECTORY = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".tidegate/local"),
    show_default=True,
    help="Where its state is kept.",
)
_FORMAT = click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)


@click.group()
def local() -> None:
    """Run a Cloud Run of your own on this machine: real processes, real APIs, no account and no network."""


@local.command()
@click.option(
    "--images",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Catalogue of images: which command stands for which image.",
)
@_DIRECTORY
@click.option(
    "--sample-period", type=click.FloatRange(0.05, 3600), default=1.0, show_default=True, help="Seconds."
)
@click.option(
    "--ingestion-delay",
    type=click.FloatRange(0, 3600),
    default=2.0,
    show_default=True,
    help="Seconds until a sample can be read.",
)
@click.option(
    "--propagation-delay",
    type=click.FloatRange(0, 600),
    default=0.0,
    show_default=True,
    help="Seconds until traffic has moved.",
)
@click.option(
    "--idle",
    type=click.FloatRange(0.1, 86400),
    default=60.0,
    show_default=True,
    help="Seconds until an instance nobody needs is stopped.",
)
@click.option(
    "--stop-grace",
    type=click.FloatRange(0, 600),
    default=10.0,
    show_default=True,
    help="Seconds between TERM and KILL.",
)
@click.option(
    "--owner",
    type=click.IntRange(0),
    help="It ends with this process. [default: the parent process; 0: none]",
)
@click.option("--foreground", is_flag=True, help="Stay until interrupted.")
@_FORMAT
def up(
    images: Path | None,
    directory: Path,
    sample_period: float,
    ingestion_delay: float,
    propagation_delay: float,
    idle: float,
    stop_grace: float,
    owner: int | None,
    foreground: bool,
    style: str,
) -> None:
    """Start it, or find it running. Services of an earlier time are brought back."""
    from tidegate.local import client

    mine = os.getpid() if foreground else os.getppid()
    cloud = client.start(
        directory,
        images=images,
        owner_pid=mine if owner is None else owner,
        sample_period=sample_period,
        ingestion_delay=ingestion_delay,
        propagation_delay=propagation_delay,
        idle_seconds=idle,
        stop_grace=stop_grace,
    )
    shown = {
        "directory": str(cloud.directory),
        "pid": cloud.pid,
        "grpc": cloud.grpc,
        "rest": cloud.rest,
        "reattach": dict(cloud.reattach),
        "owner": cloud.owner,
        "backing": dict(cloud.backing),
    }
    if style == "json":
        click.echo(json.dumps(shown, indent=2))
    else:
        click.echo(f"local Cloud Run   pid {cloud.pid}, state in {cloud.directory}")
        click.echo(f"Admin, Monitoring {cloud.grpc} (gRPC)  {cloud.rest} (REST)")
    if foreground:
        _stay(directory)


@local.command()
@_DIRECTORY
def down(directory: Path) -> None:
    """End it. What it knows is kept, and comes back with `up`."""
    from tidegate.local import client

    ended = client.stop(directory)
    click.echo("ended" if ended else f"no local Cloud Run runs in {directory}", err=True)


@local.command()
@_DIRECTORY
@_FORMAT
def status(directory: Path, style: str) -> None:
    """Show services, effective traffic, and each instance with its real descriptors and connections."""
    from tidegate.local import client

    found = client.status(directory)
    if style == "json":
        click.echo(json.dumps(found, indent=2))
        return
    if not found["services"]:
        click.echo("no services", err=True)
    for service in found["services"]:
        _show(service)


@local.command()
@click.argument("service", default="")
@_DIRECTORY
@click.option("--revision", default="", help="Of this revision only.")
@click.option("--follow", is_flag=True, help="Go on as new lines come.")
@click.option("--lines", type=click.IntRange(0), default=100, show_default=True, help="How many; 0 for all.")
def logs(service: str, directory: Path, revision: str, follow: bool, lines: int) -> None:
    """Show what the containers said, all instances in the order of time."""
    from tidegate.local import client

    found = (
        client.follow(directory, service, revision, lines)
        if follow
        else client.logs(directory, service, revision, lines)
    )
    try:
        for line in found:
            click.echo(line)
    except KeyboardInterrupt:
        if not follow:
            raise


@local.command()
@click.argument("target")
@click.option("--rate", type=float, required=True, help="Requests a second.")
@click.option("--duration", type=float, required=True, help="Seconds.")
@click.option("--concurrency", type=int, default=50, show_default=True, help="Requests in flight at most.")
@click.option("--path", default="/", show_default=True)
@click.option("--tag", default="", help="Of the service, instead of its own address.")
@click.option(
    "--wait", type=click.FloatRange(0, 3600), default=0.0, help="Seconds to wait for the service to come up."
)
@_DIRECTORY
@_FORMAT
def load(
    target: str,
    rate: float,
    duration: float,
    concurrency: int,
    path: str,
    tag: str,
    wait: float,
    directory: Path,
    style: str,
) -> None:
    """Send requests to TARGET, a service or a URL on this machine; ends by itself, or on TERM."""
    from tidegate.local import load as generator

    base = target if "://" in target else _address(directory, target, tag, wait)
    url = base.rstrip("/") + "/" + path.lstrip("/")
    summary = generator.run(url, rate=rate, duration=duration, concurrency=concurrency).as_json()
    if style == "json":
        click.echo(json.dumps(summary))
        return
    codes = ", ".join(f"{code or 'none'} x {count}" for code, count in summary["codes"].items()) or "nothing"
    latency = "  ".join(
        f"{name} {value:.1f}" for name, value in summary["latency_ms"].items() if value is not None
    )
    click.echo(f"{summary['requests']} requests in {summary['seconds']:.1f} s ({summary['rate']:.1f}/s)")
    click.echo(f"codes    {codes}")
    click.echo(f"latency  {latency or 'no answer'} (ms)")
    if summary["skipped"]:
        click.echo(
            f"{summary['skipped']} requests were not sent: {concurrency} were in flight already", err=True
        )


def _address(directory: Path, name: str, tag: str, wait: float) -> str:
    """The service's address; one that is not there yet, or has no traffic yet, is waited for."""
    from tidegate.core.errors import NotFound

    end = time.monotonic() + wait
    while True:
        try:
            return _address_now(directory, name, tag)
        except NotFound:
            if time.monotonic() >= end:
                raise
        time.sleep(0.1)


def _address_now(directory: Path, name: str, tag: str) -> str:
    from tidegate.core.errors import NotFound
    from tidegate.local import client

    found = client.status(directory)["services"]
    matching = [s for s in found if name in (s["name"], s["service"])]
    if len(matching) != 1:
        known = ", ".join(sorted(s["service"] for s in found)) or "none"
        which = "no service" if not matching else "more than one service"
        raise NotFound(f"{which} of the local Cloud Run is called {name}", hint=f"there is: {known}")
    if not tag:
        return str(matching[0]["uri"])
    if tag not in matching[0]["tags"]:
        raise NotFound(
            f"{name} has no tag {tag}", hint=f"there is: {', '.join(matching[0]['tags']) or 'none'}"
        )
    return str(matching[0]["tags"][tag]["uri"])


def _show(service: dict[str, Any]) -> None:
    click.echo(f"{service['name']}  {service['uri']}")
    for tag, at in service["tags"].items():
        click.echo(f"  tag {tag}  {at['uri']}  -> {at['revision']}")
    for revision in service["revisions"]:
        failure = f"  failed: {revision['failure'].splitlines()[0]}" if revision["failure"] else ""
        click.echo(f"  {revision['percent']:3d} %  {revision['revision']}  {revision['image']}{failure}")
        for instance in revision["instances"]:
            established = instance["tcp_connections"].get("ESTABLISHED", 0)
            click.echo(
                f"         {instance['id'][:12]}  {instance['state']}  pid {instance['pid']}"
                f"  {instance['age']:.0f} s  {instance['open_fds']} fds  {established} connections"
                f"  {instance['in_flight']} in flight"
            )


def _stay(directory: Path) -> None:
    import signal
    import time

    from tidegate.local import client

    def terminated(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, terminated)
    click.echo("running; Ctrl-C ends it", err=True)
    try:
        while client.find(directory) is not None:
            time.sleep(0.2)
        click.echo("it has ended by itself; see daemon.log", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        client.stop(directory)
