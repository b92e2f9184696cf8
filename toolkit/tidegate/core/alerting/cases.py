"""Cases of the user's own: series, and which alert is to fire on them.

From a file to frozen values, every fault with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from tidegate.core.alerting.series import BOUND, METRICS, OPTIONS, Given, fall, identity, samples
from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.spec import Alerts
from tidegate.core.spec.base import Model
from tidegate.core.spec.faults import faults
from tidegate.core.spec.read import parse
from tidegate.core.spec.suggest import suggest
from tidegate.core.spec.values import Duration, PositiveDuration, Text

KINDS = tuple(Alerts().kinds)
MOST_SAMPLES = 20_000
"""Of one series."""
_SERIES = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})?", re.DOTALL)
_REVISION = re.compile(r'\brevision_name="([^"]*)"')
_AS_WRITTEN = frozenset({"le", "values"})
_CODES = ("1xx", "2xx", "3xx", "4xx", "5xx")


def _kind(value: str) -> str:
    if value not in KINDS:
        known = suggest(value, KINDS) or "known are " + ", ".join(KINDS)
        raise PydanticCustomError("kind", "is no alert: {known}", {"known": known})
    return value


def _metric(value: str) -> str:
    if value not in METRICS:
        known = suggest(value, METRICS) or "known are " + ", ".join(METRICS)
        raise PydanticCustomError("metric", "is no metric of a case: {known}", {"known": known})
    return value


def _full(value: str) -> str:
    if not _SERIES.fullmatch(value):
        raise PydanticCustomError("series", 'is no series; write it such as name{label="value"}')
    return value


def _code(value: str) -> str:
    if value not in _CODES:
        raise PydanticCustomError("code", "is no class of codes, such as 2xx or 5xx")
    return value


def _bound(value: str) -> str:
    if not BOUND.fullmatch(value):
        raise PydanticCustomError("bound", "is no upper bound of a bucket, such as 1000 or +Inf")
    return value


def _values(value: str) -> str:
    try:
        count = samples(value)
    except ValueError as error:
        raise PydanticCustomError(
            "values",
            "has {what}, which is no part of a series; write 0+60x120, 5x30, 1 2 3 or _ for no sample",
            {"what": str(error)},
        ) from error
    if count > MOST_SAMPLES:
        raise PydanticCustomError("values", "has more than {most} samples", {"most": MOST_SAMPLES})
    return value


def _fires(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, tuple | list) and value and all(isinstance(one, str) and one for one in value):
        return tuple(value)
    raise PydanticCustomError("fires", "is neither true, false nor a list of revisions")


def _minutes(value: float) -> float:
    if value % 60:
        raise PydanticCustomError("minutes", "is not a number of whole minutes, as alerts are evaluated")
    return value


class CaseSeries(Model):
    """`metric` by its short name, with the labels of the spec's service, or a whole `series`."""

    metric: Annotated[str, AfterValidator(_metric)] | None = None
    series: Annotated[str, AfterValidator(_full)] | None = None
    values: Annotated[str, Field(max_length=32768), AfterValidator(_values)]
    revision: Text | None = None
    instance: Text | None = None
    code: Annotated[str, AfterValidator(_code)] | None = None
    state: Text | None = None
    le: Annotated[str, AfterValidator(_bound)] | None = None
    container: Text | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.metric is None) == (self.series is None):
            raise PydanticCustomError("one", "needs either metric or series")
        options = {"revision", *OPTIONS} & {name for name, value in self if value is not None}
        allowed = METRICS[self.metric].options if self.metric else ()
        if wrong := sorted(options - {"revision", *allowed} if self.metric else options):
            what = self.metric or "a whole series"
            raise PydanticCustomError(
                "option", "has {option}, which {what} has not", {"option": wrong[0], "what": what}
            )
        if self.metric and "le" in METRICS[self.metric].options and self.le is None:
            raise PydanticCustomError("le", "needs le, the upper bound of this bucket, such as 1000 or +Inf")
        if self.metric and METRICS[self.metric].counter and (fallen := fall(self.values)):
            raise PydanticCustomError(
                "values",
                "fall from {before} to {after}, and {metric} is a counter, which only grows",
                {"metric": self.metric}
                | dict(zip(("before", "after"), map("{:g}".format, fallen), strict=True)),
            )
        return self

    @property
    def revisions(self) -> tuple[str, ...]:
        if self.series is not None:
            return tuple(_REVISION.findall(self.series))
        return (self.revision or "r1",)

    def given(self) -> Given:
        return Given(
            metric=self.metric or "",
            series=self.series or "",
            values=self.values,
            revision=self.revision or "r1",
            options={name: value for name in OPTIONS if (value := getattr(self, name)) is not None},
        )


