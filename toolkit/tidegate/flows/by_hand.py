"""What a person types to take the traffic back where tidegate could not."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from tidegate.ports import ServiceName

Command = Callable[[ServiceName, str], str]
"""Sends all traffic of a service to one of its revisions."""


def gcloud(name: ServiceName, revision: str) -> str:
    """Needs nothing of tidegate."""
    return (
        f"gcloud run services update-traffic {name.service} --project={name.project} "
        f"--region={name.region} --to-revisions={revision}=100"
    )


def locally(name: ServiceName, revision: str, directory: str) -> str:
    """For the local Cloud Run in this directory, which `gcloud` does not know, running or not."""
    where = shlex.quote(directory)
    return (
        f"tidegate local up --directory {where} && tidegate rollback --to {revision} --no-watch "
        f"--service {name.service} --project {name.project} --region {name.region} "
        f"--target local --local-directory {where}"
    )
