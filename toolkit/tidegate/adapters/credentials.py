"""Application Default Credentials: for the API channels, for identity tokens, and for `doctor` to talk
about."""

from __future__ import annotations

import logging
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidegate.core.errors import Denied

if TYPE_CHECKING:
    import requests
    from google.auth.credentials import Credentials

_GCLOUD_TIMEOUT = 15.0


@dataclass(frozen=True)
class Found:
    """`project` is the one the credentials name (empty for most user accounts); `account` may be unknown."""

    credentials: Credentials
    project: str
    kind: str
    """In words: `user account`, `service account key`, `metadata server`, …"""
    account: str


def find() -> Found:
    """What Application Default Credentials resolve to. Asks no server for a token.

    Raises Denied, with the commands that help, when there are none or the file they name is unusable.
    """
    import google.auth
    from google.auth.exceptions import GoogleAuthError

    from tidegate.adapters.channels import SCOPE
    from tidegate.adapters.grpc_errors import LOGIN_HINT

    # It advises on stderr to configure a project, which the spec names already.
    logging.getLogger("google.auth._default").setLevel(logging.ERROR)
    try:
        credentials, project = google.auth.default(scopes=[SCOPE])
    except (GoogleAuthError, OSError, ValueError, AttributeError, KeyError, TypeError) as error:
        # The last three are how the library meets a file that is JSON but holds something else.
        said = " ".join(str(error.args[0] if error.args else error).split())
        raise Denied(f"no usable Google credentials: {said}", hint=LOGIN_HINT) from error
    account = str(
        getattr(credentials, "service_account_email", "") or getattr(credentials, "account", "") or ""
    )
    return Found(
        credentials=credentials,
        project=str(project or ""),
        kind=_kind(credentials),
        account="" if account == "default" else account,
    )


def verify(found: Found) -> None:
    """Fetches a token. Raises Denied when the credentials are expired or revoked, Unreachable without a
    network."""
    import google.auth.transport.requests
    from google.auth.exceptions import GoogleAuthError

    from tidegate.adapters.grpc_errors import translate

    credentials: Any = found.credentials
    try:
        credentials.refresh(google.auth.transport.requests.Request())
    except GoogleAuthError as error:
        raise translate(error, f"get a token as {found.account or found.kind}") from error


def session(found: Found) -> requests.Session:
    """An HTTP session that sends these credentials along, renewed as needed."""
    import google.auth.transport.requests

    opened: Any = google.auth.transport.requests.AuthorizedSession  # untyped
    made: requests.Session = opened(found.credentials)
    return made


def identity_token(audience: str) -> str | None:
    """An ID token for `audience` (the URL of a Cloud Run service), or None when these credentials can make
    none.

    Service accounts of every kind mint their own; a person's account cannot, so gcloud is asked for one.
    """
    import google.auth.transport.requests
    from google.auth.exceptions import GoogleAuthError

    try:
        made = _identity_credentials(find().credentials, audience)
        if made is not None:
            made.refresh(google.auth.transport.requests.Request())
            return str(made.token) if made.token else None
    except (Denied, GoogleAuthError, ValueError):
        return _token_from_gcloud()
    return _token_from_gcloud()


def _identity_credentials(credentials: Credentials, audience: str) -> Any:
    """Credentials that can make identity tokens, or None. The library is untyped here."""
    import google.auth.transport.requests
    from google.auth import compute_engine, impersonated_credentials
    from google.oauth2 import id_token, service_account

    impersonate: Any = impersonated_credentials.IDTokenCredentials
    fetch: Any = id_token.fetch_id_token_credentials
    if isinstance(credentials, impersonated_credentials.Credentials):
        return impersonate(credentials, target_audience=audience, include_email=True)
    if isinstance(credentials, service_account.Credentials | compute_engine.Credentials):
        request = google.auth.transport.requests.Request()
        return fetch(audience, request)
    return None


def _token_from_gcloud() -> str | None:
    command = ["gcloud", "auth", "print-identity-token", "--quiet"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_GCLOUD_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    token = done.stdout.strip()
    # Three parts joined by dots is what a JSON Web Token looks like; anything else would be a message.
    return token if done.returncode == 0 and token.count(".") == 2 else None


def _kind(credentials: Credentials) -> str:
    module = type(credentials).__module__
    kinds = {
        "google.oauth2.service_account": "service account key",
        "google.oauth2.credentials": "user account",
        "google.auth.compute_engine": "metadata server",
        "google.auth.impersonated_credentials": "impersonated service account",
        "google.auth.identity_pool": "workload identity federation",
        "google.auth.external_account": "workload identity federation",
        "google.auth.aws": "workload identity federation",
    }
    return next(
        (words for prefix, words in kinds.items() if module.startswith(prefix)), type(credentials).__name__
    )
