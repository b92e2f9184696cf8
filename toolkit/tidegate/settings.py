"""Flags and environment, read once into a frozen value. Nothing below reads the environment again."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

TargetKind = Literal["google", "local"]
LOCAL_DIRECTORY = Path(".tidegate") / "local"


@dataclass(frozen=True)
class Settings:
    """Where to deploy to and who is asking.

    `work` holds rendered roots and reports, `local` the state directory of the local Cloud Run.
    """

    target: TargetKind = "google"
    work: Path = Path(".tidegate")
    local: Path = LOCAL_DIRECTORY
    owner: str = "unknown"
    webhooks: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def read(
    target: TargetKind = "google",
    *,
    local: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """`environment` is the process's own unless given. TIDEGATE_LOCAL, TIDEGATE_OWNER and TIDEGATE_WEBHOOKS
    (addresses separated by blanks) are read from it."""
    env = dict(os.environ if environment is None else environment)
    return Settings(
        target=target,
        work=Path(".tidegate"),
        local=local or Path(env.get("TIDEGATE_LOCAL") or LOCAL_DIRECTORY),
        owner=env.get("TIDEGATE_OWNER") or _owner(env),
        webhooks=tuple(env.get("TIDEGATE_WEBHOOKS", "").split()),
        environment=env,
    )


def _owner(env: Mapping[str, str]) -> str:
    """Who a colleague would have to ask: the CI run with its address, or the person and the machine."""
    if env.get("GITHUB_ACTIONS") == "true":
        run = f"{env.get('GITHUB_SERVER_URL', '')}/{env.get('GITHUB_REPOSITORY', '')}/actions/runs/"
        return f"{env.get('GITHUB_ACTOR', 'github')} ({run}{env.get('GITHUB_RUN_ID', '')})"
    if env.get("CI_JOB_URL"):
        return f"{env.get('GITLAB_USER_LOGIN', 'gitlab')} ({env['CI_JOB_URL']})"
    if env.get("BUILD_ID") and env.get("PROJECT_ID"):
        return f"Cloud Build {env['BUILD_ID']}"
    try:
        person = getpass.getuser()
    except (KeyError, OSError):  # no such user in the password file, as in some containers
        person = f"uid {os.getuid()}"
    return f"{person}@{socket.gethostname()}"
