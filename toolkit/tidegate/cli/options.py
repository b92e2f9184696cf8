"""Options that several commands share, and what they are read into."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tidegate.core.errors import UsageError

if TYPE_CHECKING:
    from tidegate.core.spec import Spec

F = TypeVar("F", bound=Callable[..., Any])


def spec_file(command: F) -> F:
    command = click.option(
        "-f", "--file", "file", type=click.Path(path_type=Path), default=Path("tidegate.yaml"),
        show_default=True,
        help="The spec.",
    )(command)  # fmt: skip
    return click.option("--env", "environment", metavar="NAME", help="The environment of the spec.")(command)


def region(command: F) -> F:
    return click.option(
        "--region", metavar="REGION", help="One of the regions of the spec.  [default: all of them]"
    )(command)


def image(command: F) -> F:
    return click.option("--image", metavar="IMAGE", help="The image of the ingress container.")(command)


def target(command: F) -> F:
    command = click.option(
        "--target", type=click.Choice(["google", "local"]), default="google", show_default=True,
        help="Google Cloud, or the local Cloud Run of `tidegate local up`.",
    )(command)  # fmt: skip
    return click.option(
        "--local-directory", "local_directory", type=click.Path(path_type=Path), metavar="DIR",
        help="Where the local Cloud Run keeps its state.  [default: .tidegate/local]",
    )(command)  # fmt: skip


def output(command: F) -> F:
    return click.option(
        "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
        help="How the result is written to standard output.",
    )(command)  # fmt: skip


def read_file(path: Path) -> bytes:
    """Raises UsageError for what is no readable file."""
    from tidegate.core.spec import MAX_BYTES

    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}", hint="say which spec: -f FILE") from error
    except IsADirectoryError as error:
        raise UsageError(
            f"{path} is a directory, not a spec file", hint=f"try -f {path / 'tidegate.yaml'}"
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"{path} cannot be read: {reason}") from error


def in_regions(spec: Spec, region: str | None) -> tuple[Spec, ...]:
    """The spec for the one region that was asked for, or for each that it has. Raises UsageError."""
    return tuple(spec.in_region(place) for place in (spec.places if region is None else (region,)))


_collecting: list[object] | None = None


@contextlib.contextmanager
def collected() -> Iterator[list[object]]:
    """What is emitted inside is not printed, but comes as a list: several documents are to become one."""
    global _collecting
    outer, _collecting = _collecting, []
    try:
        yield _collecting
    finally:
        _collecting = outer


def emit(data: object) -> None:
    """JSON on standard output."""
    if _collecting is not None:
        _collecting.append(data)
        return
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, sort_keys=False))
