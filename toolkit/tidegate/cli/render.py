"""`tidegate render`."""

from __future__ import annotations

from pathlib import Path

import click

from tidegate.cli import options


@click.command()
@options.spec_file
@options.image
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path(".tidegate") / "rendered", show_default=True,
    help="The directory to write to.",
)  # fmt: skip
@click.option(
    "--templates",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Templates of your own, over the packaged ones.",
)
@options.output
def render(
    file: Path, environment: str | None, image: str | None, out: Path, templates: Path | None, form: str
) -> None:
    """Write the Terraform root modules of a spec."""
    from tidegate import wiring
    from tidegate.adapters import rootdir
    from tidegate.flows.prepare import Source, prepare, read

    spec = read(Source(options.read_file(file), str(file), environment, image))
    prepared = prepare(spec, *wiring.sources(templates))
    written = rootdir.write(out, prepared.files)
    if form == "json":
        options.emit({"directory": str(out), "files": list(prepared.files), "changed": list(written.changed),
                      "removed": list(written.removed)})  # fmt: skip
        return
    for path in prepared.files:
        click.echo(out / path)
    click.echo(f"{len(written.changed)} written, {len(written.unchanged)} unchanged", err=True)
