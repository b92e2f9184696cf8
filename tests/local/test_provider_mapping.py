from __future__ import annotations

import threading
from typing import Any

import pytest

from local.provider_stand_in import Api, serving
from tidegate.core.errors import Interrupted, Unreachable, UsageError
from tidegate.local.provider import schema
from tidegate.local.provider.mapping import Shape, from_api, to_api
from tidegate.local.provider.resources import resource
from tidegate.local.provider.rest import (
    ApiError,
    OperationFailed,
    Session,
    duration,
    repeat_on_conflict,
    settings_from,
)
from tidegate.local.provider.wire import UNKNOWN

BLOCK = schema.parse(
    {
        "id": ["string", "oc"],
        "display_name": ["string", "o"],
        "count": ["number", "o"],
        "state": [["list", ["object", {"last_time": "string"}]], "c"],
        "secret": ["string", "o", {"default": "x"}],
        "kind": ["string", "o", {"default": "STRING", "enum": ["STRING", "BOOL"]}],
        "zones": [["set", "string"], "o"],
        "auto": {"$": {"nesting": "list", "max": 1}, "key": ["string", "o"]},
        "ports": {"$": {"nesting": "list", "max": 1}, "port": ["number", "o"]},
        "env": {"$": {"nesting": "set"}, "name": ["string", "r"], "value": ["string", "o"]},
    }
)
SHAPE = Shape(
    local=frozenset({"id", "secret"}),
    lists=frozenset({"ports"}),
    names={"auto": "automatic"},
    present=frozenset({"auto"}),
)


def test_state_becomes_the_service_s_json() -> None:
    state = {
        "id": "i",
        "display_name": "d",
        "count": 2.0,
        "state": UNKNOWN,
        "secret": "s",
        "zones": ["a"],
        "auto": [{"key": None}],
        "ports": [{"port": 80}],
        "env": [{"name": "A", "value": ""}, {"name": "B", "value": "1"}],
    }

    assert to_api(BLOCK, state, SHAPE) == {
        "displayName": "d",
        "count": 2,
        "zones": ["a"],
        "automatic": {},
        "ports": [{"port": 80}],
        "env": [{"name": "A"}, {"name": "B", "value": "1"}],
    }


def test_the_service_s_json_becomes_state() -> None:
    answer = {"count": "3", "state": {"lastTime": "t"}, "automatic": {}, "ports": [{"port": 80}]}

    found = from_api(BLOCK, answer, None, SHAPE)

    assert found["count"] == 3
    assert found["state"] == [{"last_time": "t"}]
    assert found["secret"] == "x"
    assert found["kind"] == "STRING"
    assert found["auto"] == [{"key": None}]
    assert found["ports"] == [{"port": 80}]
    assert found["display_name"] is None


@pytest.mark.parametrize(
    ("argument", "before", "answer"),
    [
        ("count", 0, {}),
        ("count", None, {"count": 0}),
        ("display_name", "", {}),
        ("zones", ["b", "a"], {"zones": ["a", "b"]}),
        ("env", [{"name": "A", "value": ""}], {"env": [{"name": "A"}]}),
        ("secret", "mine", {"secret": "obscured"}),
    ],
)
def test_what_says_the_same_stays_as_it_was(argument: str, before: Any, answer: dict[str, Any]) -> None:
    assert from_api(BLOCK, answer, {**BLOCK.empty(), argument: before}, SHAPE)[argument] == before


def test_what_is_gone_from_the_answer_is_drift() -> None:
    base = {**BLOCK.empty(), "count": 3, "env": [{"name": "A", "value": "1"}]}

    found = from_api(BLOCK, {}, base, SHAPE)

    assert (found["count"], found["env"]) == (None, [])


@pytest.fixture
def api() -> Any:
    with serving() as found:
        yield found


def _session(api: Api, **config: Any) -> Session:
    return Session(settings_from(config, api.url, "demo"))


def test_an_error_has_the_service_s_own_words(api: Api) -> None:
    session = _session(api)

    with pytest.raises(ApiError, match="googleapi: Error 404: Resource 'v1/x' was not found") as caught:
        session.call("GET", f"{api.url}/v1/x")
    assert caught.value.code == 404


def test_an_error_without_the_service_s_form_shows_its_body() -> None:
    assert str(ApiError(502, "<html>")) == "googleapi: got HTTP response code 502 with body: <html>"


def test_what_cannot_be_reached_is_said_at_once(api: Api) -> None:
    with serving() as gone:
        address = gone.url

    with pytest.raises(Unreachable, match="connection refused"):
        _session(api).call("GET", f"{address}/v1/x")


def test_waiting_ends_with_an_error_of_the_operation_or_when_stopped(api: Api) -> None:
    session = _session(api)
    failed = {"name": "o", "done": True, "error": {"code": 13, "message": "boom"}}
    with pytest.raises(
        OperationFailed, match="Error waiting for Creating Service: Error code 13, message: boom"
    ):
        session.finished("cloud_run_v2", failed, "Creating Service", float("inf"))
    with pytest.raises(OperationFailed, match="timeout while waiting"):
        session.finished("cloud_run_v2", {"name": "o"}, "Creating Service", 0)

    threading.Timer(0.1, session.stop).start()
    with pytest.raises(Interrupted, match="context canceled"):
        session.finished(
            "cloud_run_v2", {"name": "projects/p/locations/l/operations/o"}, "Creating Service", float("inf")
        )


def test_a_conflict_that_does_not_end_is_an_error(api: Api) -> None:
    def attempt() -> None:
        raise ApiError(409, "{}")

    with pytest.raises(ApiError):
        repeat_on_conflict(_session(api), attempt, seconds=0.1)


def test_endpoints_follow_the_control_plane_unless_the_provider_block_says_otherwise(api: Api) -> None:
    settings = settings_from(
        {"logging_custom_endpoint": "http://localhost:1/v2/"}, "http://127.0.0.1:9/", "p"
    )

    assert settings.endpoints["cloud_run_v2"] == "http://127.0.0.1:9/v2/"
    assert settings.endpoints["logging"] == "http://localhost:1/v2/"
    with pytest.raises(UsageError, match='must end with "/"'):
        settings_from({"logging_custom_endpoint": "http://localhost:1/v2"}, api.url, None)
    with pytest.raises(UsageError, match="only speaks to this machine"):
        settings_from({"logging_custom_endpoint": "http://127.0.0.1.example.com/"}, api.url, None)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h30m", 5400), ("1.5s", 1.5), ("250ms", 0.25), (None, 7), ("", 7)]
)
def test_durations_are_go_s(text: str | None, seconds: float) -> None:
    assert duration(text, 7) == seconds


def test_an_update_names_the_fields_it_changes(api: Api) -> None:
    target = resource("google_monitoring_alert_policy", _session(api))
    before = {**target.block.empty(), "display_name": "a", "enabled": True, "deletion_policy": "DELETE"}

    changed = target.changed(before, {**before, "display_name": "b", "deletion_policy": "ABANDON"})

    assert changed == ["displayName"]


@pytest.mark.parametrize(("policy", "said"), [("PREVENT", "PREVENT"), ("DELETE", "deletion_protection")])
def test_what_must_stay_is_not_deleted(policy: str, said: str, api: Api) -> None:
    target = resource("google_secret_manager_secret", _session(api))

    with pytest.raises(UsageError, match=said):
        target.delete(
            {"deletion_protection": policy == "DELETE", "deletion_policy": policy, "secret_id": "s"}
        )

    target.delete({"deletion_policy": "ABANDON", "secret_id": "s"})
    assert api.requests == []
