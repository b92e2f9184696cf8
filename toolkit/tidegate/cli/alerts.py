"""`tidegate alerts`: try the alerts of a spec before they have to wake anybody."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

COMMANDS: Mapping[str, tuple[str, str]] = {
    "backtest": ("backtest", "Say how often each alert would have fired in the past of the service."),
    "test": ("alert_test", "Let Prometheus run the alerts of a spec, on troubles and on healthy lives."),
}
"""Name → the module of `cli` that has a command of that name, and what it says of itself in one line."""


class Commands(click.Group):
    """Imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(f"tidegate.cli.{module}"), cmd_name)
        assert isinstance(found, click.Command)  # noqa: S101 - a fault of the table, not of the user
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.command(cls=Commands)
def alerts() -> None:
    """Try the alerts of a spec before they have to wake anybody."""
