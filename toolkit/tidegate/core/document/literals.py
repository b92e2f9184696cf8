"""The text of a literal → its value, by HCL's own rules."""

from __future__ import annotations

import math
import re

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))", re.DOTALL)
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_MARK = re.compile(r"\$\$\{|%%\{")
_OPEN_MARK = re.compile(r"(?<!\$)\$\{|(?<!%)%\{")
_MAX_DIGITS = 400


def quoted(raw: str) -> str:
    """What stands between the quotes → the text. Raises ValueError with a sentence."""
    if "\n" in raw:
        raise ValueError('a text begins here and its closing " is missing')
    return _marks(_ESCAPE.sub(_unescape, raw))


def heredoc(raw: str) -> str | None:
    """A whole heredoc, marks included → its text; None when it has interpolations or directives."""
    first, _, rest = raw.replace("\r\n", "\n").partition("\n")
    lines = rest.rstrip("\n").split("\n")[:-1]
    if any(_OPEN_MARK.search(line) for line in lines):
        return None
    if first.startswith("<<-"):
        indents = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()]
        least = min(indents, default=0)
        lines = [line[least:] if line.strip() else line.lstrip(" \t") for line in lines]
    return _marks("".join(line + "\n" for line in lines))


def comment(raw: str) -> str:
    """A whole comment, its marks included → what it says."""
    raw = raw.strip()
    if raw.startswith("/*"):
        return raw.removeprefix("/*").removesuffix("*/").strip()
    return raw.removeprefix("#" if raw.startswith("#") else "//").strip()


def number(raw: str) -> int | float | None:
    """None for what Python cannot hold as the number it is."""
    if len(raw) > _MAX_DIGITS:
        return None
    try:
        return int(raw)
    except ValueError:
        value = float(raw)
    return value if math.isfinite(value) else None


def _marks(text: str) -> str:
    return _MARK.sub(lambda match: match[0][1:], text)


def _unescape(match: re.Match[str]) -> str:
    short, long, simple = match.groups()
    if short or long:
        code = int(short or long, 16)
        if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
            raise ValueError(f"a text holds {match[0]}, which is no character")
        return chr(code)
    if simple not in _SIMPLE:
        known = r"\n, \r, \t, \", \\, \uNNNN and \UNNNNNNNN"
        raise ValueError(f"a text holds {match[0]}, which HCL does not know; it has {known}")
    return _SIMPLE[simple]
