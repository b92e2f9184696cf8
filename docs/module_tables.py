"""Writes the tables of inputs and outputs into the READMEs of the Terraform modules: `python docs/modules.py`.

A README that has the marks `<!-- inputs -->` … `<!-- /inputs -->` (and the same for outputs) gets them. A test
holds the files against what this would write.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

INFRA = Path(__file__).resolve().parents[1] / "infra"
_BLOCK = re.compile(r'^(variable|output) "(\w+)" \{\n(.*?)^\}', re.MULTILINE | re.DOTALL)
_DESCRIPTION = re.compile(r'^  description\s*= "(.*)"$', re.MULTILINE)
_TYPE = re.compile(r"^  type\s*= (.*)$", re.MULTILINE)
_DEFAULT = re.compile(r"^  default\s*= (.*)$", re.MULTILINE)
_OBJECT = re.compile(r"((?:\w+\()*object\()\{$")


def pages() -> dict[Path, str]:
    """The READMEs with their tables drawn anew."""
    found = {}
    for readme in sorted(INFRA.rglob("README.md")):
        text = readme.read_text(encoding="utf-8")
        for name, table in (("inputs", _inputs(readme.parent)), ("outputs", _outputs(readme.parent))):
            text = re.sub(
                rf"<!-- {name} -->.*<!-- /{name} -->",
                lambda _, name=name, table=table: f"<!-- {name} -->\n{table}<!-- /{name} -->",
                text,
                flags=re.DOTALL,
            )
        found[readme] = text
    return found


def _inputs(module: Path) -> str:
    rows = "".join(
        f"| `{name}` | {_type(body)} | {_default(body)} | {_description(body)} |\n"
        for name, body in _blocks(module / "variables.tf", "variable")
    )
    return f"| input | type | default | what it is |\n|---|---|---|---|\n{rows}"


def _outputs(module: Path) -> str:
    rows = "".join(
        f"| `{name}` | {_description(body)} |\n" for name, body in _blocks(module / "outputs.tf", "output")
    )
    return f"| output | what it is |\n|---|---|\n{rows}"


def _blocks(path: Path, kind: str) -> Iterator[tuple[str, str]]:
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return ((name, body) for found, name, body in _BLOCK.findall(text) if found == kind)


def _description(body: str) -> str:
    found = _DESCRIPTION.search(body)
    return found[1].replace('\\"', '"').replace("|", "\\|") if found else ""


def _type(body: str) -> str:
    found = _TYPE.search(body)
    written = found[1] if found else ""
    opened = _OBJECT.match(written)
    return f"`{opened[1].replace('(', ' of ').removesuffix(' of ')}`" if opened else f"`{written}`"


def _default(body: str) -> str:
    found = _DEFAULT.search(body)
    if found is None:
        return "**required**"
    return f"`{found[1]}`" if found[1] not in ("{", "[") else "see `variables.tf`"


if __name__ == "__main__":
    for page, drawn in pages().items():
        page.write_text(drawn, encoding="utf-8")
