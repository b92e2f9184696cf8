"""What goes wrong with Google's REST APIs → `RemoteError`, each one sentence and a way out.

The sibling of `grpc_errors`, for what has no client of its own.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
from collections.abc import Iterator

from tidegate.core.errors import Denied, NotFound, Rejected, RemoteError, Unreachable

PASSING = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that a repeated read may cure."""
_LONGEST = 300
_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_MOST_READ = 4096


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{said} (HTTP {status})")
        self.status = status


def is_passing(error: Exception) -> bool:
    """Whether the call is worth another attempt."""
    import requests

    if isinstance(error, Refused):
        return error.status in PASSING
    return isinstance(error, requests.ConnectionError | requests.Timeout)


@contextlib.contextmanager
def translated(doing: str, timeout: float, *, denied: str, rejected: str = "") -> Iterator[None]:
    """Raises the `RemoteError` for whatever a call inside runs into.

    `doing` completes "cannot …"; `denied` and `rejected` say the way out of a 403, and of a request that the
    API does not accept; `timeout` is what the call was given, in seconds.
    """
    import requests
    from google.auth.exceptions import GoogleAuthError

    from tidegate.adapters.grpc_errors import translate

    try:
        yield
    except Refused as error:
        raise _refusal(error, doing, denied, rejected) from error
    except requests.Timeout as error:
        raise Unreachable(f"cannot {doing}: no answer within {timeout:g} s", hint="try again") from error
    except GoogleAuthError as error:
        raise translate(error, doing) from error
    except (requests.RequestException, OSError) as error:
        raise Unreachable(f"cannot {doing}: {_innermost(error)}", hint="check the network") from error


def _refusal(error: Refused, doing: str, denied: str, rejected: str) -> RemoteError:
    from tidegate.adapters.grpc_errors import LOGIN_HINT

    sentence = f"cannot {doing}: {error}"
    match error.status:
        case 401:
            return Denied(sentence, hint=LOGIN_HINT)
        case 403:
            return Denied(sentence, hint=denied)
        case 404:
            return NotFound(sentence, hint="check the project")
        case status if status in PASSING:
            return Unreachable(sentence, hint="try again")
    return Rejected(sentence, hint=rejected)


def said(body: bytes) -> str:
    """The message of a Google error, or Prometheus' own `error` text; the title of a page, or its words;
    the first words of anything else."""
    text = body.decode(errors="replace")
    with contextlib.suppress(ValueError, AttributeError, RecursionError):
        error = json.loads(text).get("error", "")
        text = str(error.get("message", "")) if isinstance(error, dict) else str(error)
    if _PAGE.match(text):
        title = _TITLE.search(text[:_MOST_READ])
        text = html.unescape(title[1] if title else _TAG.sub(" ", text[:_MOST_READ]))
    return cut(text.encode(errors="replace").decode()) or "refused"


def cut(text: str, longest: int = _LONGEST) -> str:
    """On one line, and no longer than that."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _innermost(error: BaseException) -> str:
    """The cause, without the layers of the HTTP library around it."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return cut(str(getattr(error, "strerror", None) or error) or type(error).__name__)
