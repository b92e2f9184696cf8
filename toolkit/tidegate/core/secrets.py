"""What looks like a secret: by the name of a variable, or by the shape of a value.

Meant to be silent on the names around secrets (`TOKEN_URL`, `PASSWORD_FILE`, `MAX_TOKENS`, `PUBLIC_KEY`).
"""

from __future__ import annotations

import re

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----")),
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a Google API key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}(?![0-9A-Za-z_-])")),
    ("a Google OAuth token", re.compile(r"\bya29\.[0-9A-Za-z_-]{20,}")),
    ("a Google OAuth client secret", re.compile(r"\bGOCSPX-[0-9A-Za-z_-]{20,}")),
    ("a GitHub token", re.compile(r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{22,})")),
    ("a GitLab token", re.compile(r"\bglpat-[0-9A-Za-z_-]{20,}")),
    ("a Slack token", re.compile(r"\bxox[abeoprs]-[0-9A-Za-z-]{10,}")),
    ("a Slack webhook", re.compile(r"https://hooks\.slack\.com/services/T\w+/B\w+/\w{16,}")),
    ("a Stripe key", re.compile(r"\b[rs]k_live_[0-9A-Za-z]{20,}")),
    ("a SendGrid key", re.compile(r"\bSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}")),
    ("a JSON web token", re.compile(r"\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}")),
    (
        "an address with a password",
        re.compile(r"\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@?#]*:[^\s/:@$%{}<>*]+@[^\s/]"),
    ),
)

_SECRET = re.compile(
    r"API(?:KEY|TOKEN)|CREDENTIALS?|CREDS|PASS(?:CODE|PHRASE|WD|WORDS?)?|PSWD|PWD|SECRETS?|TOKEN"
)
_KEY_OF = re.compile(r"ACCESS|ACCOUNT|API|APP|AUTH|ENCRYPTION|HMAC|JWT|MASTER|PRIVATE|SECRET|SIGNING|SSH")
"""What makes a `…_KEY` a secret one; a PUBLIC_KEY or a PARTITION_KEY is none."""
_DECORATION = re.compile(r"B|BASE|BLUE|DEV|GREEN|HEX|JSON|NEW|OLD|PEM|PROD|STAGING|TEST|V|VALUE|\d+")
_QUESTION = re.compile(r"ALLOW|DISABLE|ENABLE|HAS|IS|MAX|MIN|NUM|PUBLIC|REQUIRES?|SKIP|USES?")
_HARMLESS = re.compile(
    r"\s*|true|false|yes|no|on|off|none|null|enabled|disabled|required|optional"
    r"|/(?:[\w.-]+/)+[\w.-]+|projects/[^/]+/secrets/.+"
    r"|(?:sm|gcpsm|vault|secret|ref|file|env)(?:\+\w+)?:.+|\$\{?\w+\}?",
    re.IGNORECASE,
)
"""Switches, paths of mounted files, and references that something else resolves."""


def secret_value(value: str) -> str:
    """What kind of secret the value has the shape of, with its article; empty for none."""
    return next((kind for kind, shape in _SHAPES if shape.search(value)), "")


def secret_name(name: str, value: str) -> bool:
    """Whether a variable of this name holds a secret, and `value` is not a harmless one."""
    words = [w.upper() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)]
    while len(words) > 1 and _DECORATION.fullmatch(words[-1]):
        words.pop()
    if not words or words == ["PWD"] or _QUESTION.fullmatch(words[0]) or _HARMLESS.fullmatch(value):
        return False
    if words[-1] == "KEY":
        return any(map(_KEY_OF.fullmatch, words[:-1]))
    return _SECRET.fullmatch(words[-1]) is not None
