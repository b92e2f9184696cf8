"""The parser's exceptions → place and sentence: what was found, what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark.exceptions import UnexpectedInput

_OPENERS = {
    "LBRACE": ("{", "}"),
    "LSQB": ("[", "]"),
    "LPAR": ("(", ")"),
    "INTERP_START": ("${", "}"),
    "DIRECTIVE_START": ("%{", "}"),
    "DBLQUOTE": ('"', '"'),
}
_WORDS = {
    "EQ": '"="',
    "COLON": '":"',
    "COMMA": '","',
    "LBRACE": '"{"',
    "RBRACE": '"}"',
    "RSQB": '"]"',
    "RPAR": '")"',
    "IN": '"in"',
    "FOR_OBJECT_ARROW": '"=>"',
    "DBLQUOTE": '"""',
}
_UNCLOSED = 'a text begins here and its closing " is missing'
_PAIRS = frozenset({"==", "!=", "<=", ">=", "&&", "||", "=>", "..", "::"})


def sentence(error: UnexpectedInput, text: str) -> tuple[int, int, str]:
    """Line, column (from 1) and a sentence a person understands."""
    stack = _stack(error)
    offset = error.pos_in_stream or 0
    if opened := _text_over_lines(stack):
        return opened
    if getattr(getattr(error, "token", None), "type", "") == "$END" or offset >= len(text):
        return _at_the_end(stack, text)
    line = text.count("\n", 0, offset) + 1
    column = offset - text.rfind("\n", 0, offset)
    known = _recognised(text, offset, stack)
    if known is None:
        known = f"found {_found(text, offset)}" + (
            f", expected {e}" if (e := _expected(error, stack)) else ""
        )
    return line, column, known


def _stack(error: Any) -> list[Any]:
    """What the parser has seen and not yet closed."""
    parser = getattr(error, "interactive_parser", None)
    return list(parser.parser_state.value_stack) if parser else []


def _at_the_end(stack: list[Any], text: str) -> tuple[int, int, str]:
    opener = next((t for t in reversed(stack) if getattr(t, "type", "") in _OPENERS), None)
    if opener is None:
        lines = text.rstrip().split("\n")
        return len(lines), len(lines[-1]) + 1, "the file ends in the middle of an argument or a block"
    opening, closing = _OPENERS[opener.type]
    if opener.type == "DBLQUOTE":
        return opener.line, opener.column, _UNCLOSED
    return opener.line, opener.column, f"{opening} is opened here and never closed; {closing} is missing"


def _text_over_lines(stack: list[Any]) -> tuple[int, int, str] | None:
    """The grammar lets a text run over lines to the next quote: the fault is where the first one began."""
    found: list[tuple[int, int]] = []
    waiting = list(stack)
    while waiting:
        item = waiting.pop()
        children = getattr(item, "children", ())
        waiting.extend(children)
        if getattr(item, "data", "") != "string":
            continue
        if any(
            "\n" in part for c in children for part in getattr(c, "children", ()) if isinstance(part, str)
        ):
            found.append((item.meta.line, item.meta.column))
    return (*min(found), _UNCLOSED) if found else None


def _recognised(text: str, offset: int, stack: list[Any]) -> str | None:
    """Mistakes that are better named than described by what the grammar would have liked."""
    rest = text[offset:]
    wants_value = bool(stack) and getattr(stack[-1], "type", "") == "EQ"
    if rest.startswith("'"):
        return 'found a text in single quotes; HCL knows only "double" ones'
    if rest.startswith("${"):
        return 'found "${" outside a text; write the reference without it, or put quotes around the whole'
    if rest.startswith("<<"):
        mark = rest[2:].lstrip("-").split("\n", 1)[0].strip()
        return f"a heredoc begins here and the line {mark} that ends it is missing"
    if rest.startswith("/*"):
        return "a comment begins here and its closing */ is missing"
    if rest[0] == "\\":
        return "found a backslash that escapes nothing"
    if rest[0] in "}])" and not any(getattr(t, "type", "") in _OPENERS for t in stack):
        return f'found "{rest[0]}" that closes nothing'
    if rest[0] == ";":
        return 'found ";"; arguments are parted by the end of the line'
    if wants_value and rest[0] in "\r\n":
        return "found the end of the line, expected a value"
    return None


def _found(text: str, offset: int) -> str:
    character = text[offset]
    if character in "\r\n":
        return "the end of the line"
    if not character.isprintable():
        return f"the character U+{ord(character):04X}"
    word = character
    if character.isalnum() or character == "_":
        end = offset
        while end < len(text) and end - offset < 30 and (text[end].isalnum() or text[end] in "_-"):
            end += 1
        word = text[offset:end]
    elif text[offset : offset + 2] in _PAIRS:
        word = text[offset : offset + 2]
    return f'"{word}"' if word != '"' else "a text in quotes"


def _expected(error: Any, stack: list[Any]) -> str:
    wanted = set(getattr(error, "accepts", None) or getattr(error, "allowed", None) or ())
    if not stack and "NAME" in wanted:
        return "the name of an argument or a block"
    if {"INT_LITERAL", "LSQB", "TRUE"} <= wanted and "PLUS" not in wanted:
        return "a value"
    if wanted == {"LBRACE"} or {"LBRACE", "EQ", "NAME"} <= wanted:
        return '"{"' if "EQ" not in wanted else '"=" or "{"'
    if "PLUS" in wanted or "NL_OR_COMMENT" in wanted:
        ends = [_WORDS[t] for t in ("COMMA", "RSQB", "RPAR", "RBRACE", "COLON") if t in wanted]
        return " or ".join(ends) if ends else "the end of the line"
    words = sorted(_WORDS[t] for t in wanted if t in _WORDS)
    return " or ".join(words) if 0 < len(words) <= 3 else ""
