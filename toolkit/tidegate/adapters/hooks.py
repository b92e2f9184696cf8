"""Hooks as commands and HTTP calls: implements `ports.Hooks`."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tidegate.adapters import commands
from tidegate.adapters.notifier import is_loopback
from tidegate.adapters.terraform.secrets import secrets_in_environment
from tidegate.adapters.terraform.stream import Masker
from tidegate.adapters.within import within
from tidegate.core.errors import Interrupted
from tidegate.ports import Given, Hook, HookResult, HttpCall

if TYPE_CHECKING:
    import requests

_SHOWN = 200
_MOST_ANSWER = 4096
_LONGEST_VARIABLE = 4000


class HookRunner:
    """`environment` is what commands inherit, and where `{env: NAME}` is looked up.

    `say` gets a command's output, line by line. Secrets of the environment are masked in whatever is said.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        say: Callable[[str], None] = lambda _: None,
        *,
        grace: float = commands.GRACE,
    ) -> None:
        self._environment = dict(environment)
        self._say = say
        self._grace = grace

    def run(self, hook: Hook, context: Mapping[str, str]) -> HookResult:
        started = time.monotonic()
        mask = Masker((*secrets_in_environment(self._environment), *self._taken(hook)))
        try:
            failure = (
                self._call(hook.http, hook, context) if hook.http else self._command(hook, context, mask)
            )
        except Interrupted:
            raise
        except TimeoutError:
            failure = f"not done within {hook.timeout:g} s"
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the hook's failure and no crash
            failure = _kind(error)
        seconds = time.monotonic() - started
        said = f"failed: {failure}" if failure else f"is done, in {seconds:.1f} s"
        return HookResult(not failure, _on_one_line(mask(f"hook {hook.name} {said}")), seconds)

    def _taken(self, hook: Hook) -> tuple[str, ...]:
        """What the hook takes out of the environment by name, which is as secret as it gets."""
        given = () if hook.http is None else (hook.http.url, *hook.http.headers.values())
        return tuple(self._environment.get(one.env, "") for one in given if one.env)

    def _command(self, hook: Hook, context: Mapping[str, str], mask: Masker) -> str:
        try:
            ended = commands.run(
                hook.command,
                environment=self._environment | variables(context),
                timeout=hook.timeout,
                on_line=lambda line: self._say(f"{hook.name}: {mask(line)}"),
                grace=self._grace,
            )
        except OSError as error:
            return f"{hook.command[0]} cannot be started: {error.strerror or type(error).__name__}"
        if ended.code == 0:
            return ""
        last = f": {ended.tail[-1][:_SHOWN]}" if ended.tail else ""
        return f"{_ending(ended.code, hook.timeout)}{last}"

    def _call(self, call: HttpCall, hook: Hook, context: Mapping[str, str]) -> str:
        try:
            url = self._value(call.url)
            headers = {name: self._value(given) for name, given in call.headers.items()}
        except LookupError as error:
            return f"the variable {error.args[0]} of the environment is not set"
        return within(hook.timeout, lambda: _request(call, url, headers, context, hook.timeout), "hook")

    def _value(self, given: Given) -> str:
        """Raises LookupError with the name of a variable that is not set."""
        if not given.env:
            return given.prefix
        found = self._environment.get(given.env, "").strip()
        if not found:
            raise LookupError(given.env)
        return given.prefix + found


def variables(context: Mapping[str, str]) -> dict[str, str]:
    """The context as environment variables: TIDEGATE_ and the name in capitals."""
    return {f"TIDEGATE_{name.upper()}": value[:_LONGEST_VARIABLE] for name, value in context.items()}


def _request(
    call: HttpCall, url: str, headers: Mapping[str, str], context: Mapping[str, str], timeout: float
) -> str:
    """The failure in words. A redirect is judged as the answer it is: it could lead the secrets elsewhere."""
    import requests

    sent = {"User-Agent": "tidegate"}
    body: bytes | None = None
    if call.method != "GET":
        body = (json.dumps(dict(context)) if call.body is None else call.body).encode()
        if call.body is None:
            sent["Content-Type"] = "application/json"
    with requests.Session() as session:
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")
        try:
            with session.request(
                call.method, url, data=body, headers=sent | dict(headers), auth=_as_given,
                timeout=timeout, allow_redirects=False, stream=True,
            ) as answer:  # fmt: skip
                return _judge(answer, call.status)
        except requests.Timeout as error:
            raise TimeoutError from error


def _as_given(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without an `auth` of its own, requests would put a login out of ~/.netrc over the given header."""
    return request


def _judge(answer: requests.Response, wanted: int | None) -> str:
    if (200 <= answer.status_code < 300) if wanted is None else answer.status_code == wanted:
        return ""
    expected = "a 2xx" if wanted is None else str(wanted)
    said = answer.raw.read1(_MOST_ANSWER, decode_content=True).decode("utf-8", errors="replace")
    said = " ".join(said.split())[:_SHOWN]
    return f"answered {answer.status_code}, expected {expected}" + (f": {said}" if said else "")


def _ending(code: int | None, timeout: float) -> str:
    if code is None:
        return f"not done within {timeout:g} s"
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def _kind(error: BaseException) -> str:
    """What the system says of it, else only the kind: the text of a requests error repeats the URL."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


def _on_one_line(text: str) -> str:
    return "".join(c for c in " ".join(text.split()) if c.isprintable())
