"""What exists in a project, read over REST: implements `ports.Estate` for Google Cloud and the local one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from tidegate.adapters.rest_errors import PASSING, Refused, is_passing, said, translated
from tidegate.adapters.retry import Retrying
from tidegate.core.adopt import Look
from tidegate.core.errors import NotFound

if TYPE_CHECKING:
    import requests

GOOGLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "iam": "https://iam.googleapis.com/v1/",
        "logging": "https://logging.googleapis.com/v2/",
        "monitoring": "https://monitoring.googleapis.com/",
        "projects": "https://cloudresourcemanager.googleapis.com/v1/",
        "run": "https://run.googleapis.com/v2/",
        "scheduler": "https://cloudscheduler.googleapis.com/v1/",
        "secrets": "https://secretmanager.googleapis.com/v1/",
        "storage": "https://storage.googleapis.com/storage/v1/",
    }
)
_LOCAL_PATHS = {
    "iam": "v1/", "logging": "v2/", "monitoring": "", "projects": "v1/", "run": "v2/", "scheduler": "v1/",
    "secrets": "v1/", "storage": "storage/v1/",
}  # fmt: skip
_GRANT = "grant the account tidegate runs as the right to read it"
_PAGE = 100
_MOST_PAGES = 100


def local_addresses(rest: str) -> dict[str, str]:
    """The same APIs below the REST root of a local Cloud Run."""
    return {api: f"{rest}/{path}" for api, path in _LOCAL_PATHS.items()}


def plain_session() -> requests.Session:
    """Without credentials, and without the proxies of the environment: for this machine's own ports."""
    import requests

    session = requests.Session()
    session.trust_env = False
    return session


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
        timeout = self._retrying.policy.timeout
        try:
            with (
                translated(f"read {look.path}", timeout, denied=_GRANT),
                contextlib.closing(self._open_session()) as session,
            ):
                return self._pages(session, look)
        except NotFound:
            return None

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
        raise Refused(413, f"more than {_MOST_PAGES * _PAGE} entries")

    def _ask(self, session: requests.Session, look: Look, asked: Mapping[str, str]) -> Mapping[str, Any]:
        url = self._addresses[look.api] + look.path
        body: dict[str, str] | None = {} if look.verb == "POST" else None

        def attempt() -> requests.Response:
            answer = session.request(
                look.verb, url, params=asked, json=body, timeout=self._retrying.policy.timeout,
                allow_redirects=False,
            )  # fmt: skip
            if answer.status_code in PASSING:
                raise Refused(answer.status_code, said(answer.content))
            return answer

        answer = self._retrying.call(attempt, is_passing)
        if answer.status_code != 200:
            raise Refused(answer.status_code, said(answer.content))
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refused(answer.status_code, "the answer is not a JSON object")
        return found
