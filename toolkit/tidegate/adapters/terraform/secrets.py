"""Credentials in the environment, which must not be shown."""

from __future__ import annotations

import re
from collections.abc import Mapping

_TELLING_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS|PRIVATE_KEY|API_KEY", re.IGNORECASE)
SHORTEST_CREDENTIAL = 8
"""Characters; a shorter one is a placeholder, and often a word that stands elsewhere too."""


def secrets_in_environment(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The values of variables whose names say that they are secret. Paths of credential files are not."""
    return tuple(
        value
        for name, value in environment.items()
        if len(value) >= SHORTEST_CREDENTIAL
        and _TELLING_NAME.search(name)
        and not value.startswith(("/", "./", "~"))
    )
