"""The tables in the READMEs of the Terraform modules, and that of the alerts, drawn from the HCL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

from tidegate.core.spec import Alerts

ROOT = Path(__file__).resolve().parents[1]
MODULES = ROOT / "infra" / "modules"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][\w-]*|-?\d+(?:\.\d+)?|[^\s]')
_INDENT = re.compile(r"\s+")


@dataclass(frozen=True)
class Argument:
    """One argument, `alerts.fd_growth.per_minute`; `default` is empty where it must be given."""

    name: str
    type: str
    default: str


def readmes() -> Iterator[tuple[Path, str]]:
    """Every README of a module that has a place for the tables, as it should be."""
    for page in sorted((ROOT / "infra").rglob("README.md")):
        text = page.read_text(encoding="utf-8")
        if "<!-- tables -->" in text:
            yield page, filled(text, "tables", tables(page.parent))


def tables(module: Path) -> str:
    """Inputs with the attributes of their objects, and outputs."""
    variables = _blocks(module / "variables.tf", "variable")
    outputs = _blocks(module / "outputs.tf", "output")
    lines = ["| input | type | default | meaning |", "|---|---|---|---|"]
    for name, body in variables:
        [top, *rest] = arguments(name, _code(body["type"]), _default(body))
        lines.append(
            f"| `{name}` | {_quoted(top.type)} | {_quoted(top.default, 'required')} | {_text(body)} |"
        )
        lines += [f"| `{a.name}` | {_quoted(a.type)} | {_quoted(a.default, 'required')} | |" for a in rest]
    lines += ["", "| output | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {_text(body)} |" for name, body in outputs]
    return "\n".join(lines)


def arguments(name: str, type_text: str, default: str) -> list[Argument]:
    """The argument itself, and under it the attributes of an object, all the way down."""
    reader = _Reader(_TOKEN.findall(type_text))
    return list(reader.type(name, default))


class _Reader:
    """A type expression, token by token."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.at = 0

    def next(self, expected: str = "") -> str:
        token = self.tokens[self.at]
        if expected and token != expected:
            raise ValueError(f"{expected} expected, not {token}")
        self.at += 1
        return token

    def type(self, name: str, default: str) -> Iterator[Argument]:
        kind = self.next()
        if kind == "optional":
            self.next("(")
            [first, *rest] = list(self.type(name, ""))
            given = "null"
            if self.tokens[self.at] == ",":
                self.next()
                given = self.value()
            self.next(")")
            yield Argument(name, first.type, given)
            yield from rest
        elif kind == "object":
            self.next("(")
            inner = list(self.attributes(name))
            self.next(")")
            yield Argument(name, "object", default)
            yield from inner
        elif kind in ("list", "set", "map"):
            self.next("(")
            [first, *rest] = list(self.type(f"{name}[]" if kind != "map" else f"{name}{{}}", ""))
            self.next(")")
            yield Argument(name, f"{kind}({first.type})", default)
            yield from rest
        else:
            yield Argument(name, kind, default)

    def attributes(self, name: str) -> Iterator[Argument]:
        self.next("{")
        while self.tokens[self.at] != "}":
            attribute = self.next()
            self.next("=")
            yield from self.type(f"{name}.{attribute}", "")
            if self.tokens[self.at] == ",":
                self.next()
        self.next("}")

    def value(self) -> str:
        """A default as it is written, up to the bracket that ends `optional`."""
        depth, found = 0, ""
        while depth or self.tokens[self.at] != ")":
            word = self.next()
            depth += (word in "([{") - (word in ")]}")
            found += {"=": " = ", ",": ", ", "{": "{ ", "}": " }"}.get(word, word)
        return found.replace("{  }", "{}").rstrip(", ")


def alerts() -> str:
    """The table of the alerts, in the order of the spec."""
    about = catalogue()
    lines = ["| alert | severity | fires when | within |", "|---|---|---|---|"]
    for kind, alert in Alerts().kinds.items():
        row = about[kind]
        link = f"[`{kind}`](../infra/modules/monitoring/runbooks/{kind}.md.tftpl)"
        soon = f"{_minutes(row['within_minutes'])} {row['within']}"
        lines.append(f"| {link} | {alert.severity} | {row['when']} | {soon} |")
    return "\n".join(lines)


def catalogue() -> dict[str, dict[str, Any]]:
    """What the module says of its alerts, by kind."""
    text = (MODULES / "monitoring" / "catalogue.tf").read_text(encoding="utf-8")
    [found] = [block["catalogue"] for block in hcl2.loads(text)["locals"] if "catalogue" in block]
    return {
        kind: {key: json.loads(v) if isinstance(v, str) else v for key, v in row.items()}
        for kind, row in found.items()
        if isinstance(row, dict)
    }


def alerts_page(present: str) -> str:
    return filled(present, "alerts", alerts())


def filled(text: str, place: str, content: str) -> str:
    drawn = f"<!-- {place} -->\n{content}\n<!-- /{place} -->"
    return re.sub(rf"<!-- {place} -->.*<!-- /{place} -->", lambda _: drawn, text, flags=re.DOTALL)


def _minutes(minutes: int) -> str:
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.3g} h"


def _blocks(path: Path, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for block in hcl2.loads(path.read_text(encoding="utf-8"))[kind]:
        for name, body in block.items():
            yield name.strip('"'), body


def _code(value: Any) -> str:
    text = _INDENT.sub(" ", str(value))
    return text[2:-1] if text.startswith("${") else text


def _default(body: dict[str, Any]) -> str:
    if "default" not in body:
        return ""
    value = body["default"]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return f"[{', '.join(value)}]"
    return (
        json.dumps(value) if isinstance(value, dict | list) else ("null" if value is None else _code(value))
    )


def _quoted(text: str, nothing: str = "") -> str:
    return f"`{text}`" if text else f"**{nothing}**"


def _text(body: dict[str, Any]) -> str:
    return str(json.loads(body["description"]))
