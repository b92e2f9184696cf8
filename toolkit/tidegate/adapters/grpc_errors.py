"""Foreign errors of the Google clients → `RemoteError`, each one sentence and a way out."""

from __future__ import annotations

import re
from collections.abc import Callable

import grpc
from google.api_core import exceptions as api
from google.auth import exceptions as auth

from tidegate.core.errors import (
    Conflict,
    Denied,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RemoteError,
    Unreachable,
)

FOREIGN = (api.GoogleAPIError, grpc.RpcError, auth.GoogleAuthError)
"""Everything the Google clients raise for a call that failed."""

LOGIN_HINT = (
    "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file; "
    "`tidegate doctor` checks them"
)

_Code = grpc.StatusCode

TRANSIENT = frozenset({_Code.UNAVAILABLE, _Code.DEADLINE_EXCEEDED, _Code.RESOURCE_EXHAUSTED, _Code.INTERNAL})
"""What a repeated read may cure."""

_NOT_ACTED = frozenset({_Code.RESOURCE_EXHAUSTED})
"""Transient, but a refusal: the server did nothing."""

_REJECTED = frozenset(
    {
        _Code.ALREADY_EXISTS,
        _Code.FAILED_PRECONDITION,
        _Code.INVALID_ARGUMENT,
        _Code.OUT_OF_RANGE,
        _Code.UNIMPLEMENTED,
    }
)

_NEVER_CONNECTED = ("failed to connect to all addresses", "DNS resolution failed", "empty address list")
_CREDENTIALS_FAILED = "Getting metadata from plugin failed"
_LONGEST = 500

_from_grpc_error: Callable[[Exception], Exception] = api.from_grpc_error

_ROLES = {
    "run.services.update": "roles/run.developer",
    "run.services.get": "roles/run.viewer",
    "run.services.list": "roles/run.viewer",
    "run.revisions.get": "roles/run.viewer",
    "run.operations.get": "roles/run.viewer",
    "iam.serviceaccounts.actAs": "roles/iam.serviceAccountUser on the runtime account",
    "monitoring.timeSeries.list": "roles/monitoring.viewer",
    "monitoring.metricDescriptors.list": "roles/monitoring.viewer",
    "serviceusage.services.use": "roles/serviceusage.serviceUsageConsumer",
}


def translate(error: Exception, doing: str, *, writes: bool = False) -> RemoteError:
    """The `RemoteError` for `error`.

    `doing` completes "cannot …" and names the object and its place. With `writes` a failure after which the
    call may have taken effect becomes OutcomeUnknown; without, Unreachable. The caller raises it `from
    error`.
    """
    error = _as_api_error(error)
    if isinstance(error, auth.GoogleAuthError):
        return _credentials_failed(error, doing)
    code, said = code_of(error), _one_line(error)
    sentence = f"cannot {doing}: {said}"
    if credentials_failed(error):
        return Denied(f"{sentence} (credentials)", hint=LOGIN_HINT)
    if code is not None:
        sentence += f" ({code.name})"
    if code is _Code.UNAUTHENTICATED:
        return Denied(sentence, hint=LOGIN_HINT)
    if code is _Code.PERMISSION_DENIED:
        return Denied(sentence, hint=_permission_hint(error))
    if code is _Code.NOT_FOUND:
        return NotFound(sentence, hint="check the project, the region and the name")
    if code is _Code.ABORTED:
        return Conflict(sentence, hint="somebody else changed it in between; read it again")
    if code in _REJECTED:
        return Rejected(sentence, hint=_rejection_hint(error))
    if code in _NOT_ACTED:
        return Unreachable(sentence, hint="a quota is used up: wait a minute, or ask for a higher one")
    if never_sent(error):
        return Unreachable(sentence, hint="check the network, a proxy or firewall, and the address")
    if writes:
        return OutcomeUnknown(
            f"{sentence}; whether it took effect is not known", hint="read it back before anything else"
        )
    return Unreachable(sentence, hint="the API did not answer: try again")


