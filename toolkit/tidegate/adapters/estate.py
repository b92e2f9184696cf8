"""What exists in a project, read over REST: implements `ports.Estate` for Google Cloud and the local one."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from tidegate.adapters.retry import Retrying
from tidegate.core.adopt import Look
from tidegate.core.errors import Denied, Rejected, RemoteError, Unreachable

if TYPE_CHECKING:
    import requests

GOOGLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "iam": "https://iam.googleapis.com/v1/",
        "logging": "https://logging.googleapis.com/v2/",
        "monitoring": "https://monitoring.googleapis.com/",
        "projects": "https://cloudresourcemanager.googleapis.com/v1/",
        "run": "https://run.googleapis.com/v2/",
        "secrets": "https://secretmanager.googleapis.com/v1/",
    }
)
_LOCAL_PATHS = {
    "iam": "v1/", "logging": "v2/", "monitoring": "", "projects": "v1/", "run": "v2/", "secrets": "v1/",
}  # fmt: skip
_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_PAGE = 100
_MOST_PAGES = 100
_LONGEST = 300


def local_addresses(rest: str) -> dict[str, str]:
    """The same APIs below the REST root of a local Cloud Run."""
    return {api: f"{rest}/{path}" for api, path in _LOCAL_PATHS.items()}


def plain_session() -> requests.Session:
    """Without credentials, and without the proxies of the environment: for this machine's own ports."""
    import requests

    session = requests.Session()
    session.trust_env = False
    return session


class _Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{said} (HTTP {status})")
        self.status = status


class RestEstate:
    """Reads and nothing else. `open_session` makes an HTTP session that carries the credentials."""

    def __init__(
        self,
        open_session: Callable[[], requests.Session],
        retrying: Retrying,
        addresses: Mapping[str, str] = GOOGLE,
    ) -> None:
        self._open_session = open_session
        self._retrying = retrying
        self._addresses = addresses

    def read(self, look: Look) -> Mapping[str, Any] | None:
        import requests
        from google.auth.exceptions import GoogleAuthError

        from tidegate.adapters.grpc_errors import translate

        doing = f"read {look.path}"
        try:
            with contextlib.closing(self._open_session()) as session:
                return self._pages(session, look)
        except _Refused as error:
            if error.status == 404:
                return None
            raise _translated(error, doing) from error
        except GoogleAuthError as error:
            raise translate(error, doing) from error
        except (requests.RequestException, OSError) as error:
            raise Unreachable(f"cannot {doing}: {_cut(str(error))}", hint="check the network") from error

    def _pages(self, session: requests.Session, look: Look) -> Mapping[str, Any]:
        if not look.collection:
            return self._ask(session, look, {})
        found: list[Any] = []
        token = ""
        for _ in range(_MOST_PAGES):
            asked = {"pageSize": str(_PAGE), **({"pageToken": token} if token else {})}
            page = self._ask(session, look, asked)
            found += page.get(look.collection, ())
            token = str(page.get("nextPageToken", ""))
            if not token:
                return {look.collection: found}
        raise _Refused(413, f"more than {_MOST_PAGES * _PAGE} entries")

    def _ask(self, session: requests.Session, look: Look, asked: Mapping[str, str]) -> Mapping[str, Any]:
        url = self._addresses[look.api] + look.path
        body: dict[str, str] | None = {} if look.verb == "POST" else None

        def attempt() -> requests.Response:
            answer = session.request(
                look.verb, url, params=asked, json=body, timeout=self._retrying.policy.timeout,
                allow_redirects=False,
            )  # fmt: skip
            if answer.status_code in _PASSING:
                raise _Refused(answer.status_code, _said(answer))
            return answer

        answer = self._retrying.call(attempt, _is_passing)
        if answer.status_code != 200:
            raise _Refused(answer.status_code, _said(answer))
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise _Refused(answer.status_code, "the answer is not a JSON object")
        return found


def _is_passing(error: Exception) -> bool:
    import requests

    if isinstance(error, _Refused):
        return error.status in _PASSING
    return isinstance(error, requests.ConnectionError | requests.Timeout)


def _translated(error: _Refused, doing: str) -> RemoteError:
    from tidegate.adapters.grpc_errors import LOGIN_HINT

    sentence = f"cannot {doing}: {error}"
    match error.status:
        case 401:
            return Denied(sentence, hint=LOGIN_HINT)
        case 403:
            return Denied(sentence, hint="grant the account tidegate runs as the right to read it")
        case status if status in _PASSING:
            return Unreachable(sentence, hint="try again")
    return Rejected(sentence)


def _said(answer: requests.Response) -> str:
    with contextlib.suppress(ValueError, AttributeError, TypeError):
        return _cut(str(json.loads(answer.content)["error"]["message"]))
    return _cut(answer.text) or "refused"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
