"""Texts that may be secret: written out, or left to the environment of whoever runs tidegate."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from tidegate.core.secrets import secret_value
from tidegate.core.spec.base import Model
from tidegate.core.spec.values import EnvName

_LONGEST = 4096


def no_secret(text: str) -> str:
    """Refuses what has the shape of a secret, without repeating it."""
    if kind := secret_value(text):
        raise PydanticCustomError(
            "secret", "holds {kind} in clear text; leave it to a variable of the environment", {"kind": kind}
        )
    return text


class FromEnv(Model):
    """The whole text is the value of a variable."""

    env: EnvName

    @model_validator(mode="before")
    @classmethod
    def _not_written_out(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise PydanticCustomError(
                "env", "stands in clear text; put it into a variable and write {env: NAME}"
            )
        return value


class Given(Model):
    """A text as it is written, or `{env: NAME}`; with `prefix` both, one after the other."""

    prefix: Annotated[str, Field(max_length=_LONGEST)] = ""
    env: EnvName | None = None

    @model_validator(mode="before")
    @classmethod
    def _written_out(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"prefix": value}
        if not isinstance(value, dict | Given):
            raise PydanticCustomError("given", "is neither a text nor {env: NAME}")
        return value

    @model_validator(mode="after")
    def _bears_being_seen(self) -> Self:
        if "\n" in self.prefix or "\r" in self.prefix:
            raise PydanticCustomError("given", "has a line break in it")
        no_secret(self.prefix)
        return self
