"""The families of rollouts, healthy and faulty, and what sets them apart from the default `World`."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.detection import load
from benchmarks.detection.world import ANY_FILLING, Change, Leak, World


@dataclass(frozen=True)
class Family:
    name: str
    about: str
    faulty: bool
    world: World
    right: frozenset[str]
    """Attributions that are right: of those rolled back in a faulty family, of all in a healthy one."""
    minutes: int = 60
    """Of samples, until the rollout is over."""
    power: str = ""
    """What can be found at all within 30 minutes; the figures are those of `oracle`."""


INNOCENT = frozenset({"none", "unknown", "traffic"})
REVISION = frozenset({"revision"})


def _healthy(name: str, about: str, world: World, *also: str) -> Family:
    return Family(name, about, False, world, INNOCENT | set(also))


def _shared(name: str, about: str, world: World, attribution: str) -> Family:
    return Family(name, about, False, world, frozenset({attribution}))


def _faulty(name: str, about: str, world: World, power: str = "", minutes: int = 30) -> Family:
    return Family(name, about, True, world, REVISION, minutes, power)


def _leaking(leak: Leak, instances: int | tuple[int, int], **changes: object) -> World:
    count = (instances, instances) if isinstance(instances, int) else instances
    return World(  # type: ignore[arg-type]
        candidate=(Change(leak=leak),),
        instances=count,
        scaling=0.0,
        **changes,
    )


HEALTHY = (
    _healthy("a/a", "the same revision twice", World()),
    _healthy(
        "pool warm-up",
        "pools of 15-100 that fill exponentially (time constants 0.3-6 min), hyperbolically, in steps, or in "
        "a straight line within 5 min; in a third of the seeds part of them fills on with every step",
        World(pool=(15, 100), pool_chance=1.0, fillings=ANY_FILLING, refills=0.33),
    ),
    _healthy("daily traffic", "a day of 2-24 h, ±30-85 %", World(traffic=(load.daily,), per_load=(0.2, 1.0))),
    _healthy(
        "gc sawtooth",
        "descriptors 5-60 and memory 20-80 MiB climb for 1-15 min and are freed at once, on both",
        World(teeth=(5, 60), heap_teeth=(20, 80), heap_minutes=(1, 15)),
    ),
    _healthy(
        "churn and restarts",
        "instances live 4-25 min on both; new ids, or the same id after up to 100 s away",
        World(restarts=(4, 25), pool_chance=0.7, pool=(3, 40), fillings=ANY_FILLING),
    ),
    _healthy("under 1 request/s", "0.02-0.9 requests/s", World(rate=(0.02, 0.9))),
    _healthy(
        "missing and late",
        "20 % of the samples never come, 20 % come up to 6 min late",
        World(missing=0.2, late=0.2),
    ),
    _healthy(
        "noisy neighbour",
        "a placement up to 5 % slower, short slow spells on one revision, longer ones on both",
        World(neighbour=True, latency_offset=0.05, cpu_offset=0.04),
        "shared",
        "pre_existing",
    ),
    _healthy(
        "load-proportional fds",
        "0.5-4 descriptors per request and second",
        World(per_load=(0.5, 4.0)),
    ),
    _healthy(
        "keep-alive step",
        "the candidate's descriptors and connections jump by 10-60 once",
        World(candidate=(Change(jump=(10, 60)),)),
    ),
    _healthy(
        "upstream outage",
        "for 3-12 min 20-80 % errors, latency ×2-5, waiting connections, on both",
        World(outage=True),
        "shared",
    ),
    _healthy(
        "scale to zero",
        "traffic for 4-20 min, none for 6-30 min; instances come and go",
        World(traffic=(load.on_and_off,), scaling=1.0, full=(1, 3)),
    ),
    _healthy(
        "error bursts with retries",
        "bursts of 2-30 % errors on both at once or on either; the ratio itself wanders",
        World(error_bursts=True, spread=(0.3, 0.8)),
        "shared",
        "pre_existing",
    ),
    _healthy(
        "placement offset",
        "CPU and latency of two healthy placements differ by up to 6 %",
        World(cpu_offset=0.03, latency_offset=0.03),
    ),
    _shared(
        "leak in both by time",
        "0.5-5/min on both, for hours already",
        World(both=(Change(leak=Leak((0.5, 5.0))),)),
        "pre_existing",
    ),
    _shared(
        "leak in both by request",
        "0.5-5/min on both in the mean of the rollout, in proportion to the requests",
        World(both=(Change(leak=Leak((0.5, 5.0), by="request")),)),
        "pre_existing",
    ),
    _shared(
        "shared leak",
        "both begin to leak 1-5/min at the same time, 5-25 min into the rollout",
        World(both=(Change(leak=Leak((1.0, 5.0)), onset=(5, 25)),)),
        "shared",
    ),
    _shared(
        "shared slow-down",
        "both become ×1.7-2.5 slower for good, 5-25 min into the rollout",
        World(both=(Change(latency=(1.7, 2.5), onset=(5, 25)),)),
        "shared",
    ),
    Family(
        "the cure",
        "the stable revision leaks 1-5/min, the candidate does not",
        False,
        World(stable=(Change(leak=Leak((1.0, 5.0))),)),
        INNOCENT | {"pre_existing"},
    ),
    _healthy(
        "coarse samples",
        "every 60 s, few instances, error ratios without counts, of the latencies the mean only",
        World(period=60.0, coarse=True, instances=(1, 2), scaling=0.0),
    ),
)

FAULTY = (
    _faulty(
        "leak 1/min on 3 instances",
        "one descriptor a minute",
        _leaking(Leak((1, 1)), 3),
        "one test of 3.5 standard errors finds 90 % in 15 min and 100 % in 30 with nothing to go by but the "
        "candidate, and 100 % in 15 where pool and load are known",
    ),
    _faulty(
        "leak 1/min on 1 instance",
        "one descriptor a minute",
        _leaking(Leak((1, 1)), 1),
        "one test of 3.5 standard errors finds 68 % in 15 min and 93 % in 30 with nothing to go by but the "
        "candidate, and 86 % and 99 % where pool and load are known, from the stable revision say",
    ),
    _faulty(
        "leak 5/min on 3 instances",
        "five descriptors a minute",
        _leaking(Leak((5, 5)), 3),
        "one test of 3.5 standard errors finds all in 10 min",
    ),
    _faulty(
        "leak 5/min on 1 instance",
        "five descriptors a minute",
        _leaking(Leak((5, 5)), 1),
        "one test of 3.5 standard errors finds 98 % in 10 min and all in 15",
    ),
    _faulty(
        "leak per request",
        "2-4/min in the mean of the 30 min, in proportion to moving traffic: a third of it or less at 10 %",
        _leaking(Leak((2, 4), by="request"), (1, 3)),
    ),
    _faulty(
        "one code path",
        "one instance in ten leaks 5-8/min",
        _leaking(Leak((5, 8), instances=1), 10),
    ),
    _faulty(
        "leak and warm-up",
        "2-4/min and pools of 15-80 of any shape",
        _leaking(Leak((2, 4)), (1, 3), pool=(15, 80), pool_chance=1.0, fillings=ANY_FILLING, refills=0.33),
    ),
    _faulty(
        "leak hidden by restarts",
        "3-6/min, instances of the candidate (or of both) live 6-10 min",
        _leaking(Leak((3, 6)), (2, 3), restarts=(6, 10), restarts_both=0.5),
        "where only the candidate restarts and the stable revision was never seen young (three in ten), "
        "a pool that fills for longer than a life looks the same",
    ),
    _faulty(
        "bursty leak",
        "2-4/min, in bursts 2-5 min apart",
        _leaking(Leak((2, 4), shapes=("bursts",)), (1, 3)),
    ),
    _faulty(
        "leak after 10 min",
        "2-5/min, begins 10 min into the rollout; times count from there",
        World(
            candidate=(Change(leak=Leak((2, 5)), onset=(10, 10)),),
            instances=(1, 3),
            scaling=0.0,
        ),
        minutes=40,
    ),
    _faulty(
        "connections only",
        "2-4 connections a minute, descriptors stay",
        _leaking(Leak((2, 4), gauge="tcp_connections"), (1, 3)),
    ),
    _faulty(
        "memory",
        "2-4 MiB/min under a collector's sawtooth of 5-25 MiB",
        _leaking(Leak((2, 4), gauge="memory_bytes", shapes=("steady",)), (1, 3)),
    ),
    _faulty(
        "p99 only",
        "p99 ×2-3, p50 as before; 5-40 requests/s",
        World(rate=(5, 40), candidate=(Change(p99=(2, 3)),)),
    ),
    _faulty("latency", "everything ×1.6-2", World(rate=(2, 40), candidate=(Change(latency=(1.6, 2.0)),))),
    _faulty(
        "errors +0.5 points",
        "10 requests/s, 0.1 % before",
        World(rate=(10, 10), traffic=(load.flat,), errors=(1e-3, 1e-3), candidate=(Change(errors=0.005),)),
        "a sequential test that knows both ratios finds every one, half in 11 min and 95 % in 21",
    ),
    _faulty(
        "errors +5 points",
        "2 requests/s, 0.5-1 % before",
        World(rate=(2, 2), errors=(5e-3, 1e-2), candidate=(Change(errors=0.05),)),
        "a sequential test that knows both ratios finds every one, half in 7 min and 95 % in 13",
    ),
    _faulty(
        "cpu +10 %",
        "per request; placements differ by up to 2 %, idle instances use under 1 % CPU",
        World(rate=(10, 40), idle_cpu=(0.003, 0.01), cpu_offset=0.01, candidate=(Change(cpu=1.1),)),
        "the mean of 30 min is uncertain by 1 % at most, and the placements by 2 %: within reach",
    ),
    _faulty(
        "more instances",
        "half as many again for the same traffic, where 6-10 carry the whole",
        World(rate=(10, 60), scaling=1.0, full=(6, 10), candidate=(Change(instances=1.5),)),
        "whole instances hide it below half of the traffic, which the candidate has after 15 to 20 min",
    ),
    _faulty(
        "never starts",
        "the candidate gets its share and nothing is ever heard of it",
        World(candidate=(Change(silent=True),)),
    ),
    _faulty(
        "starves the stable one",
        "the candidate leaks 4-8/min from a pool they share; 8-14 min on both are ×1.5-2.5 slower and "
        "connections of the stable revision wait",
        _leaking(
            Leak((4, 8), gauge="sockets"),
            (1, 3),
            both=(Change(latency=(1.5, 2.5), onset=(8, 14)),),
            stable=(Change(leak=Leak((1, 3), gauge="sockets"), onset=(10, 14)),),
        ),
    ),
    _faulty(
        "coarse leak",
        "2-4/min in samples every 60 s",
        _leaking(Leak((2, 4)), (1, 2), period=60.0, coarse=True),
    ),
    _faulty(
        "coarse errors and slow",
        "errors +8 points and latency ×2, in ratios and means every 60 s",
        World(rate=(5, 40), period=60.0, coarse=True, candidate=(Change(errors=0.08, latency=(2, 2)),)),
    ),
)

FAMILIES = {family.name: family for family in (*HEALTHY, *FAULTY)}

TARGET_HEALTHY = tuple(HEALTHY[i].name for i in range(12))
"""The healthy families that the targets name; of the others nothing is promised, but they are told."""
PRE_EXISTING_LEAKS = ("leak in both by time", "leak in both by request", "shared leak")
TARGET_FAULTS = (
    "leak per request",
    "one code path",
    "leak and warm-up",
    "leak hidden by restarts",
    "p99 only",
    "errors +0.5 points",
    "cpu +10 %",
    "never starts",
)
"""The faults that the targets name, besides plain leaks."""
