"""Values for tests, complete unless the test says otherwise."""

from __future__ import annotations

from tidegate.core.rollout import Settings, State
from tidegate.core.verdict import Attribution, Decision, Verdict

SETTINGS = Settings(
    steps=(10, 50), step_duration=60.0, bake=120.0, look_every=10.0, settle=5.0, recovery=60.0
)


def a_state(**changes: object) -> State:
    fields: dict[str, object] = {
        "id": "20260101-000000-abcdef",
        "owner": "ci",
        "started": 1000.0,
        "settings": SETTINGS,
    }
    return State(**(fields | changes))  # type: ignore[arg-type]  # the fields are State's own


def a_verdict(
    decision: Decision, *reasons: str, attribution: Attribution = Attribution.NONE, enough: bool | None = None
) -> Verdict:
    return Verdict(
        decision,
        attribution,
        decided_at=0.0,
        reasons=reasons or (f"because {decision}",),
        enough_data=decision is not Decision.CONTINUE if enough is None else enough,
    )
