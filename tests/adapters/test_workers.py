"""Work side by side: all of it, not too much at a time, and nobody is waited for after an end."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from tidegate.adapters.workers import side_by_side


def test_every_result_comes_with_its_number() -> None:
    assert sorted(side_by_side([lambda n=n: n * n for n in range(20)], 3)) == [(n, n * n) for n in range(20)]  # type: ignore[misc]  # bound early
    assert list(side_by_side([], 3)) == []


def test_no_more_than_so_many_are_under_way() -> None:
    lock, now, most = threading.Lock(), [0], [0]
    meet = threading.Barrier(3)

    def work() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        meet.wait(10)  # passes only if three are there at once
        with lock:
            now[0] -= 1

    list(side_by_side([work] * 9, 3))
    assert most[0] == 3


def test_the_first_error_is_raised_and_nothing_is_begun_any_more() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 2:
            raise OSError("broken")
        return number

    with pytest.raises(OSError, match="broken"):
        list(side_by_side([lambda n=n: work(n) for n in range(50)], 1))  # type: ignore[misc]  # bound early
    assert begun == [0, 1, 2]


def test_the_exit_of_the_process_waits_for_nobody() -> None:
    code = (
        "import threading; from tidegate.adapters.workers import side_by_side\n"
        "found = side_by_side([lambda: 1, threading.Event().wait], 2)\n"
        "print(next(found))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "(0, 1)\n", "")
