"""Runs a schedule, then lets all faults stop and has a person abort what is left."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from fakes import NAME
from flows.rollout_world import SPEC, STABLE
from tidegate.core import record
from tidegate.core.errors import NeedsPerson, TidegateError
from tidegate.core.record import Record
from tidegate.core.rollout import State
from tidegate.flows.deploy import deploy
from tidegate.flows.operate import Command, operate
from tidegate.flows.planning import Request, Roots
from tidegate.flows.rollback import rollback
from tidegate.flows.serving import effective, percents
from tidegate.ports import Target
from torture.city import START, City, Seat
from torture.lockstep import Halt
from torture.schedule import Hand, Process, Schedule


def play(schedule: Schedule, directory: Path) -> City:
    """Raises AssertionError with the story of the run where something does not hold."""
    city = City(schedule, directory)
    for number, process in enumerate(schedule.processes):
        _enter(city, process, f"{process.command.split()[0]}-{number}")
    for at, hand in schedule.hands:
        city.stage.at(START + at, lambda hand=hand: _outside(city, hand))
    city.stage.run()
    city.calm = True
    _tidy(city)
    with suppress(Halt):
        city.watch.over()
    assert not city.stage.failure, city.stage.failure
    return city


def _enter(city: City, process: Process, name: str) -> Seat:
    seat = Seat(city, process, name)

    def body() -> None:
        state: State | None = None
        error: TidegateError | None = None
        seat.began = city.stage.now()
        city.watch.log(name, "begins")
        try:
            state = _run(seat)
        except TidegateError as raised:
            error = raised
        seat.over = True
        city.gone.add(name)
        city.watch.ended(seat, state, error)

    seat.actor = city.stage.enter(name, max(city.stage.now(), START + process.at), body)
    return seat


def _run(seat: Seat) -> State | None:
    command, settings = seat.process.command, seat.city.schedule.settings
    match command:
        case "deploy":
            roots = Roots(seat.city.directory, lambda: None)
            request = Request(SPEC, seat.name, roots, with_monitoring=False)
            return deploy(request, seat.job, settings, seat.terraform, seat.tools).state
        case "rollback" | "rollback of the living":
            done = rollback(
                seat.job, settings, seat.tools, owner=seat.name, to=seat.process.to, take_over=seat.robs
            )
            return None if done is None else done.state
    wish = command.partition(" ")[0]
    asked = Command(
        wish, NAME, seat.name, job=seat.job, take_over=seat.robs, watch=command != "abort at once"  # type: ignore[arg-type]
    )  # fmt: skip
    return operate(asked, seat.tools).state


# ----------------------------------------------------------------------------------- somebody else's hands


def _outside(city: City, hand: Hand) -> None:
    service = city.cloud.service
    if service is None:
        return
    notes = dict(service.annotations)
    traffic = service.traffic
    ready = sorted(name for name, does in {STABLE: "well", **city.does}.items() if does != "not start")
    match hand:
        case "shift":
            traffic = (Target(ready[0], 60), Target(ready[-1], 40)) if len(ready) > 1 else traffic
        case "shift away":
            traffic = (Target(ready[0], 100),)
            city.watch.good.add(ready[0])
        case "touch":
            notes["team"] = "payments"
        case "create":
            city.create("outsider", "well", service)
        case "delete the record":
            notes.pop(record.ROLLOUT, None)
            city.watch.good |= set(percents(traffic, service))  # nobody can tell any more
        case "damage the record":
            city.watch.good |= set(percents(traffic, service))
            if record.ROLLOUT in notes:
                notes[record.ROLLOUT] = notes[record.ROLLOUT][:40]
        case "damage the request":
            notes[record.REQUEST] = '{"wish": ["abort"]}'
    if hand != "create":
        city.cloud.change(traffic, notes)
    city.watch.outsider(hand)


# ----------------------------------------------------------------------------------- afterwards


def _tidy(city: City) -> None:
    """A person aborts from elsewhere, again where somebody came in between; where somebody has destroyed what
    an abort needs, the person says which revision is good."""
    if city.cloud.service is None:
        return
    for number in range(3):
        error = _ends(city, Process("abort"), f"abort-end-{number}")
        if error is None or isinstance(error, NeedsPerson):
            break
    left = record.find(city.cloud.service.annotations)
    unclear = not isinstance(left, Record) or isinstance(error, NeedsPerson)
    if city.watch.touched >= 0 and (unclear or len(effective(city.cloud.service)) > 1):
        _ends(city, Process("rollback", to=STABLE), "rollback-end")


def _ends(city: City, process: Process, name: str) -> TidegateError | None:
    _enter(city, process, name)
    city.stage.run()
    return city.watch.ends[name]
