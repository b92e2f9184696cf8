"""Several regions: what follows for the others from how one ends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.core.errors import ExitCode
from tidegate.core.rollout import Phase
from tidegate.core.waves import (
    CONSEQUENCES,
    MOVING,
    Abort,
    Deploy,
    Effect,
    Ended,
    Outcome,
    Region,
    Returned,
    Rollback,
    Signalled,
    Stand,
    Waves,
    begin,
    data,
    headline,
    lines,
    outcome,
    step,
    worst,
)

EU, US, ASIA, AFRICA = "europe-west1", "us-central1", "asia-east1", "africa-south1"
WAVES = ((EU,), (US, ASIA), (AFRICA,))
NOW = 1000.0


def waves(**stands: Stand) -> Waves:
    names = {name.replace("-", "_"): name for wave in WAVES for name in wave}
    regions = {name: Region(stands.get(key, Stand.WAITING)) for key, name in names.items()}
    return Waves(WAVES, regions, began=NOW)


def ended(code: int, phase: Phase | None, **more: Any) -> Outcome:
    return Outcome(code, phase, **{"stable": "o-1", "candidate": "o-2", "started": NOW + 1, **more})


PROMOTED = ended(0, Phase.PROMOTED)
UNCHANGED = ended(0, Phase.PROMOTED, candidate="o-1")
FIRST = ended(0, Phase.PROMOTED, stable="")
REGRESSED = ended(6, Phase.RECOVERED, reason="fds grow")
SMOKE = ended(6, Phase.ABORTED, reason="smoke checks failed")
HELD = ended(8, Phase.HELD, reason="inconclusive")
PAUSED = ended(0, Phase.PAUSED, reason="waits for approval")
TROUBLE = ended(7, Phase.NOT_RECOVERED, reason="it did not help")
ABORTED = ended(6, Phase.RECOVERED, asked=True)
REFUSED = ended(4, Phase.ABORTED)
INTERRUPTED = ended(143, Phase.ABORTED)
BUSY = Outcome(10, reason="another rollout")
KILLED = Outcome(-9)
BACK = ended(0, Phase.RECOVERED)


def play(*events: Ended | Returned | Signalled) -> tuple[Waves, list[Effect]]:
    state, effects = begin(waves())
    done = list(effects)
    for event in events:
        state, effects = step(state, event)
        done += effects
    return state, done


def test_a_wave_begins_when_all_of_the_one_before_are_promoted() -> None:
    state, done = play(Ended(EU, PROMOTED))
    assert done == [Deploy(EU), Deploy(US), Deploy(ASIA)]
    state, effects = step(state, Ended(ASIA, PROMOTED))
    assert effects == ()
    state, effects = step(state, Ended(US, UNCHANGED))
    assert effects == (Deploy(AFRICA),)
    state, effects = step(state, Ended(AFRICA, PROMOTED))
    assert (effects, state.exit_code, headline(state)) == ((), 0, "done in all 4 regions")


def test_regions_that_need_nothing_are_not_begun() -> None:
    _, effects = begin(waves(europe_west1=Stand.UNCHANGED, us_central1=Stand.UNCHANGED))
    assert effects == (Deploy(ASIA),)


@pytest.mark.parametrize("trouble", [REGRESSED, SMOKE, TROUBLE])
def test_a_regression_stops_the_wave_and_sends_back_whoever_has_moved(trouble: Outcome) -> None:
    state, done = play(Ended(EU, PROMOTED), Ended(US, trouble))
    assert done[3:] == [Rollback(EU, "o-1"), Abort(ASIA)]
    assert state.having(*MOVING) == (EU, ASIA)
    state, more = step(state, Returned(EU, BACK, rollback=True))
    state, again = step(state, Ended(ASIA, ABORTED))
    assert more + again == ()
    assert state.having(Stand.RETURNED) == (EU, ASIA)
    assert state.having(Stand.WAITING) == (AFRICA,)
    assert state.exit_code == (7 if trouble is TROUBLE else 6)
    assert headline(state).startswith(f"{US} {'is in trouble' if trouble is TROUBLE else 'regressed'}; ")
    assert f"{EU}, {ASIA} sent back because of it; {AFRICA} not begun" in headline(state)


def test_who_is_promoted_before_the_request_arrives_is_rolled_back() -> None:
    state, _ = play(Ended(EU, UNCHANGED), Ended(US, REGRESSED))
    state, effects = step(state, Ended(ASIA, PROMOTED))
    assert effects == (Rollback(ASIA, "o-1"),)
    # What had asked it to stop comes home to a promotion; the rollback is under way, and stays one.
    state, effects = step(state, Returned(ASIA, PROMOTED))
    assert (effects, state.having(Stand.RETURNING)) == ((), (ASIA,))
    state, effects = step(state, Returned(ASIA, Outcome(0), rollback=True))
    assert (effects, state.having(Stand.RETURNED)) == ((), (ASIA,))


def test_who_had_the_revision_before_is_left_alone_and_named() -> None:
    state, done = play(Ended(EU, UNCHANGED), Ended(ASIA, PROMOTED), Ended(US, REGRESSED))
    assert [e for e in done if isinstance(e, Rollback)] == [Rollback(ASIA, "o-1")]
    assert f"{EU} had the revision before and was left alone" in headline(state)
    assert any(f"tidegate rollback --region {EU}" in line for line in lines(state))


def test_a_first_deployment_has_nothing_to_go_back_to_and_is_held() -> None:
    state, done = play(Ended(EU, FIRST), Ended(US, REGRESSED))
    assert Rollback not in map(type, done)
    assert state.having(Stand.HELD) == (EU,)
    assert "no earlier revision" in state.regions[EU].reason
    assert f"{EU} held" in headline(state)


@pytest.mark.parametrize(
    ("ending", "code"),
    [(HELD, 8), (PAUSED, 0), (REFUSED, 4), (BUSY, 10), (ABORTED, 6), (KILLED, 7), (INTERRUPTED, 143)],
)
def test_what_is_not_the_revisions_fault_only_stops_the_waves(ending: Outcome, code: int) -> None:
    state, done = play(Ended(EU, PROMOTED), Ended(US, ending), Ended(ASIA, PROMOTED))
    assert done == [Deploy(EU), Deploy(US), Deploy(ASIA)]
    assert state.having(Stand.PROMOTED) == (EU, ASIA)
    assert state.exit_code == code
    assert headline(state).startswith(f"stopped: {US} ")
    assert f"{EU}, {ASIA} promoted and left so; {AFRICA} not begun" in headline(state)


@pytest.mark.parametrize("ending", [PAUSED, KILLED])
def test_who_stopped_with_traffic_on_the_candidate_goes_back_as_well(ending: Outcome) -> None:
    state, done = play(Ended(EU, PROMOTED), Ended(US, ending), Ended(ASIA, REGRESSED))
    assert done[3:] == [Rollback(EU, "o-1"), Abort(US)]
    state, _ = step(state, Returned(US, BACK))
    assert state.regions[US].stand is Stand.RETURNED


def test_who_died_after_the_promotion_is_rolled_back() -> None:
    state, _ = play(Ended(EU, UNCHANGED), Ended(US, KILLED), Ended(ASIA, REGRESSED))
    again, effects = step(state, Returned(US, PROMOTED))
    assert effects == (Rollback(US, "o-1"),)
    # A promotion of last week is none of this deployment's.
    again, effects = step(state, Returned(US, ended(0, Phase.PROMOTED, started=NOW - 1)))
    assert (effects, again.regions[US].stand) == ((), Stand.RETURNED)


def test_a_rollback_that_fails_needs_a_person() -> None:
    state, _ = play(Ended(EU, PROMOTED), Ended(US, REGRESSED), Ended(ASIA, ABORTED))
    state, effects = step(state, Returned(EU, ended(7, Phase.NEEDS_PERSON, reason="denied"), rollback=True))
    assert (effects, state.exit_code, state.having(Stand.NEEDS_PERSON)) == ((), 7, (EU,))
    assert f"{EU} needs a person" in headline(state)


def test_a_signal_that_strikes_too_early_does_not_leave_a_region_half_way() -> None:
    state, _ = play(Ended(EU, PROMOTED), Ended(US, KILLED), Ended(ASIA, REGRESSED), Signalled(143))
    state, effects = step(state, Returned(EU, Outcome(143), rollback=True))
    assert effects == (Rollback(EU, "o-1"),)
    state, effects = step(state, Returned(US, Outcome(130)))
    assert effects == (Abort(US),)
    assert state.having(*MOVING) == (EU, US)


def test_after_a_signal_no_wave_begins_and_what_is_promoted_stays() -> None:
    state, done = play(Signalled(ExitCode.TERMINATED), Ended(EU, PROMOTED))
    assert (done, state.exit_code) == ([Deploy(EU)], 143)
    assert headline(state) == (
        f"stopped by a signal; {EU} promoted and left so; {US}, {ASIA}, {AFRICA} not begun"
    )


def test_the_worst_decides() -> None:
    assert worst((0, 8, 6, 7)) == 7
    assert worst((0, 8, 6)) == 6
    assert worst((0, 8)) == 8
    assert worst((5, 8, 0)) == 5
    assert worst((0, 99)) == 1
    assert worst(()) == 0


def test_the_data_names_every_region_and_what_it_said() -> None:
    state, _ = play(
        Ended(EU, ended(0, Phase.PROMOTED, data={"rollout": "r1", "reports": {"report.html": "r1.html"}})),
        Ended(US, HELD),
        Ended(ASIA, BUSY),
    )
    found = json.loads(json.dumps(data(state)))
    assert (found["exit_code"], found["cause"], list(found["regions"])) == (10, None, [EU, US, ASIA, AFRICA])
    assert found["regions"][EU]["rollout"]["rollout"] == "r1"
    assert [line.strip() for line in lines(state)][1] == "r1.html"
    assert found["regions"][US] == {
        "wave": 2, "stand": "held", "exit_code": 8, "reason": "inconclusive", "rollout": None, "back": None,
    }  # fmt: skip


# ------------------------------------------------------------------------------------------- whatever comes

DEPLOYS = [PROMOTED, UNCHANGED, FIRST, REGRESSED, SMOKE, HELD, PAUSED, TROUBLE, REFUSED, BUSY, KILLED]
ON_CANDIDATE = {"promoted", "paused", "held"}


class Model:
    """What really is in each region: which revision has traffic there, by the outcomes given out."""

    def __init__(self) -> None:
        self.candidate: set[str] = set()
        self.killed_late: set[str] = set()

    def deploys(self, name: str, how: Outcome, *, late: bool) -> None:
        if how.phase in (Phase.PROMOTED, Phase.PAUSED, Phase.HELD) and how is not UNCHANGED:
            self.candidate.add(name)
        if how is KILLED and late:
            self.candidate.add(name)
            self.killed_late.add(name)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_after_a_regression_nobody_is_left_on_the_candidate_but_who_is_held_and_named(
    source: st.DataObject,
) -> None:
    """Any order of any endings, with requests that come too late and processes that die after they moved."""
    model, state = Model(), waves()
    state, effects = begin(state)
    pending: list[Effect] = list(effects)
    while pending:
        effect = pending.pop(source.draw(st.integers(0, len(pending) - 1)))
        name = effect.region
        event: Ended | Returned
        if isinstance(effect, Deploy):
            how = source.draw(st.sampled_from(DEPLOYS))
            if state.regions[name].stand is Stand.STOPPING and source.draw(st.booleans()):
                how = ABORTED
            model.deploys(name, how, late=source.draw(st.booleans()))
            event = Ended(name, how)
        elif isinstance(effect, Abort):
            if state.regions[name].stand is Stand.STOPPING:
                continue  # the deployment itself says how it ends
            if name in model.killed_late:
                event = Returned(name, PROMOTED)
            else:
                model.candidate.discard(name)
                event = Returned(name, BACK)
        else:
            assert isinstance(effect, Rollback)
            model.candidate.discard(name)
            event = Returned(name, BACK, rollback=True)
        before = state
        state, more = step(state, event)
        pending += more
        if before.stopped_by:
            assert not any(isinstance(one, Deploy) for one in more)
    assert not state.having(*MOVING)
    if state.cause:
        assert model.candidate <= set(state.having(Stand.HELD))
        assert all(name in headline(state) for name in model.candidate)
        assert state.exit_code in (6, 7)
    elif not state.stopped_by:
        assert set(state.having(Stand.PROMOTED, Stand.UNCHANGED)) == set(state.regions)


def test_every_end_of_a_deployment_has_a_consequence() -> None:
    for how in (*DEPLOYS, ABORTED, INTERRUPTED, Outcome(7), Outcome(0), ended(0, Phase.STEP)):
        state, _ = play(Ended(EU, how))
        assert state.regions[EU].stand in CONSEQUENCES


# ------------------------------------------------------------------------------------------- what is printed

REPORT: Mapping[str, Any] = {
    "phase": "recovered", "revision": "o-2", "previous_revision": "o-1", "started": 5.0, "reason": "slow",
    "aborted": False,
}  # fmt: skip


def test_a_report_is_read() -> None:
    found = outcome(6, json.dumps(REPORT), "")
    assert found == Outcome(6, Phase.RECOVERED, "o-1", "o-2", 5.0, "slow", data=REPORT)


def test_who_has_ended_it_is_read_from_the_report_and_not_from_its_words() -> None:
    assert outcome(6, json.dumps(REPORT | {"aborted": True}), "").asked
    assert not outcome(6, json.dumps(REPORT | {"reason": "aborted by the upstream: 502"}), "").asked


def test_what_another_process_did_is_read() -> None:
    state = {"phase": "aborted", "candidate": "o-2", "stable": "", "started": 5.0, "reason": ""}
    found = outcome(0, json.dumps({"said": "it is over", "rollout": state}), "")
    assert (found.phase, found.candidate, found.reason) == (Phase.ABORTED, "o-2", "it is over")
    none = outcome(0, json.dumps({"said": "there is no rollout", "rollout": None}), "")
    assert (none.phase, none.reason) == (None, "there is no rollout")


@pytest.mark.parametrize(
    ("code", "out", "err", "expected"),
    [
        (10, "", "→ plan\nerror: busy: by ci\nhint: wait", Outcome(10, reason="busy: by ci")),
        (-9, '{"phase": "promo', "", Outcome(-9, reason="its process was killed by signal 9")),
        (-15, "", "", Outcome(143, reason="it ended with exit code 143")),
        (0, "[]", "", Outcome(0)),
        (0, '{"phase": "unheard of"}', "", Outcome(0, data={"phase": "unheard of"})),
    ],
)
def test_a_process_that_tells_nothing_has_at_least_a_code(
    code: int, out: str, err: str, expected: Outcome
) -> None:
    assert outcome(code, out, err) == expected