def code_of(error: Exception) -> grpc.StatusCode | None:
    """The gRPC status of a client error, None for one that carries none."""
    error = _as_api_error(error)
    code = error.grpc_status_code if isinstance(error, api.GoogleAPICallError) else None
    return code if isinstance(code, grpc.StatusCode) else None


def is_transient(error: Exception) -> bool:
    """Whether repeating a read can help."""
    if isinstance(error, auth.GoogleAuthError):
        return bool(error.retryable)
    return code_of(error) in TRANSIENT and not credentials_failed(error)


def refused_without_effect(error: Exception) -> bool:
    """Whether the server, though it failed for a passing reason, certainly did nothing."""
    return code_of(error) in _NOT_ACTED or never_sent(error)


def never_sent(error: Exception) -> bool:
    """Whether the request certainly stayed on this machine: there was no connection to send it on."""
    said = str(getattr(_as_api_error(error), "message", ""))
    return code_of(error) is _Code.UNAVAILABLE and said.startswith(_NEVER_CONNECTED)


def credentials_failed(error: Exception) -> bool:
    """Whether fetching a token failed on the way, which gRPC reports as UNAVAILABLE."""
    said = str(getattr(_as_api_error(error), "message", ""))
    return _CREDENTIALS_FAILED in said and "TransportError" not in said


def _as_api_error(error: Exception) -> Exception:
    if isinstance(error, api.RetryError):
        return _as_api_error(error.cause)
    if isinstance(error, grpc.RpcError):
        return _from_grpc_error(error)
    return error


def _credentials_failed(error: auth.GoogleAuthError, doing: str) -> RemoteError:
    sentence = f"cannot {doing}: {_one_line(error)}"
    if isinstance(error, auth.TransportError):
        return Unreachable(sentence, hint="the token server could not be reached: check the network")
    return Denied(sentence, hint=LOGIN_HINT)


def _permission_hint(error: Exception) -> str:
    reason = str(getattr(error, "reason", None) or "")
    facts = {str(k): str(v) for k, v in dict(getattr(error, "metadata", None) or {}).items()}
    said = str(getattr(error, "message", ""))
    consumer = facts.get("consumer", "").removeprefix("projects/")
    project = f" --project {consumer}" if consumer else ""
    service = facts.get("service") or facts.get("serviceName") or "run.googleapis.com"
    if reason == "SERVICE_DISABLED" or "has not been used in project" in said:
        return f"enable the API: `gcloud services enable {service}{project}`, then wait a minute"
    if reason == "BILLING_DISABLED":
        return "enable billing for the project"
    if reason in ("CONSUMER_INVALID", "CONSUMER_SUSPENDED"):
        return f"the project{' ' + consumer if consumer else ''} does not exist or is suspended; check its id"
    if reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
        return "the token lacks the cloud-platform scope; log in again with it"
    permission = facts.get("permission") or _permission_in(said)
    role = next((r for p, r in _ROLES.items() if p.lower() == permission.lower()), "")
    if role:
        return f"grant {role} to the account tidegate runs as (permission {permission})"
    if permission:
        return f"grant a role with the permission {permission} to the account tidegate runs as"
    return "check the project id, and the roles run.developer and monitoring.viewer of tidegate's account"


def _permission_in(said: str) -> str:
    found = re.search(r"[Pp]ermission ['\"]?([a-z]+(?:\.[A-Za-z]+)+)['\"]?", said)
    return found.group(1) if found else ""


def _rejection_hint(error: Exception) -> str:
    said = str(getattr(error, "message", "")).lower()
    if "location" in said or "region" in said or "received http2 header with status: 404" in said:
        return "check the region; `gcloud run regions list` shows which exist"
    return ""


def _one_line(error: Exception) -> str:
    said = " ".join(str(getattr(error, "message", None) or error or type(error).__name__).split())
    said = said.rstrip(".") or type(error).__name__
    return said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…"
