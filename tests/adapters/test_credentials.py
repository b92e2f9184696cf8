"""Application Default Credentials from files and from nowhere; no server is asked."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import google.oauth2.credentials
import pytest

from adapters.web import answer, serving
from tidegate.adapters import credentials
from tidegate.adapters.channels import CLOUD_RUN, MONITORING, google_channels
from tidegate.core.errors import Denied, Unreachable


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without credentials, without gcloud and without a metadata server."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("PATH", str(tmp_path))


def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))


def user() -> str:
    return json.dumps(
        {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}
    )


def test_no_credentials_say_how_to_get_some() -> None:
    with pytest.raises(Denied, match="no usable Google credentials") as caught:
        credentials.find()
    assert "gcloud auth application-default login" in caught.value.hint


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"type": "unheard_of"}', '{"type": "service_account"}']
)
def test_a_file_that_holds_none_is_denied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    put(tmp_path, monkeypatch, content)
    with pytest.raises(Denied):
        credentials.find()


def test_a_path_that_leads_nowhere_is_denied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(Denied, match=r"missing\.json"):
        credentials.find()


def test_a_users_login_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, monkeypatch, user())
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p1")
    found = credentials.find()
    assert (found.kind, found.project) == ("user account", "p1")
    with google_channels(found.credentials) as channels:
        assert channels.to(CLOUD_RUN) is channels.to(CLOUD_RUN)
        assert channels.to(MONITORING) is not channels.to(CLOUD_RUN)


def login(token_server: str) -> credentials.Found:
    """As found, except that the token server is ours: a file cannot choose it."""
    made = google.oauth2.credentials.Credentials(
        None, refresh_token="r", token_uri=token_server, client_id="c", client_secret="s"
    )
    return credentials.Found(made, "", "user account", "")


def test_an_expired_login_is_denied() -> None:
    with serving() as web:
        web.respond = lambda handler: answer(handler, 400, b'{"error": "invalid_grant"}')
        with pytest.raises(Denied, match="invalid_grant") as caught:
            credentials.verify(login(web.url))
    assert "gcloud auth application-default login" in caught.value.hint


def test_a_login_that_works_is_verified() -> None:
    with serving() as web:
        web.respond = lambda handler: answer(handler, 200, b'{"access_token": "t", "expires_in": 3600}')
        credentials.verify(login(web.url))
        assert len(web.requests) == 1


def test_a_token_server_out_of_reach_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(Unreachable):
            credentials.verify(login(f"http://127.0.0.1:{taken.getsockname()[1]}"))


def test_a_user_without_gcloud_has_no_identity_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, monkeypatch, user())
    assert credentials.identity_token("https://orders-abc.a.run.app") is None


@pytest.mark.parametrize(("printed", "expected"), [("h.p.s", "h.p.s"), ("please log in", None)])
def test_gcloud_is_asked_for_a_users_identity_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, expected: str | None
) -> None:
    put(tmp_path, monkeypatch, user())
    gcloud = tmp_path / "gcloud"
    gcloud.write_text(f"#!/bin/sh\necho '{printed}'\n")
    gcloud.chmod(0o755)
    assert credentials.identity_token("https://orders-abc.a.run.app") == expected


def test_cheap_modules_load_nothing_from_google() -> None:
    code = (
        "import sys, tidegate.adapters.channels, tidegate.adapters.clock, tidegate.adapters.credentials, "
        "tidegate.adapters.notifier, tidegate.adapters.probe, tidegate.adapters.retry\n"
        "heavy = {'grpc', 'google.auth', 'google.cloud.run_v2', 'requests'} & set(sys.modules)\n"
        "raise SystemExit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
