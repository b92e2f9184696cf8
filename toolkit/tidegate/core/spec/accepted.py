"""Findings of policies that are accepted for the whole service."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tidegate.core.spec.base import Model


class Accepted(Model):
    """A rule that may be broken. That there is such a rule, and that it is broken, the policies say."""

    rule: Annotated[str, Field(pattern=r"^TG[0-9]{3}$")]
    reason: Annotated[str, Field(pattern=r"\S", max_length=500)]
