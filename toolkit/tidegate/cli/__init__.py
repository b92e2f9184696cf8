"""The command line: parse, call a flow, print, exit. No logic lives here.

`--help` must answer at once, so commands are imported when they are run, and their one-line descriptions
stand in a table here (a test holds them against the commands).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import click

from tidegate import __version__
from tidegate.core.errors import ExitCode, Interrupted, TidegateError


class Arguments(NamedTuple):
    """The command line as it was given, for a command that runs itself once for each region."""

    given: tuple[str, ...]


class Entry(NamedTuple):
    module: str
    name: str
    help: str


COMMANDS: Mapping[str, Entry] = {
    "abort": Entry("operate", "abort", "Send all traffic back to the stable revision and end the rollout."),
    "alerts": Entry("alerts", "alerts", "Try the alerts of a spec before they have to wake anybody."),
    "collect": Entry(
        "collect",
        "collect",
        "Export the TCP connections of an instance by state, and descriptors of processes, for Prometheus.",
    ),
    "deploy": Entry("deploy", "deploy", "Apply, move the traffic in steps, judge each, roll back if worse."),
    "doctor": Entry("doctor", "doctor", "Say what is missing on this machine and what to do about it."),
    "explain": Entry("validate", "explain", "Say what a policy rule wants, and why."),
    "guard": Entry(
        "guard",
        "guard",
        "Look once more at the revision in charge, hours after its rollout: slow leaks show late.",
    ),
    "history": Entry("history", "history", "Show the last ten rollouts of a service, the newest first."),
    "local": Entry("local", "local", "Run a Cloud Run of your own on this machine."),
    "pause": Entry("operate", "pause", "Stop a rollout where it is, until `tidegate resume`."),
    "plan": Entry("deploy", "plan", "Show what a deployment would change, without changing it."),
    "power": Entry(
        "power", "power", "Say what a rollout can see at the present traffic, and how long it takes."
    ),
    "preflight": Entry(
        "preflight", "preflight", "Say how the service is now, and whether a deployment would go on."
    ),
    "promote": Entry(
        "operate", "promote", "Send all traffic to the candidate, without judging it any further."
    ),
    "provision": Entry(
        "provision",
        "provision",
        "Apply alert policies and dashboard alone, of a service that tidegate never deployed as well.",
    ),
    "record": Entry("record", "record", "Write the trace of a past rollout, for `tidegate replay`."),
    "render": Entry("render", "render", "Write the Terraform root modules of a spec."),
    "replay": Entry("replay", "replay", "Judge recorded rollouts again, look by look."),
    "resume": Entry(
        "operate", "resume", "Go on with a rollout that is paused or held, or whose process died."
    ),
    "rollback": Entry("rollback", "rollback", "Send all traffic back to an earlier revision, and verify it."),
    "status": Entry(
        "status", "status", "Show the traffic and the rollout of a service, and what can be seen of it now."
    ),
    "validate": Entry("validate", "validate", "Check a spec, its policies and its Terraform."),
}


class Commands(click.Group):
    """A group that knows its commands by name and description, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        found = getattr(importlib.import_module(f"tidegate.cli.{entry.module}"), entry.name)
        assert isinstance(found, click.Command)  # noqa: S101 - a fault of the table, not of the user
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in self.list_commands(ctx)])


@click.command(
    cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=False
)
@click.version_option(__version__, prog_name="tidegate")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def tidegate(debug: bool) -> None:
    """Deploy to Google Cloud Run in steps, judge each step, take the traffic back when it gets worse.

    Exit codes: 0 done, 2 usage, 3 invalid spec or policy finding, 4 plan refused, 5 Terraform failed,
    6 rolled back, 7 a person is needed, 8 held, 9 remote API, 10 busy, 130/143 interrupted.
    """


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code. The only place that prints errors."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    # Wherever it stands: people add it to the end of the line that failed.
    rest = [a for a in given if a != "--debug"]
    try:
        result: Any = tidegate.main(
            args=rest, prog_name="tidegate", standalone_mode=False, obj=Arguments(tuple(rest))
        )
    except click.exceptions.Abort:
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show(sys.stderr)
        return ExitCode.USAGE
    except (TidegateError, KeyboardInterrupt, BrokenPipeError, Exception) as error:  # noqa: BLE001
        return _failed(error, debug)
    return int(result) if isinstance(result, int) else ExitCode.DONE


def _failed(error: BaseException, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, TidegateError):
        code = getattr(error, "code", error.exit_code)
        _say(error.message, error.hint, "" if isinstance(error, Interrupted) else "error: ")
        return int(code)
    if isinstance(error, KeyboardInterrupt):
        _say("interrupted", "", "")
        return ExitCode.INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has had enough; nothing more can be said there.
        sys.stdout = None  # so that the interpreter does not flush it at exit
        return 128 + 13
    _say(
        f"this is a bug in tidegate: {type(error).__name__}: {error}",
        "" if debug else "run it again with --debug and report what it prints",
        "error: ",
    )
    return ExitCode.BUG


def _say(message: str, hint: str, prefix: str) -> None:
    for line in message.splitlines() or [""]:
        click.echo(f"{prefix}{line}", err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