class Case(Model):
    """`fires`: the revisions it names, true for whatever it names, false where it stays quiet to the end.

    Before `since` it is quiet, and `within` after it (the alert's own promise unless said) it has fired. In
    seconds, as `interval` between samples.
    """

    name: Text
    alert: Annotated[str, AfterValidator(_kind)]
    series: tuple[CaseSeries, ...] = Field(min_length=1, max_length=200)
    fires: Annotated[Any, BeforeValidator(_fires)] = False
    since: Annotated[Duration, AfterValidator(_minutes)] = 0.0
    within: Annotated[PositiveDuration, AfterValidator(_minutes)] | None = None
    interval: Annotated[PositiveDuration, AfterValidator(_minutes)] = 60.0

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Self:
        there = self.revisions
        if self.fires is not True and (missing := sorted(set(self.fires or ()) - set(there))):
            raise PydanticCustomError(
                "revision", "fires on revision {name}, of which it has no series", {"name": missing[0]}
            )
        if not self.fires and (self.since or self.within is not None):
            raise PydanticCustomError("quiet", "has since or within, but does not say on what it fires")
        return self

    @property
    def revisions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(revision for one in self.series for revision in one.revisions))

    @property
    def minutes(self) -> int:
        """From the first sample to the last."""
        longest = max(samples(one.values) for one in self.series)
        return (longest - 1) * int(self.interval) // 60


class CaseFile(Model):
    cases: tuple[Case, ...] = Field(min_length=1, max_length=200)


@dataclass(frozen=True)
class Placed:
    """A case and where it stands."""

    case: Case
    path: str
    line: int
    column: int
    series: tuple[tuple[int, int], ...]
    """Where each of its series stands."""

    @property
    def name(self) -> str:
        """Its own among all that are told apart."""
        return f"{self.path}:{self.line}: {self.case.name}"


def load_cases(text: bytes, path: str) -> tuple[Placed, ...]:
    """Raises InvalidInput with every fault found."""
    tree = parse(text, path, _AS_WRITTEN)
    try:
        file = CaseFile.model_validate(_tuples(tree.value))
    except ValidationError as error:
        raise InvalidInput(tuple(faults(error, tree, path, CaseFile))) from error
    return tuple(
        Placed(
            case,
            path,
            *tree.place(("cases", n)),
            tuple(tree.place(("cases", n, "series", m)) for m in range(len(case.series))),
        )
        for n, case in enumerate(file.cases)
    )


def too_short(placed: Placed, needed: int) -> Fault:
    """The series of a case are over before it must have fired, at minute `needed`."""
    return Fault(
        placed.path,
        placed.line,
        placed.column,
        f"the series of {placed.case.name!r} end at minute {placed.case.minutes}, and it must have fired by "
        f"minute {needed}; make them longer, or say within",
    )


def twice(placed: Placed, written: Sequence[str]) -> Iterator[Fault]:
    """A fault for every series that is there already; `written` is each as promtool takes it."""
    seen: dict[object, int] = {}
    for number, text in enumerate(written):
        first = seen.setdefault(identity(text), number)
        if first != number:
            yield Fault(
                placed.path,
                *placed.series[number],
                f"series[{number}] of {placed.case.name!r} is the same as series[{first}]; "
                "they must differ in a label, such as revision or instance",
            )


def _tuples(value: Any) -> Any:
    """Strict validation wants tuples where YAML has lists."""
    if isinstance(value, dict):
        return {key: _tuples(inner) for key, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
