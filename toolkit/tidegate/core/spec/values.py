"""The scalar types of a spec: what a duration, a quantity, a name may look like."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

_DURATION = re.compile("".join(rf"(?:(\d+(?:\.\d+)?){unit})?" for unit in ("d", "h", "m(?!s)", "s", "ms")))
_SECONDS = (86400.0, 3600.0, 60.0, 1.0, 0.001)
_MEMORY = re.compile(r"(\d+)(Ki|Mi|Gi|k|M|G)?")
_MEMORY_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
_CPU = re.compile(r"(\d+(?:\.\d+)?)|(\d+)m")
_PERCENTAGE = re.compile(r"(\d+(?:\.\d+)?) ?%")
PromLabel = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
SeriesLabel = re.compile(r"(?:metric|resource)\.labels?\.[a-zA-Z_][a-zA-Z0-9_]*")


def seconds(value: Any) -> Any:
    """`90s`, `10m`, `1h30m`, `2d` → seconds. A bare number is refused: in which unit?"""
    if isinstance(value, str) and value and (match := _DURATION.fullmatch(value)):
        return sum(float(part) * unit for part, unit in zip(match.groups(), _SECONDS, strict=True) if part)
    raise PydanticCustomError(
        "duration", "is not a duration; write it with its unit, such as 250ms, 90s, 10m or 1h30m"
    )


def share(value: Any) -> Any:
    """`20%` → 0.2; a number stays what it is."""
    if isinstance(value, str):
        match = _PERCENTAGE.fullmatch(value)
        if match is None:
            raise PydanticCustomError("share", "is not a share; write it such as 0.2 or 20%")
        return float(match[1]) / 100
    return value


def _memory(value: str) -> str:
    if not _MEMORY.fullmatch(value):
        raise PydanticCustomError("memory", "is not an amount of memory; write it such as 512Mi or 2Gi")
    return value


def memory_bytes(value: str) -> int:
    """`512Mi` → 536870912. The value has been validated."""
    digits = value.rstrip("KMGik")
    return int(digits) * _MEMORY_UNITS[value[len(digits) :]]


def _cpu(value: str) -> str:
    if not _CPU.fullmatch(value):
        raise PydanticCustomError("cpu", 'is not an amount of CPU; write it such as "1", "0.5" or 500m')
    return value


def cpu_count(value: str) -> float:
    """`500m` → 0.5 vCPU. The value has been validated."""
    return float(value[:-1]) / 1000 if value.endswith("m") else float(value)


def matching(pattern: str, message: str) -> AfterValidator:
    """Refuses a text that the whole pattern does not match; `message` goes on from the text: `is not …`."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise PydanticCustomError("form", "{what}", {"what": message})
        return value

    return AfterValidator(check)


Duration = Annotated[float, BeforeValidator(seconds)]
PositiveDuration = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
Share = Annotated[float, BeforeValidator(share), Field(ge=0)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Memory = Annotated[str, AfterValidator(_memory)]
Cpu = Annotated[str, AfterValidator(_cpu)]
ServiceId = Annotated[
    str,
    matching(
        r"[a-z](?:[-a-z0-9]{0,47}[a-z0-9])?",
        "is not a service name: lower-case letters, digits and hyphens, at most 49, starting with a letter",
    ),
]
ProjectId = Annotated[
    str,
    matching(
        r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]",
        "is not a project id: 6 to 30 lower-case letters, digits and hyphens, starting with a letter",
    ),
]
Region = Annotated[str, matching(r"[a-z]+-[a-z]+\d+", "is not a region; write it such as europe-west1")]
ContainerName = Annotated[
    str,
    matching(
        r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?", "is not a container name: lower-case letters, digits, hyphens"
    ),
]
EnvName = Annotated[
    str,
    matching(
        r"[A-Za-z_][A-Za-z0-9_]*", "is not the name of an environment variable: letters, digits, underscores"
    ),
]
SecretName = Annotated[
    str,
    matching(
        r"(?:projects/[^/\s]+/secrets/)?[A-Za-z0-9_-]{1,255}",
        "is not a secret: write its id, or projects/PROJECT/secrets/ID",
    ),
]
SecretVersion = Annotated[
    str, matching(r"latest|[1-9]\d*", 'is not a secret version: a number such as "3", or latest')
]
LabelKey = Annotated[
    str, matching(r"[a-z][a-z0-9_-]{0,62}", "is not a label key: lower-case letters, digits, _ and -")
]
LabelValue = Annotated[
    str, matching(r"[a-z0-9_-]{0,63}", "is not a label value: lower-case letters, digits, _ and -")
]
MetricName = Annotated[
    str,
    matching(r"[a-zA-Z_:][a-zA-Z0-9_:]*", "is not the name of a Prometheus metric: letters, digits, _ and :"),
]
HttpPath = Annotated[
    str, matching(r"/[^\s#]*", "is not a path on the service; it starts with / and has no blanks")
]
Email = Annotated[str, matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "is not an email address")]
Member = Annotated[
    str,
    matching(
        r"allUsers|allAuthenticatedUsers|(?:user|group|serviceAccount|domain|principal|principalSet):\S+",
        "is not an IAM member; write it such as serviceAccount:NAME@PROJECT.iam.gserviceaccount.com",
    ),
]
ChannelName = Annotated[
    str,
    matching(
        r"projects/[^/\s]+/notificationChannels/[^/\s]+",
        "is not a notification channel; write projects/PROJECT/notificationChannels/ID",
    ),
]
BucketName = Annotated[str, matching(r"[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]", "is not the name of a bucket")]
