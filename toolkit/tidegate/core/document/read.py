"""Bytes → `Document`, by way of python-hcl2's grammar.

Plain files do not need it, see `quick`. Only its grammar is used: its own conversion to dicts loses lines,
lets a duplicate attribute win in silence and recurses into long operator chains. The raw syntax tree has the
offsets of everything, so literals are read from the original text by offset.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tidegate.core.document import quick
from tidegate.core.document.duplicates import duplicates
from tidegate.core.document.literals import comment, heredoc, number, quoted
from tidegate.core.document.model import Block, Comment, Document, Expression, Node, Object, Place, Value
from tidegate.core.document.syntax import sentence
from tidegate.core.errors import Fault, InvalidInput

Tree = Any
"""A `lark.Tree`: `data` names the grammar's rule, `children` are trees and tokens, `meta` has the place."""
Token = Any

MAX_BYTES = 1 << 18
"""Parsing takes about a second per 100 KB; a larger file is not hand-written, nor rendered by tidegate."""
_MAX_DEPTH = 60
_MAX_BLANK_LINES = 1000
"""In a row. The grammar's pattern for heredocs takes quadratic time over them."""
_ESCAPED_MARK = re.compile(r"(?<=\$\$)\{|(?<=%%)\{")


def parse_all(files: Mapping[str, bytes | str]) -> tuple[Document, ...]:
    """Every file, in the order of their paths, with what Terraform refuses across the files of a directory.

    Raises InvalidInput with the faults of all files at once.
    """
    documents, faults = parse_each(files)
    if faults:
        raise InvalidInput(faults)
    return documents


def parse_each(files: Mapping[str, bytes | str]) -> tuple[tuple[Document, ...], tuple[Fault, ...]]:
    """As `parse_all`, but what can be read is read: beside the documents, what is wrong with the others.

    A file that cannot be read is a document without anything in it that is not `complete`.
    """
    documents: list[Document] = []
    faults: list[Fault] = []
    for path in sorted(files):
        try:
            documents.append(parse(files[path], path))
        except InvalidInput as error:
            faults.extend(error.faults)
            documents.append(Document(path, {}, (), complete=False))
    faults.extend(duplicates(documents))
    return tuple(documents), tuple(faults)


def parse(data: bytes | str, path: str) -> Document:
    """One file. `path` is for messages and places. Raises InvalidInput with every fault of the file."""
    text = _decode(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data, path)
    return quick.read(text, path) or by_grammar(text, path)


def by_grammar(text: str, path: str) -> Document:
    """Any file, for half a second per 100 KB. Raises InvalidInput with every fault of the file."""
    tree = _tree(text, path)
    reader = _Reader(text, path)
    try:
        attributes, blocks = reader.body(tree.children[0], 0)
    except RecursionError as error:
        raise InvalidInput((Fault(path, 1, 1, "is nested too deeply to be read"),)) from error
    if reader.faults:
        raise InvalidInput(tuple(reader.faults))
    return Document(path, attributes, blocks, tuple(_comments(tree, text)))


def _decode(data: bytes, path: str) -> str:
    def stop(message: str, offset: int = -1) -> InvalidInput:
        start = data.rfind(b"\n", 0, max(offset, 0)) + 1
        line = data.count(b"\n", 0, offset) + 1 if offset >= 0 else 0
        column = len(data[start:offset].decode("utf-8", "replace")) + 1 if offset >= 0 else 0
        return InvalidInput((Fault(path, line, column, message),))

    if len(data) > MAX_BYTES:
        raise stop(f"is {len(data):,} bytes long; at most {MAX_BYTES:,} are read")
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise stop("starts with a byte-order mark; save it as UTF-8 without one", 0)
    if (offset := data.find(b"\0")) >= 0:
        raise stop("has a NUL byte; this is no text", offset)
    blank = 0
    for at, line in enumerate(data.split(b"\n"), 1):
        blank = 0 if line.strip() else blank + 1
        if blank > _MAX_BLANK_LINES:
            message = f"is the last of more than {_MAX_BLANK_LINES:,} blank lines; that many are not read"
            raise InvalidInput((Fault(path, at, 1, message),))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise stop(f"is not UTF-8: byte {data[error.start]:#04x}", error.start) from error


def _tree(text: str, path: str) -> Tree:
    # Here and not above: loading the grammar costs a tenth of a second, without its cache two.
    from hcl2.api import parses_to_tree
    from lark.exceptions import LarkError, UnexpectedInput

    # The grammar lets the escape `$${` run on to the next `}`, even out of its string. Masked by a character
    # that means nothing, of the same length so that offsets hold; literals are read from `text`.
    masked = _ESCAPED_MARK.sub("(", text)
    try:
        return parses_to_tree(masked)
    except UnexpectedInput as error:
        line, column, message = sentence(error, text)
        raise InvalidInput((Fault(path, line, column, message),)) from error
    except (LarkError, RecursionError) as error:
        raise InvalidInput((Fault(path, 1, 1, "cannot be read as HCL"),)) from error


def _comments(tree: Tree, text: str) -> Iterator[Comment]:
    for token in _tokens(tree):
        if token.type != "NL_OR_COMMENT" or not token.strip():
            continue
        start = token.start_pos or 0
        line_start = text.rfind("\n", 0, start) + 1
        body = comment(text[start : start + len(token)])
        alone = not text[line_start:start].strip()
        yield Comment(body, token.line or 0, token.column or 0, alone)


