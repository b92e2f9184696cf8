"""`rollout.hooks`: commands and HTTP calls around a rollout."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from tidegate.core.secrets import secret_name
from tidegate.core.spec.base import Model
from tidegate.core.spec.given import Given, no_secret
from tidegate.core.spec.values import PositiveDuration, matching

Moment = Literal["before_apply", "before_traffic", "after"]
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers that are nothing but credentials, whatever the rule about names makes of theirs."""
_ADDRESS = ("http://", "https://")

Word = Annotated[str, StringConstraints(max_length=4096), AfterValidator(no_secret)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=60)]
HeaderName = Annotated[
    str,
    matching(
        r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", "is not the name of a header: letters, digits and hyphens"
    ),
]


class HttpCall(Model):
    """One request. Without a `body` it carries what the hook is told, as JSON; a GET carries nothing."""

    url: Given
    method: Literal["GET", "POST", "PUT", "PATCH"] = "POST"
    headers: dict[HeaderName, Given] = Field(default_factory=dict, max_length=30)
    body: Annotated[str, Field(max_length=32768), AfterValidator(no_secret)] | None = None
    status: Annotated[int, Field(ge=100, le=599)] | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if not (self.url.prefix.startswith(_ADDRESS) or (self.url.env and not self.url.prefix)):
            raise PydanticCustomError(
                "url", "needs a url that starts with https:// or http://, or {env: NAME}"
            )
        if self.method == "GET" and self.body is not None:
            raise PydanticCustomError("body", "has a body, which a GET does not carry")
        return self

    @model_validator(mode="after")
    def _secrets_stay_outside(self) -> Self:
        for name, given in self.headers.items():
            told = given.prefix if given.env is None else ""
            if told and (name.lower() in _CREDENTIALS or secret_name(name, told)):
                raise PydanticCustomError(
                    "secret", "has the header {name} in clear text; write {env: NAME}", {"name": name}
                )
        for name, value in _asked(self.url.prefix):
            if secret_name(name, value):
                raise PydanticCustomError(
                    "secret",
                    "has {name} in clear text in its url; write {prefix: https://…, env: NAME}",
                    {"name": name},
                )
        return self


class Hook(Model):
    """Exactly one of `command` and `http`. What goes wrong with an `after` hook is only reported."""

    when: Moment
    name: Title | None = None
    command: tuple[Word, ...] = ()
    http: HttpCall | None = None
    timeout: PositiveDuration = 60.0

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if bool(self.command) == (self.http is not None):
            raise PydanticCustomError("hook", "needs exactly one of command and http")
        if self.command and not self.command[0].strip():
            raise PydanticCustomError("hook", "has a command without a name")
        return self

    @property
    def title(self) -> str:
        """What it is called in messages: its name, its program, or the host it calls."""
        if self.name:
            return self.name
        if self.http is None:
            return self.command[0].rpartition("/")[2] or self.command[0]
        return _host(self.http.url.prefix) or str(self.http.url.env)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _asked(url: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(url).query)
    except ValueError:
        return []
