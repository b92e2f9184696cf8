"""Runs the watches of each family, some seeds at a time."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from benchmarks.detection.simulate import make
from benchmarks.guard.families import FAMILIES
from benchmarks.guard.watched import Watched, watched
from tidegate.core.guard import Watch

CHUNK = 5
"""Seeds a process does at a time."""


def run_chunk(name: str, seeds: range) -> dict[int, Watched]:
    watching = FAMILIES[name]
    family, criteria = watching.family, watching.criteria
    return {
        seed: watched(make(family, seed), criteria, Watch(), to_the_end=not family.faulty) for seed in seeds
    }


def run(names: list[str], seeds: range, jobs: int) -> dict[str, dict[int, Watched]]:
    # One process a core: numpy's own threads would only get in the way. Read when the workers import it.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    found: dict[str, dict[int, Watched]] = {name: {} for name in names}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        chunks = {
            pool.submit(run_chunk, name, seeds[at : at + CHUNK]): name
            for at in range(0, len(seeds), CHUNK)
            for name in names
        }
        for ended, future in enumerate(as_completed(chunks), 1):
            found[chunks[future]].update(future.result())
            print(f"{ended} of {len(chunks)} chunks", file=sys.stderr)
    return found