def _tokens(tree: Tree) -> Iterator[Token]:
    stack: list[Any] = [tree]
    while stack:
        item = stack.pop()
        if hasattr(item, "children"):
            stack.extend(reversed(item.children))
        else:
            yield item


class _Reader:
    """Walks the syntax tree of one file and gathers what is wrong with it."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.faults: list[Fault] = []

    def place(self, item: Any) -> Place:
        at = getattr(item, "meta", item)
        return Place(self.path, at.line, at.column)

    def fault(self, place: Place, message: str) -> None:
        self.faults.append(Fault(place.path, place.line, place.column, message))

    def source(self, item: Any) -> str:
        at = getattr(item, "meta", item)
        return self.text[at.start_pos : at.end_pos].rstrip()

    def shares_its_line(self, item: Any) -> bool:
        start = item.meta.start_pos
        before = self.text[self.text.rfind("\n", 0, start) + 1 : start]
        return bool(re.sub(r"/\*.*?\*/", "", before).strip())

    def body(self, tree: Tree, depth: int) -> tuple[dict[str, Node], tuple[Block, ...]]:
        attributes: dict[str, Node] = {}
        blocks: list[Block] = []
        first = True
        for child in _trees(tree):
            if child.data == "new_line_or_comment":
                continue
            if not first and self.shares_its_line(child):
                self.fault(self.place(child), "stands on the line of what comes before; it needs its own")
            first = False
            if child.data == "block":
                blocks.append(self.block(child, depth + 1))
                continue
            name = self.source(child.children[0])
            node = Node(self.value(child.children[-1], depth + 1), self.place(child))
            if name in attributes:
                other = attributes[name].place.line
                self.fault(node.place, f"the argument {name} is set twice; the first time in line {other}")
            attributes.setdefault(name, node)
        return attributes, tuple(blocks)

    def block(self, tree: Tree, depth: int) -> Block:
        kind, *rest = _trees(tree)
        labels = []
        for child in rest:
            if child.data == "string":
                label = self.value(child, depth)
                if not isinstance(label, str):
                    self.fault(self.place(child), "the label of a block must be a plain text")
                    label = self.source(child)
                labels.append(label)
            elif child.data not in ("body", "new_line_or_comment"):
                labels.append(self.source(child))
        body = next(c for c in rest if c.data == "body")
        attributes, blocks = ({}, ()) if self.too_deep(tree, depth) else self.body(body, depth)
        return Block(self.source(kind), tuple(labels), attributes, blocks, self.place(tree))

    def too_deep(self, tree: Tree, depth: int) -> bool:
        if depth > _MAX_DEPTH:
            self.fault(self.place(tree), f"is nested more than {_MAX_DEPTH} levels deep")
        return depth > _MAX_DEPTH

    def value(self, tree: Tree, depth: int) -> Value:
        if self.too_deep(tree, depth):
            return None
        match tree.data:
            case "expr_term":  # in parentheses, or on its own
                inner = next(c for c in _trees(tree) if c.data != "new_line_or_comment")
                return self.value(inner, depth + (len(tree.children) > 1))
            case "string":
                return self.string(tree)
            case "int_lit" | "float_lit":
                literal: Value = number(self.source(tree))
            case "heredoc_template" | "heredoc_template_trim":
                literal = heredoc(self.source(tree))
            case "unary_op":
                literal = self.negated(tree, depth)
            case "literal_value":
                return {"true": True, "false": False, "null": None}[self.source(tree)]
            case "tuple":
                items = (c for c in _trees(tree) if c.data != "new_line_or_comment")
                return tuple(Node(self.value(c, depth + 1), self.place(c)) for c in items)
            case "object":
                return self.object(tree, depth)
            case _:
                literal = None
        return Expression(self.source(tree)) if literal is None else literal

    def string(self, tree: Tree) -> Value:
        opening, *parts, closing = tree.children
        if any(hasattr(c, "children") for part in parts for c in part.children):
            return Expression(self.source(tree))
        try:
            return quoted(self.text[opening.end_pos : closing.start_pos])
        except ValueError as error:
            self.fault(self.place(tree), str(error))
            return None

    def negated(self, tree: Tree, depth: int) -> Value:
        operand = self.value(tree.children[-1], depth) if self.source(tree).startswith("-") else None
        if isinstance(operand, bool) or not isinstance(operand, int | float):
            return None
        return -operand

    def object(self, tree: Tree, depth: int) -> Value:
        entries: dict[str, Node] = {}
        complete = True
        for element in _trees(tree):
            if element.data != "object_elem":
                continue
            key = self.key(element.children[0].children[0])
            value = self.value(element.children[-1], depth + 1)
            node = Node(value, self.place(element))
            if key is None:
                complete = False
            elif key in entries:
                # Terraform lets the last one win without a word; half of a configuration would be lost.
                first = entries[key].place.line
                self.fault(node.place, f"the key {key} is set twice; the first time in line {first}")
            else:
                entries[key] = node
        return Object(entries, complete)

    def key(self, tree: Tree) -> str | None:
        """The text of a key, None when it is computed."""
        source = self.source(tree)
        if re.fullmatch(r"[^\W\d][\w-]*", source):
            return source
        value = self.value(tree, 0)
        if isinstance(value, bool):
            return str(value).lower()
        return str(value) if isinstance(value, str | int | float) else None


def _trees(tree: Tree) -> Iterable[Any]:
    return (c for c in tree.children if hasattr(c, "data"))
