"""Two plans made at different times: do they do the same?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from tidegate.core.plan.summary import PlanSummary


def fingerprint(plans: Mapping[str, PlanSummary]) -> str:
    """The same text for plans that do the same to the same resources, whatever was there before.

    What Terraform computes while it applies is no part of it, and neither is what changed outside.
    """
    what = {
        name: [
            [change.address, str(change.action), change.previous_address, change.adopted]
            + [[a.path, a.after] for a in change.attributes if not a.unknown]
            for change in summary.effective
        ]
        for name, summary in plans.items()
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]
