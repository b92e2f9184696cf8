"""Times and durations on the command line: callbacks of options."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import click


def moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """ISO 8601 (UTC unless it says otherwise) or epoch seconds → epoch seconds."""
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        try:
            found = datetime.fromisoformat(value)
        except ValueError as error:
            raise click.BadParameter(
                f"{value!r} is no time; write it such as 2026-01-31T09:30 (UTC) or in epoch seconds"
            ) from error
        number = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    if not (math.isfinite(number) and 0 <= number < 1e11):
        raise click.BadParameter(f"{value!r} is no time that can be meant")
    return number


def length(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    """`90s`, `10m`, `1h30m` → seconds."""
    from pydantic_core import PydanticCustomError

    from tidegate.core.spec.values import seconds

    if value is None:
        return None
    try:
        found = float(seconds(value))
    except PydanticCustomError as error:
        raise click.BadParameter(f"{value!r} {error.message()}") from error
    if not 0 < found < 1e9:
        raise click.BadParameter(f"{value!r} is no length of time that can be meant")
    return found
