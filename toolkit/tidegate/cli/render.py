"""`tidegate render`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tidegate.cli import options

if TYPE_CHECKING:
    from tidegate.core.spec import Spec


@click.command()
@options.spec_file
@options.image
@options.region
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
    file: Path, environment: str | None, image: str | None, region: str | None, out: Path,
    templates: Path | None, form: str,
) -> int:  # fmt: skip
    """Write the Terraform root modules of a spec.

    Those of a spec of several regions go into a directory for each.
    """
    from functools import partial

    from tidegate.cli.everywhere import one_after_the_other
    from tidegate.flows.prepare import Source, read

    whole = read(Source(options.read_file(file), str(file), environment, image))
    specs = options.in_regions(whole, region)
    places = {spec.region: out / spec.region if len(specs) > 1 else out for spec in specs}
    return one_after_the_other(
        {spec.region: partial(_render, spec, places[spec.region], templates, form) for spec in specs}, form
    )


def _render(spec: Spec, out: Path, templates: Path | None, form: str) -> None:
    from tidegate import wiring
    from tidegate.adapters import rootdir
    from tidegate.flows.prepare import prepare

    prepared = prepare(spec, *wiring.sources(templates))
    written = rootdir.write(out, prepared.files)
    if form == "json":
        options.emit({"directory": str(out), "files": list(prepared.files), "changed": list(written.changed),
                      "removed": list(written.removed)})  # fmt: skip
        return
    for path in prepared.files:
        click.echo(out / path)
    click.echo(f"{len(written.changed)} written, {len(written.unchanged)} unchanged", err=True)
