"""Python value → HCL literal, laid out as `terraform fmt` would.

What comes out is a literal and nothing else: no text, whatever it holds, can end its string, open a template
or become an expression. Text is passed on unchanged or refused, never altered.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

_WIDTH = 100
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYWORDS = frozenset({"for", "if", "in", "else", "endif", "endfor", "null", "true", "false"})
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Controls, formats (bidirectional overrides among them), private and unassigned characters, separators and
# combining marks: a reader of the file must see what is there, and `fmt` must not count them.
_UNREADABLE = frozenset({"Cc", "Cf", "Co", "Cn", "Zl", "Zp", "Zs", "Mn", "Mc", "Me"})
_INTEGER_BITS = 512


class Hcl(str):
    """Text that is HCL already. Only `literal` makes it; the renderer lets nothing else through."""

    __slots__ = ()


class Unrepresentable(ValueError):
    """The value has no HCL literal that Terraform would read back as the same value.

    `path` leads from the value given to the part that is at fault: keys, and indices from 0.
    """

    def __init__(self, reason: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(f"{reason} (at {'.'.join(map(str, path))})" if path else reason)
        self.reason = reason
        self.path = path


def literal(value: Any, indent: int = 0) -> Hcl:
    """`value` as HCL; lines after the first are indented by `indent` blanks plus their depth.

    Takes None, bool, int, finite float, str, and lists, tuples and string-keyed mappings of them, in their
    order. Raises Unrepresentable for anything else.
    """
    try:
        return Hcl(_value(value, indent))
    except RecursionError as error:
        raise Unrepresentable("the value is nested too deeply") from error


def _value(value: Any, indent: int) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, Mapping):
        return _object(value, indent)
    if isinstance(value, list | tuple):
        return _list(value, indent)
    raise Unrepresentable(f"a {type(value).__name__} has no HCL literal")


def _number(value: int | float) -> str:
    if isinstance(value, int):
        # Terraform computes with 512 bits; a longer integer would come back rounded.
        if value.bit_length() > _INTEGER_BITS:
            raise Unrepresentable(f"an integer of {value.bit_length()} bits is too large for Terraform")
        return str(int(value))
    if not math.isfinite(value):
        raise Unrepresentable(f"{value} is not a number Terraform knows")
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(float(value))


def quote(text: str) -> str:
    """The quoted literal of `text`, printable throughout."""
    if "\0" in text:
        raise Unrepresentable("text with a NUL character has no HCL literal")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Unrepresentable("text with half a surrogate pair is not valid Unicode")
    # Terraform normalises every string it reads, so other forms would silently become different text.
    if not unicodedata.is_normalized("NFC", text):
        raise Unrepresentable("text that is not in Unicode normal form C would be changed by Terraform")
    escaped = "".join(map(_escape, text))
    # A `$` or `%` opens a template only right before `{`. Doubling it is the usual way out, but readers
    # disagree on `$$${` and on an unclosed `$${`; spelt as a character it is text to all of them.
    return '"' + escaped.replace("${", "\\u0024{").replace("%{", "\\u0025{") + '"'


def _escape(char: str) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if char != " " and unicodedata.category(char) in _UNREADABLE:
        return f"\\u{ord(char):04x}" if char <= "\uffff" else f"\\U{ord(char):08x}"
    return char


def _part(at: str | int, value: Any, indent: int) -> str:
    try:
        return _value(value, indent)
    except Unrepresentable as error:
        raise Unrepresentable(error.reason, (at, *error.path)) from error


def _list(items: Sequence[Any], indent: int) -> str:
    inner = indent + 2
    texts = [_part(at, item, inner) for at, item in enumerate(items)]
    line = "[" + ", ".join(texts) + "]"
    flat = not any(isinstance(item, Mapping | list | tuple) and item for item in items)
    if flat and len(line) <= _WIDTH:
        return line
    return "[\n" + "".join(f"{' ' * inner}{text},\n" for text in texts) + " " * indent + "]"


def _object(fields: Mapping[Any, Any], indent: int) -> str:
    if not fields:
        return "{}"
    inner = indent + 2
    rows = []
    for key, value in fields.items():
        if not isinstance(key, str):
            raise Unrepresentable(f"a key of type {type(key).__name__} has no HCL literal")
        rows.append((_key(key), _part(key, value, inner)))
    return "{\n" + "".join(f"{' ' * inner}{row}\n" for row in _aligned(rows)) + " " * indent + "}"


def _key(key: str) -> str:
    if _IDENTIFIER.fullmatch(key) and key not in _KEYWORDS:
        return key
    # ASCII throughout: `fmt` aligns by what a terminal shows, which depends on the font of the day.
    quoted = quote(key)
    return "".join(
        c if c < "\x7f" else f"\\u{ord(c):04x}" if c <= "\uffff" else f"\\U{ord(c):08x}" for c in quoted
    )


def _aligned(rows: Sequence[tuple[str, str]]) -> list[str]:
    """`=` stands in one column for neighbouring attributes that fit on a line; a longer one ends the run."""
    lines: list[str] = []
    run: list[tuple[str, str]] = []

    def close() -> None:
        width = max((len(key) for key, _ in run), default=0)
        lines.extend(f"{key:<{width}} = {value}" for key, value in run)
        run.clear()

    for key, value in rows:
        if "\n" in value:
            close()
            lines.append(f"{key} = {value}")
        else:
            run.append((key, value))
    close()
    return lines
