"""Foreign errors → ours: the class, one sentence, the way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from adapters.conftest import ScriptedServer
from tidegate.adapters.channels import CLOUD_RUN, Channels
from tidegate.adapters.grpc_errors import is_transient, translate
from tidegate.core.errors import (
    Conflict,
    Denied,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RemoteError,
    Unreachable,
)

Fails = Callable[..., Exception]


@pytest.fixture
def fails(server: ScriptedServer, channels: Channels) -> Fails:
    """The client library's exception for a status that a real server answers with."""

    def call(code: str, message: str, reason: str = "", **facts: str) -> Exception:
        status = status_pb2.Status(code=code_pb2.Code.Value(code), message=message)
        if reason:
            info = error_details_pb2.ErrorInfo(reason=reason, domain="googleapis.com", metadata=facts)
            status.details.add().Pack(info)

        def answer(request: Any, context: grpc.ServicerContext) -> None:
            context.abort_with_status(rpc_status.to_status(status))

        server.on("/google.cloud.run.v2.Services/GetService", run_v2.GetServiceRequest, answer)
        client: Any = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channels.to(CLOUD_RUN)))
        with pytest.raises(api.GoogleAPICallError) as caught:
            client.get_service(name="projects/p/locations/r/services/s", retry=None, timeout=5)
        return caught.value

    return call


@pytest.mark.parametrize(
    ("code", "when_reading", "when_writing"),
    [
        ("INVALID_ARGUMENT", Rejected, Rejected),
        ("FAILED_PRECONDITION", Rejected, Rejected),
        ("OUT_OF_RANGE", Rejected, Rejected),
        ("UNIMPLEMENTED", Rejected, Rejected),
        ("ALREADY_EXISTS", Rejected, Rejected),
        ("NOT_FOUND", NotFound, NotFound),
        ("ABORTED", Conflict, Conflict),
        ("UNAUTHENTICATED", Denied, Denied),
        ("PERMISSION_DENIED", Denied, Denied),
        ("RESOURCE_EXHAUSTED", Unreachable, Unreachable),
        ("UNAVAILABLE", Unreachable, OutcomeUnknown),
        ("DEADLINE_EXCEEDED", Unreachable, OutcomeUnknown),
        ("INTERNAL", Unreachable, OutcomeUnknown),
        ("UNKNOWN", Unreachable, OutcomeUnknown),
        ("DATA_LOSS", Unreachable, OutcomeUnknown),
        ("CANCELLED", Unreachable, OutcomeUnknown),
    ],
)
def test_every_status_has_its_class(
    fails: Fails, code: str, when_reading: type[RemoteError], when_writing: type[RemoteError]
) -> None:
    error = fails(code, "the server's words.\nOn two lines")
    reading, writing = translate(error, "read it"), translate(error, "write it", writes=True)
    assert type(reading) is when_reading
    assert type(writing) is when_writing
    assert str(reading).startswith("cannot read it: the server's words. On two lines")
    assert code in str(reading)
    assert "\n" not in str(reading)


def test_a_disabled_api_is_named_with_its_command(fails: Fails) -> None:
    error = fails(
        "PERMISSION_DENIED",
        "Cloud Run Admin API has not been used in project 42 before or it is disabled.",
        "SERVICE_DISABLED",
        service="run.googleapis.com",
        consumer="projects/42",
    )
    assert "gcloud services enable run.googleapis.com --project 42" in translate(error, "read it").hint


@pytest.mark.parametrize(
    ("permission", "role"),
    [
        ("run.services.update", "roles/run.developer"),
        ("iam.serviceaccounts.actAs", "roles/iam.serviceAccountUser"),
        ("monitoring.timeSeries.list", "roles/monitoring.viewer"),
        ("run.unheard.of", "run.unheard.of"),
    ],
)
def test_a_missing_permission_names_the_role(fails: Fails, permission: str, role: str) -> None:
    detailed = fails("PERMISSION_DENIED", "no", "IAM_PERMISSION_DENIED", permission=permission)
    in_words = fails("PERMISSION_DENIED", f"Permission '{permission}' denied on resource 'projects/p'")
    assert role in translate(detailed, "read it").hint
    assert role in translate(in_words, "read it").hint


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("BILLING_DISABLED", "billing"),
        ("CONSUMER_INVALID", "does not exist"),
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "scope"),
    ],
)
def test_other_reasons_have_their_way_out(fails: Fails, reason: str, words: str) -> None:
    assert words in translate(fails("PERMISSION_DENIED", "no", reason), "read it").hint


def test_a_wrong_region_has_its_hint(fails: Fails) -> None:
    error = fails("INVALID_ARGUMENT", "Invalid location: mars-north1")
    assert "gcloud run regions list" in translate(error, "read it").hint


def test_a_long_page_of_html_is_cut(fails: Fails) -> None:
    assert len(str(translate(fails("UNAVAILABLE", "<html>" * 500), "read it"))) < 600


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (auth.DefaultCredentialsError("Your default credentials were not found."), Denied),
        (auth.RefreshError("Reauthentication is needed."), Denied),
        (auth.TransportError("connection refused"), Unreachable),
        (api.RetryError("gave up", api.Unauthenticated("token expired")), Denied),
    ],
)
def test_errors_without_a_server_behind_them(error: Exception, kind: type[RemoteError]) -> None:
    translated = translate(error, "read it")
    assert type(translated) is kind
    assert ("gcloud auth application-default login" in translated.hint) is (kind is Denied)


def test_credentials_that_fail_inside_the_call_are_not_an_outage() -> None:
    error = api.ServiceUnavailable(
        "Getting metadata from plugin failed with error: Reauthentication is needed."
    )
    assert isinstance(translate(error, "read it"), Denied)
    assert not is_transient(error)
