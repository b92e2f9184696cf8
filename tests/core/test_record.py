from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import SETTINGS, a_state
from tidegate.core import record
from tidegate.core.rollout import Moved, Phase, State

STATES = st.builds(
    State,
    id=st.text(max_size=20),
    owner=st.text(max_size=20),
    started=st.floats(0, 2e9),
    phase=st.sampled_from(Phase),
    stable=st.sampled_from(["", "orders-00001-abc"]),
    candidate=st.sampled_from(["", "orders-00002-def"]),
    percent=st.integers(0, 100),
    moves=st.lists(st.builds(Moved, st.floats(0, 2e9), st.integers(0, 100)), max_size=4).map(tuple),
    reason=st.text(max_size=200),
    decided=st.none() | st.floats(0, 2e9),
    exit_code=st.none() | st.sampled_from([0, 6, 7, 8, 130]),
    forced=st.booleans(),
    aborted=st.booleans(),
    hooked=st.lists(st.sampled_from([Phase.HELD, Phase.PROMOTED]), max_size=2, unique=True).map(tuple),
    settings=st.builds(
        lambda wish: replace(SETTINGS, on_pre_existing=wish), st.sampled_from(["hold", "rollback", "promote"])
    ),
)


@given(STATES)
def test_a_record_reads_back_as_it_was_written(state: State) -> None:
    text = record.encode(state, now=5.0, lease=9.0)
    found = record.decode(text)
    assert isinstance(found, record.Record)
    assert (found.state, found.updated, found.lease) == (state, 5.0, 9.0)


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")))
def test_rubbish_is_unreadable_not_an_exception(text: str) -> None:
    assert isinstance(record.decode(text), record.Unreadable)


@given(STATES, st.data())
def test_a_damaged_record_never_raises(state: State, data: st.DataObject) -> None:
    fields = json.loads(record.encode(state, now=0, lease=0))
    name = data.draw(st.sampled_from(sorted(fields)))
    fields[name] = data.draw(st.none() | st.integers() | st.text() | st.lists(st.integers()))
    assert isinstance(record.decode(json.dumps(fields)), record.Record | record.Unreadable)


def test_a_record_from_before_there_was_a_wish_about_old_faults_is_read() -> None:
    fields = json.loads(record.encode(a_state(), now=0, lease=0))
    del fields["settings"]["on_pre_existing"]
    found = record.decode(json.dumps(fields))
    assert isinstance(found, record.Record)
    assert found.state == a_state()


@pytest.mark.parametrize(("reason", "aborted"), [("aborted by ann", True), ("fds grow", False)])
def test_a_record_from_before_an_abort_was_a_fact_of_its_own_is_read_by_its_words(
    reason: str, aborted: bool
) -> None:
    fields = json.loads(record.encode(a_state(reason=reason, phase=Phase.RECOVERED), now=0, lease=0))
    del fields["aborted"], fields["hooked"]
    found = record.decode(json.dumps(fields))
    assert isinstance(found, record.Record)
    assert (found.state.aborted, found.state.hooked) == (aborted, ())


def test_a_record_that_knows_whether_it_was_aborted_is_believed() -> None:
    state = a_state(reason="aborted by the upstream: 502", phase=Phase.RECOVERED)
    found = record.decode(record.encode(state, now=0, lease=0))
    assert isinstance(found, record.Record)
    assert not found.state.aborted


def test_a_record_of_another_version_says_so() -> None:
    fields = json.loads(record.encode(a_state(), now=0, lease=0)) | {"v": 99}
    found = record.decode(json.dumps(fields))
    assert isinstance(found, record.Unreadable)
    assert "another version" in found.reason


def test_a_long_reason_is_cut_so_that_the_annotation_stays_small() -> None:
    assert len(record.encode(a_state(reason="x" * 100_000), now=0, lease=0)) < 2000


REASON = "orders-2 fails 4 % of its requests, 2 % are allowed; only absolute limits were looked at, " * 12


@pytest.mark.parametrize("reason", [REASON, "x" * 700, "x" * 601, "w " * 301])
def test_a_reason_that_was_cut_says_so_and_ends_at_a_word(reason: str) -> None:
    found = record.decode(record.encode(a_state(reason=reason), now=0, lease=0))
    (past,) = record.history({record.HISTORY: record.remember({}, a_state(reason=reason), now=0)})
    assert isinstance(found, record.Record)
    for kept, most in ((found.state.reason, 600), (past.reason, 200)):
        assert len(kept) <= most
        assert kept.endswith(" …")
        whole = kept.removesuffix(" …")
        assert reason.startswith(whole)
        if " " in reason:
            assert reason[len(whole)] in " ,;:"
        assert len(kept) > most - 16
    assert record.as_read(found.state) == found.state


def test_a_reason_that_is_just_not_too_long_stays_whole() -> None:
    reason = "word " * 119 + "words"
    assert len(reason) == 600
    assert record.as_read(a_state(reason=reason)).reason == reason


@pytest.mark.parametrize(
    ("state", "now", "held"),
    [
        (a_state(phase=Phase.STEP, stable="a", candidate="b", percent=10), 50.0, True),
        (a_state(phase=Phase.STEP, stable="a", candidate="b", percent=10), 500.0, True),
        (a_state(phase=Phase.LOCKED, stable="a"), 50.0, True),
        (a_state(phase=Phase.LOCKED, stable="a"), 500.0, False),
        (a_state(phase=Phase.PROMOTED, stable="a", exit_code=0), 50.0, False),
    ],
    ids=[
        "living",
        "dead with traffic on the candidate",
        "living before traffic",
        "dead before traffic",
        "ended",
    ],
)
def test_who_holds_the_service(state: State, now: float, held: bool) -> None:
    assert record.Record(state, updated=0, lease=100).held_at(now) is held


def test_history_keeps_the_last_ten_newest_first_and_each_rollout_once() -> None:
    annotations: dict[str, str] = {}
    for number in range(12):
        ended = a_state(id=f"r{number}", phase=Phase.PROMOTED, exit_code=0)
        annotations[record.HISTORY] = record.remember(annotations, ended, now=number)
    annotations[record.HISTORY] = record.remember(annotations, a_state(id="r11"), now=99)
    past = record.history(annotations)
    assert [p.id for p in past] == [f"r{n}" for n in range(11, 1, -1)]
    assert past[0].ended == 99


@given(st.text() | st.lists(st.dictionaries(st.text(), st.integers())).map(json.dumps))
def test_a_damaged_history_is_left_out(text: str) -> None:
    assert record.history({record.HISTORY: text}) in ((),)
