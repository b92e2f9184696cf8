"""What a rollout can see at the service's present traffic, and how long it takes: before it is begun.

Every number is the median of a fault that is there from the first request on: half of such rollouts show it
sooner. `counts`, `growth` and `levels` have the formulas and their sources; a test holds them against the
judge.
"""

from tidegate.core.power.measure import present
from tidegate.core.power.model import Noise, Part, Present, plan
from tidegate.core.power.survey import FAULTS, Detection, Fault, Power, Sight, survey
from tidegate.core.power.wording import blind_spots, data

__all__ = [
    "FAULTS",
    "Detection",
    "Fault",
    "Noise",
    "Part",
    "Power",
    "Present",
    "Sight",
    "blind_spots",
    "data",
    "plan",
    "present",
    "survey",
]
