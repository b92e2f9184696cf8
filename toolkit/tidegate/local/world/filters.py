"""Monitoring filters: text → predicate. The grammar of `metric.type = "x" AND resource.labels.y =
one_of("a", "b")`.

Comparisons take `=`, `!=`, `<`, `<=`, `>`, `>=` and `:` (has substring); values are strings, numbers,
booleans or
one of the functions starts_with, ends_with, has_substring, one_of, monitoring.regex.full_match. They combine
with AND (also by standing side by side), OR, NOT or `-`, and parentheses; AND binds tighter than OR.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from tidegate.local.world.errors import invalid

Lookup = Callable[[str], str | None]
"""A selector, normalised (`metric.labels.x`), to the value of one thing; None when it has no such field."""

Predicate = Callable[[Lookup], bool]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<op>!=|<=|>=|=|<|>|:)
    | (?P<mark>[(),-])
    | (?P<word>[A-Za-z0-9_.*/]+(?:"(?:[^"\\]|\\.)*")?)
    )""",
    re.VERBOSE,
)
_FUNCTIONS = frozenset(
    {"starts_with", "ends_with", "has_substring", "one_of", "monitoring.regex.full_match", "has_prefix"}
)


@dataclass(frozen=True)
class Filter:
    """A parsed filter. `metric_type` is the one type an `=` at the top level selects, or empty."""

    matches: Predicate
    metric_type: str = ""
    fields: frozenset[str] = frozenset()


def parse(text: str) -> Filter:
    """Raises INVALID_ARGUMENT with the place for anything that is not a filter. Empty text matches all."""
    if not text.strip():
        return Filter(lambda _: True)
    return _Parser(text).parse()


def normalise(selector: str) -> str:
    """`resource.label."x"` and `resource.labels.x` are the same field."""
    plain = selector.replace('"', "")
    for root in ("metric", "resource"):
        if plain.startswith(f"{root}.label."):
            return f"{root}.labels.{plain[len(root) + 7 :]}"
    return plain


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        self._at = 0
        self._fields: set[str] = set()
        self._top: list[str] = []
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if not match:
                self._refuse(position)
            kind = match.lastgroup or ""
            self._tokens.append((kind, match[kind], match.start(kind)))
            position = match.end()

    def parse(self) -> Filter:
        predicate, types = self._either()
        if self._at < len(self._tokens):
            self._refuse(self._tokens[self._at][2])
        return Filter(predicate, types[0] if len(set(types)) == 1 else "", frozenset(self._fields))

    def _refuse(self, position: int) -> NoReturn:
        invalid(
            f"Field filter had an invalid value: unexpected text at character {position}: '{self._text}'."
        )

    def _peek(self) -> tuple[str, str, int]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "", len(self._text))

    def _next(self) -> tuple[str, str, int]:
        token = self._peek()
        self._at += 1
        return token

    def _either(self) -> tuple[Predicate, list[str]]:
        parts = [self._both()]
        while self._peek()[:2] == ("word", "OR"):
            self._next()
            parts.append(self._both())
        if len(parts) == 1:
            return parts[0]
        predicates = [predicate for predicate, _ in parts]
        # One type in every branch is still one type: (metric.type="x" AND a) OR (metric.type="x" AND b).
        shared = [types[0] for _, types in parts if types]
        single = shared if len(shared) == len(parts) and len(set(shared)) == 1 else []
        return (lambda lookup: any(p(lookup) for p in predicates)), single

    def _both(self) -> tuple[Predicate, list[str]]:
        parts = [self._one()]
        while True:
            kind, text, _ = self._peek()
            if (kind, text) == ("word", "AND"):
                self._next()
            elif kind in ("end", "op") or text in (")", ",") or text == "OR":
                break
            parts.append(self._one())
        if len(parts) == 1:
            return parts[0]
        predicates = [predicate for predicate, _ in parts]
        types = [kind for _, found in parts for kind in found]
        return (lambda lookup: all(p(lookup) for p in predicates)), types

    def _one(self) -> tuple[Predicate, list[str]]:
        kind, text, position = self._next()
        if (kind, text) in (("word", "NOT"), ("mark", "-")):
            inner, _ = self._one()
            return (lambda lookup: not inner(lookup)), []
        if (kind, text) == ("mark", "("):
            found = self._either()
            if self._next()[1] != ")":
                self._refuse(position)
            return found
        if kind != "word":
            self._refuse(position)
        return self._comparison(normalise(text))

    def _comparison(self, selector: str) -> tuple[Predicate, list[str]]:
        self._fields.add(selector)
        kind, operator, position = self._next()
        if kind != "op":
            self._refuse(position)
        kind, text, position = self._next()
        if kind == "mark" and text == "-":
            number_kind, number, _ = self._next()
            kind, text = number_kind, f"-{number}"
        if kind == "word" and text in _FUNCTIONS and self._peek()[1] == "(":
            test = _function(text, self._arguments())
            if operator not in ("=", "!="):
                self._refuse(position)
            if operator == "!=":
                return (lambda lookup: not test(lookup(selector) or "")), []
            return (lambda lookup: test(lookup(selector) or "")), []
        if kind not in ("string", "word"):
            self._refuse(position)
        value = _unquote(text)
        compare = _operator(operator, value)
        types = [value] if selector == "metric.type" and operator == "=" else []
        return (lambda lookup: compare(lookup(selector) or "")), types

    def _arguments(self) -> list[str]:
        self._next()
        values: list[str] = []
        while True:
            kind, text, position = self._next()
            if (kind, text) == ("mark", ")") and values:
                return values
            if (kind, text) == ("mark", ",") and values:
                continue
            if kind not in ("string", "word"):
                self._refuse(position)
            values.append(_unquote(text))


def _unquote(text: str) -> str:
    if text[:1] in ("'", '"'):
        return re.sub(r"\\(.)", r"\1", text[1:-1])
    return text


def _function(name: str, arguments: list[str]) -> Callable[[str], bool]:
    if name == "one_of":
        return lambda value: value in arguments
    if len(arguments) != 1:
        invalid(f"Field filter had an invalid value: {name} takes one argument.")
    argument = arguments[0]
    if name in ("starts_with", "has_prefix"):
        return lambda value: value.startswith(argument)
    if name == "ends_with":
        return lambda value: value.endswith(argument)
    if name == "has_substring":
        return lambda value: argument in value
    try:
        pattern = re.compile(argument)
    except re.error:
        invalid(f"Field filter had an invalid value: '{argument}' is not a regular expression.")
    return lambda value: pattern.fullmatch(value) is not None


def _operator(operator: str, value: str) -> Callable[[str], bool]:
    if operator == "=":
        return lambda found: found == value
    if operator == "!=":
        return lambda found: found != value
    if operator == ":":
        return lambda found: value in found or value == "*"
    return lambda found: _ordered(operator, found, value)


def _ordered(operator: str, found: str, value: str) -> bool:
    try:
        left, right = float(found), float(value)
    except ValueError:
        return False
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
