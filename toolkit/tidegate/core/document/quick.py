"""Plain files, read without the grammar: blocks, literals, references, comments at the end of a line.

That is what tidegate renders, and a thousand services are read in seconds instead of minutes. Whatever else
stands in a file, a fault above all, is left to the grammar: this reader says `None` and never what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tidegate.core.document.literals import comment, number, quoted
from tidegate.core.document.model import Block, Comment, Document, Expression, Node, Object, Place, Value

_TOKEN = re.compile(
    r"""
      (?P<blank>[ \t]+)
    | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
    | (?P<text>"(?:[^"\\\r\n$%]|\\.|[$](?![${])|%(?![%{]))*")
    | (?P<line>\r?\n)
    | (?P<mark>[\[\]{},.:]|=(?![=>]))
    | (?P<number>-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?(?![\w.]))
    | (?P<comment>(?:\#|//)[^\n]*)
    """,
    re.VERBOSE,
)
_WORDS = {"true": True, "false": False, "null": None}
_KEYWORDS = frozenset({*_WORDS, "if", "in", "for", "for_each", "else", "endif", "endfor"})
_MAX_DEPTH = 20

_Token = tuple[str, str, int]
"""Kind (for a mark the mark itself), text, offset."""


class _NotPlainError(Exception):
    pass


def read(text: str, path: str) -> Document | None:
    """The document, the same as the grammar would give; None for a file that needs the grammar."""
    tokens, comments = [], []
    starts = [0]
    at, end = 0, len(text)
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            return None
        kind = match.lastgroup or ""
        if kind == "line":
            starts.append(match.end())
            tokens.append((kind, "", at))
        elif kind == "comment":
            alone = not text[starts[-1] : at].strip()
            comments.append(Comment(comment(match[0]), len(starts), at - starts[-1] + 1, alone))
        elif kind == "mark":
            tokens.append((match[0], "", at))
        elif kind != "blank":
            tokens.append((kind, match[0], at))
        at = match.end()
    tokens += [("line", "", end), ("end", "", end)]
    reader = _Reader(text, tokens, path, starts)
    try:
        attributes, blocks = reader.body("end", 0)
    except (_NotPlainError, ValueError):
        return None
    return Document(path, attributes, blocks, tuple(comments))


class _Reader:
    """One pass over the tokens. Stops at the first thing that is not plain."""

    def __init__(self, text: str, tokens: Sequence[_Token], path: str, starts: Sequence[int]) -> None:
        self.text = text
        self.tokens = tokens
        self.path = path
        self.starts = starts
        self.at = 0
        self.line = 0

    def place(self, offset: int) -> Place:
        """Offsets are asked for in the order of the file."""
        starts, line = self.starts, self.line
        while line + 1 < len(starts) and starts[line + 1] <= offset:
            line += 1
        self.line = line
        return Place(self.path, line + 1, offset - starts[line] + 1)

    def take(self, kind: str) -> _Token:
        token = self.tokens[self.at]
        if token[0] != kind:
            raise _NotPlainError
        self.at += 1
        return token

    def took(self, kind: str) -> bool:
        found = self.tokens[self.at][0] == kind
        self.at += found
        return found

    def lines(self) -> bool:
        before = self.at
        while self.tokens[self.at][0] == "line":
            self.at += 1
        return self.at > before

    def name(self) -> _Token:
        token = self.take("name")
        if token[1] in _KEYWORDS:
            raise _NotPlainError
        return token

    def body(self, closing: str, depth: int) -> tuple[dict[str, Node], tuple[Block, ...]]:
        attributes: dict[str, Node] = {}
        blocks: list[Block] = []
        self.lines()
        while not self.took(closing):
            _, name, offset = self.name()
            place = self.place(offset)
            if self.took("="):
                if name in attributes:
                    raise _NotPlainError
                attributes[name] = Node(self.value(depth + 1), place)
            else:
                blocks.append(self.block(name, place, depth + 1))
            if not self.lines():
                raise _NotPlainError
        return attributes, tuple(blocks)

    def block(self, kind: str, place: Place, depth: int) -> Block:
        labels = []
        while not self.took("{"):
            if self.tokens[self.at][0] == "text":
                labels.append(quoted(self.take("text")[1][1:-1]))
            else:
                labels.append(self.name()[1])
        if depth > _MAX_DEPTH:
            raise _NotPlainError
        if self.took("}"):
            return Block(kind, tuple(labels), {}, (), place)
        if self.tokens[self.at][0] != "line":
            raise _NotPlainError
        attributes, blocks = self.body("}", depth)
        return Block(kind, tuple(labels), attributes, blocks, place)

    def value(self, depth: int) -> Value:
        kind, text, offset = self.tokens[self.at]
        self.at += 1
        if depth > _MAX_DEPTH:
            raise _NotPlainError
        if kind == "text":
            return quoted(text[1:-1])
        if kind == "number":
            return number(text)
        if kind == "name":
            return _WORDS[text] if text in _WORDS else self.reference(offset, text)
        if kind == "{":
            return self.object(depth)
        if kind == "[":
            return self.list(depth)
        raise _NotPlainError

    def reference(self, start: int, text: str) -> Expression:
        if text in _KEYWORDS:
            raise _NotPlainError
        end = start + len(text)
        while self.tokens[self.at][0] == "." and self.tokens[self.at][2] == end:
            self.at += 1
            _, text, offset = self.name()
            if offset != end + 1:
                raise _NotPlainError
            end = offset + len(text)
        return Expression(self.text[start:end])

    def list(self, depth: int) -> tuple[Node, ...]:
        found: list[Node] = []
        self.lines()
        while not self.took("]"):
            place = self.place(self.tokens[self.at][2])
            found.append(Node(self.value(depth + 1), place))
            if not self.took(","):
                self.lines()
                self.take("]")
                break
            self.lines()
        return tuple(found)

    def object(self, depth: int) -> Object:
        entries: dict[str, Node] = {}
        self.lines()
        while not self.took("}"):
            kind, text, offset = self.tokens[self.at]
            self.at += 1
            if kind == "text":
                text = quoted(text[1:-1])
            elif kind != "name" or text in _KEYWORDS:
                raise _NotPlainError
            place = self.place(offset)
            if not (self.took("=") or self.took(":")) or text in entries:
                raise _NotPlainError
            entries[text] = Node(self.value(depth + 1), place)
            parted = self.took(",")
            if not self.lines() and not parted:
                self.take("}")
                break
        return Object(entries)
