"""One container of a live service as a spec writes it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tidegate.core.secrets import secret_name, secret_value

Found = dict[str, Any]

_ASSIGNED = re.compile(r"([\w-]+)[=:]\s*(\S+)")
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})
_UNSAID = {
    "baseImageUri": "automatic base image updates",
    "sourceCode": "source code",
    "readinessProbe": "a readiness probe",
}


def seconds(duration: str) -> str:
    """A duration of the API, `3.500s`, as a spec has it."""
    return f"{float(duration.removesuffix('s')):g}s"


def container(given: Mapping[str, Any], alone: bool, sockets: Collection[str], left: list[str]) -> Found:
    """`sockets` are the volumes of Cloud SQL, which a spec mounts by itself; `left` gets what is left out."""
    name = str(given.get("name") or "app")
    if not given.get("name"):
        left.append(
            "that its container has no name: a spec calls it app" if alone else "the name of a container"
        )
    port = (given.get("ports") or [{}])[0]
    env, secrets = _environment(given.get("env") or ())
    resources = given.get("resources") or {}
    limits = resources.get("limits") or {}
    left += [f"{what} of {name}" for key, what in _UNSAID.items() if given.get(key)]
    left += [f"{key} of {name}" for key in limits if key not in ("cpu", "memory")]
    if env:
        left.append(f"environment variables of {name}, whose values may be secret: {', '.join(env)}")
    found: Found = {
        "name": name,
        "image": given.get("image"),
        "port": port.get("containerPort"),
        "http2": port.get("name") == "h2c" or None,
        "command": _words(given.get("command") or (), f"command of {name}", left),
        "args": _words(given.get("args") or (), f"args of {name}", left),
        "working_dir": given.get("workingDir"),
        "resources": {
            **{key: str(limits[key]) for key in ("cpu", "memory") if key in limits},
            **({"startup_cpu_boost": True} if resources.get("startupCpuBoost") else {}),
        },
        "secrets": secrets,
        "mounts": {
            m["name"]: m["mountPath"] for m in given.get("volumeMounts") or () if m["name"] not in sockets
        },
        "probes": {
            kind: _probe(given[key], f"{kind} probe of {name}", left)
            for kind, key in (("startup", "startupProbe"), ("liveness", "livenessProbe"))
            if given.get(key)
        },
        "depends_on": list(given.get("dependsOn") or ()),
    }
    if port and not given.get("startupProbe"):
        left.append(f"that {name} has no startup probe: a spec writes one down")
    return {key: value for key, value in found.items() if value not in (None, "", [], {})}


def _environment(variables: Sequence[Mapping[str, Any]]) -> tuple[list[str], dict[str, Found]]:
    """Names of the plain ones, and the ones that come from Secret Manager."""
    plain, secrets = [], {}
    for variable in variables:
        ref = (variable.get("valueSource") or {}).get("secretKeyRef")
        if ref:
            secrets[str(variable["name"])] = {
                "secret": str(ref["secret"]), "version": str(ref.get("version") or "latest"),
            }  # fmt: skip
        else:
            plain.append(str(variable.get("name")))
    return plain, secrets


def _words(words: Sequence[str], what: str, left: list[str]) -> list[str]:
    """All of them or none: a command line without one of its words is another one."""
    if any(secret_value(word) or _assigns_secret(word) for word in words) or _flag_of_secret(words):
        left.append(f"{what}, which seem to hold a secret")
        return []
    return list(words)


def _assigns_secret(word: str) -> bool:
    return any(secret_name(found[1], found[2]) for found in _ASSIGNED.finditer(word))


def _flag_of_secret(words: Sequence[str]) -> bool:
    return any(flag.startswith("-") and secret_name(flag, value) for flag, value in itertools.pairwise(words))


def _probe(given: Mapping[str, Any], what: str, left: list[str]) -> Found:
    found: Found = {}
    if (http := given.get("httpGet")) is not None:
        headers = {str(h["name"]): str(h.get("value", "")) for h in http.get("httpHeaders") or ()}
        kept = {n: v for n, v in headers.items() if n.lower() not in _CREDENTIALS and not secret_name(n, v)}
        left += [f"header {name} of the {what}, which may be secret" for name in headers if name not in kept]
        found["http"] = _some(path=http.get("path") or "/", port=http.get("port"), headers=kept)
    elif (grpc := given.get("grpc")) is not None:
        found["grpc"] = _some(port=grpc.get("port"), service=grpc.get("service"))
    else:
        found["tcp"] = _some(port=(given.get("tcpSocket") or {}).get("port"))
    return found | {
        "initial_delay": f"{int(given.get('initialDelaySeconds') or 0)}s",
        "period": f"{int(given.get('periodSeconds') or 10)}s",
        "timeout": f"{int(given.get('timeoutSeconds') or 1)}s",
        "failure_threshold": int(given.get("failureThreshold") or 3),
    }


def _some(**values: Any) -> Found:
    return {name: value for name, value in values.items() if value not in (None, "", {}, [])}
