"""What came of it: for each alert whether it fires in time and is quiet otherwise, for each case whether it
did as its author says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core.alerting.cases import Placed
from tidegate.core.alerting.rule import Rule, Rules
from tidegate.core.alerting.stretches import due, in_trouble
from tidegate.core.alerting.trial import Fired, Stretch
from tidegate.core.alerting.troubles import TROUBLES
from tidegate.core.spec import Alerts

_IN_SECONDS = frozenset({"for", "window", "within", "compared"})


@dataclass(frozen=True)
class Tried:
    """One alert. `fired` is counted from the beginning of its trouble, None where it did not within
    `patience`, and should be at most `promised`, all in minutes; `noisy` are the healthy lives in which it
    fired, and the minute by which it had."""

    rule: Rule
    trouble: str
    fired: int | None
    patience: int
    promised: int
    noisy: tuple[tuple[str, int], ...] = ()
    settings: str = ""
    """What the spec sets, in words."""
    own: bool = False
    """A case of the user's says what it is to fire on, in place of the trouble."""

    @property
    def in_time(self) -> bool:
        return self.fired is not None and 0 <= self.fired <= self.promised

    @property
    def passed(self) -> bool:
        return (self.in_time or self.own) and not self.noisy

    def sentence(self) -> str:
        """What it does in its trouble."""
        if self.fired is None:
            return f"does not fire within {spell(self.patience)} when {self.trouble}"
        if self.fired < 0:
            return f"fires {spell(-self.fired)} before {self.trouble}"
        return f"fires after {spell(self.fired)} when {self.trouble}"

    def faults(self) -> tuple[str, ...]:
        """A sentence each."""
        found = []
        if not self.in_time and not self.own:
            found.append(f"{self.rule.kind} {self.sentence()}; it should within {spell(self.promised)}")
        if self.noisy:
            found.append(f"{self.rule.kind} {self.noise()}")
        return tuple(found)

    def noise(self) -> str:
        """Where it fires without a trouble; nothing where it does not."""
        if not self.noisy:
            return ""
        (life, minute), *others = self.noisy
        more = f", and in {len(others)} more" if others else ""
        return f"fires by minute {minute} in the life of a healthy service ({life}){more}"

    def way_out(self) -> str:
        if self.passed:
            return ""
        kind = self.rule.kind
        done = f"alerts.{kind} sets {self.settings}; " if self.settings else ""
        if self.noisy:
            return f"{done}make it less sensitive, or switch it off with enabled: false"
        return f"{done}make it more sensitive, or say in a case of your own what {kind} is to fire on"

    def data(self) -> dict[str, Any]:
        return {
            "alert": self.rule.kind,
            "passed": self.passed,
            "trouble": self.trouble,
            "fired_after_minutes": self.fired,
            "promised_minutes": self.promised,
            "own_case": self.own,
            "fires_in": [{"life": life, "minute": minute} for life, minute in self.noisy],
            "faults": list(self.faults()),
            "hint": self.way_out(),
        }


@dataclass(frozen=True)
class Checked:
    """One case of the user's; `faults` are what it did otherwise. Not `run`: its alert is off or left out."""

    placed: Placed
    faults: tuple[str, ...] = ()
    run: bool = True

    def data(self) -> dict[str, Any]:
        return {
            "name": self.placed.case.name,
            "alert": self.placed.case.alert,
            "path": self.placed.path,
            "line": self.placed.line,
            "run": self.run,
            "passed": not self.faults,
            "faults": list(self.faults),
        }


@dataclass(frozen=True)
class Assessment:
    """In the order of the manual, and of the files. `off` are the alerts that the spec leaves out."""

    tried: tuple[Tried, ...]
    lives: int
    off: tuple[str, ...] = ()
    cases: tuple[Checked, ...] = ()

    @property
    def passed(self) -> bool:
        return all(one.passed for one in self.tried) and not any(case.faults for case in self.cases)

    def data(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "alerts": [one.data() for one in self.tried],
            "off": list(self.off),
            "lives": self.lives,
            "cases": [case.data() for case in self.cases],
        }


