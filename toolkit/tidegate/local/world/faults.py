"""Faults on demand: an API that errs, is slow, or loses its answer after the effect has happened.

The shape that `/_local/faults` takes and gives, all fields optional::

    {"faults": [{"method": "Services/UpdateService",    pattern over the end of the method's name, `*` allowed
                 "resource": "services/orders",         the same over the resource's name, default all
                 "times": 2,                            calls it strikes, default 1; 0 means every call
                 "code": "UNAVAILABLE",                 canonical error instead of the effect
                 "message": "…",                        text of that error
                 "latency": 0.5,                        seconds added before the call is looked at
                 "response_lost": true}],               the effect happens, then the connection breaks
     "missing_samples": ["run.googleapis.com/*"],       metric types whose samples get lost
     "propagation_delay": 2.0, "ingestion_delay": 5.0,  seconds
     "minimum_alignment": 60, "retention": 3600}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from tidegate.local.world.errors import CODES, invalid
from tidegate.local.world.ground import Ground
from tidegate.local.world.series import Series

_KNOBS = ("propagation_delay", "ingestion_delay", "minimum_alignment", "retention")
_FIELDS = ("method", "resource", "times", "code", "message", "latency", "response_lost")


@dataclass(frozen=True)
class Fault:
    """`left` counts the calls still to strike; negative means without end."""

    method: str
    left: int = 1
    code: str = ""
    message: str = ""
    latency: float = 0.0
    response_lost: bool = False
    resource: str = ""

    def strikes(self, method: str, resource: str) -> bool:
        if self.resource and not _ends(resource, self.resource):
            return False
        return _ends(method, self.method)


class Faults:
    def __init__(self, ground: Ground, series: Series) -> None:
        self._ground = ground
        self._series = series
        self._original = replace(ground.knobs)
        self._faults: list[Fault] = []

    def take(self, method: str, resource: str = "") -> Fault | None:
        """The first fault that strikes this call, used up by one. Methods are named
        `package.Service/Method`; `resource` is empty where the call names none."""
        with self._ground.lock:
            for position, fault in enumerate(self._faults):
                if fault.strikes(method, resource):
                    if fault.left == 1:
                        del self._faults[position]
                    elif fault.left > 1:
                        self._faults[position] = replace(fault, left=fault.left - 1)
                    return fault
        return None

    def add(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Take faults and delays in the documented shape; answers with what holds now. Nothing is taken on
        an error."""
        unknown = set(asked) - {"faults", "missing_samples", *_KNOBS}
        if unknown:
            invalid(f"Unknown fields: {', '.join(sorted(unknown))}.")
        faults = [_fault(entry) for entry in _list(asked, "faults")]
        missing = [str(pattern) for pattern in _list(asked, "missing_samples")]
        knobs = {name: _number(asked, name) for name in _KNOBS if name in asked}
        with self._ground.lock:
            self._faults.extend(faults)
            if "missing_samples" in asked:
                self._series.missing = tuple(missing)
            for name, value in knobs.items():
                setattr(self._ground.knobs, name, value)
            self._ground.touch()
        return self.shown()

    def clear(self) -> dict[str, Any]:
        """No faults, and the delays the world was made with."""
        with self._ground.lock:
            self._faults.clear()
            self._series.missing = ()
            for name in _KNOBS:
                setattr(self._ground.knobs, name, getattr(self._original, name))
            self._ground.touch()
        return self.shown()

    def shown(self) -> dict[str, Any]:
        with self._ground.lock:
            return {
                "faults": [
                    {
                        "method": fault.method,
                        "resource": fault.resource,
                        "times": max(fault.left, 0),
                        "code": fault.code,
                        "message": fault.message,
                        "latency": fault.latency,
                        "response_lost": fault.response_lost,
                    }
                    for fault in self._faults
                ],
                "missing_samples": list(self._series.missing),
                **{name: getattr(self._ground.knobs, name) for name in _KNOBS},
            }


def _fault(entry: Any) -> Fault:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("method"), str) or not entry["method"]:
        invalid("A fault is an object with a method.")
    unknown = set(entry) - set(_FIELDS)
    if unknown:
        invalid(f"Unknown fields of a fault: {', '.join(sorted(unknown))}.")
    code = str(entry.get("code", ""))
    if code and code not in CODES:
        invalid(f"'{code}' is not a canonical status code such as UNAVAILABLE.")
    times = int(_number(entry, "times", 1.0))
    return Fault(
        method=entry["method"],
        left=times or -1,
        code=code,
        message=str(entry.get("message", "")),
        latency=_number(entry, "latency", 0.0),
        response_lost=bool(entry.get("response_lost", False)),
        resource=str(entry.get("resource", "")),
    )


def _ends(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"*{pattern}")


def _list(asked: Mapping[str, Any], name: str) -> Iterable[Any]:
    value = asked.get(name, [])
    if not isinstance(value, list):
        invalid(f"{name} must be a list.")
    return value


def _number(asked: Mapping[str, Any], name: str, default: float = 0.0) -> float:
    value = asked.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        invalid(f"{name} must be a number that is not negative.")
    return float(value)