def assess(
    rules: Rules, kinds: Sequence[str], lives: Sequence[Stretch], cases: Sequence[Placed], fired: Fired,
    alerts: Alerts,
) -> Assessment:  # fmt: skip
    """Of the `kinds` those that are on were tried, in the `lives` and on all `cases` of theirs."""
    off = tuple(kind for kind in kinds if kind in rules.off)
    kinds = [kind for kind in kinds if kind not in off]
    on = [placed for placed in cases if placed.case.alert in kinds]
    told = {placed.case.alert for placed in on if placed.case.fires}
    tried = tuple(_tried(rules.of(kind), rules, lives, fired, alerts, own=kind in told) for kind in kinds)
    checked = tuple(
        Checked(placed, _otherwise(placed, rules, fired)) if placed in on else Checked(placed, run=False)
        for placed in cases
    )
    return Assessment(tried, len(lives), off, checked)


def _tried(
    rule: Rule, rules: Rules, lives: Sequence[Stretch], fired: Fired, alerts: Alerts, *, own: bool
) -> Tried:
    trouble = TROUBLES[rule.kind]
    at = fired.get((in_trouble(rule.kind), rule.kind, ""))
    noisy = tuple(
        (life.name, fired[life.name, rule.kind, ""]) for life in lives if (life.name, rule.kind, "") in fired
    )
    return Tried(
        rule,
        trouble.sentence,
        None if at is None else at - trouble.since(rules.subject),
        trouble.patience,
        rule.within_minutes + round(trouble.longer(rules.subject)),
        noisy,
        _set(rule.kind, alerts),
        own,
    )


def _set(kind: str, alerts: Alerts) -> str:
    """What a spec sets of an alert, and of the objectives where it is about them."""
    alert, usual = alerts.kinds[kind], Alerts().kinds[kind]
    said = []
    for name, about in type(alert).model_fields.items():
        given, default = getattr(alert, name), getattr(usual, name)
        if given != default and name not in ("enabled", "severity"):
            shown = about.alias or name
            unit = " s" if shown in _IN_SECONDS or (kind, name) == ("latency_p99", "threshold") else ""
            said.append(f"{shown} to {_shown(given)}{unit} instead of {_shown(default)}{unit}")
    if "burn" in kind and alerts.slo != Alerts().slo:
        said.append("objectives of your own in alerts.slo")
    return ", ".join(said)


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _otherwise(placed: Placed, rules: Rules, fired: Fired) -> tuple[str, ...]:
    case = placed.case
    since, until = int(case.since) // 60, due(placed, rules)
    seen = {
        revision: fired[placed.name, case.alert, revision]
        for revision in (*case.revisions, "")
        if (placed.name, case.alert, revision) in fired
    }
    if not case.fires:
        return tuple(
            f"{case.alert} fires {_on(revision)} at minute {minute}, and should stay quiet"
            for revision, minute in seen.items()
        )
    early = [(name, at) for name, at in seen.items() if at < since]
    if early:
        return tuple(f"{case.alert} fires {_on(name)} at minute {at}, before {since}" for name, at in early)
    if case.fires is True:
        first = min(seen.values(), default=None)
        return () if first is not None and first <= until else (_late(case.alert, "", first, until),)
    missing = [name for name in case.fires if seen.get(name, until + 1) > until]
    others = [(name, at) for name, at in seen.items() if name not in case.fires and at <= until]
    return (
        *(_late(case.alert, f" {_on(name)}", seen.get(name), until) for name in missing),
        *(f"{case.alert} fires {_on(name)} at minute {at}, where it should not" for name, at in others),
    )


def _late(alert: str, where: str, at: int | None, until: int) -> str:
    when = "does not fire" if at is None else f"fires only at minute {at}"
    return f"{alert} {when}{where}; it should by minute {until}"


def _on(revision: str) -> str:
    return f"on {revision}" if revision else "on the whole service"


def spell(minutes: int) -> str:
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes / 60:.3g} h"
