"""How often the guard cries wolf, and which slow leaks it finds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.guard import report, runner
from benchmarks.guard.families import FAMILIES
from benchmarks.guard.watched import Watched


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="watches per family (50)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--families", default="", help="names or parts of names, separated by commas")
    parser.add_argument("--alarms", action="store_true", help="also list every alarm of a healthy family")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the tables into it as well")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    wanted = [part.strip() for part in arguments.families.split(",")]
    names = [name for name in FAMILIES if any(part in name for part in wanted)]
    if not names:
        print(f"no such family; there are: {', '.join(FAMILIES)}", file=sys.stderr)
        return 2
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    found = runner.run(names, seeds, arguments.jobs)
    results = {name: [one for _, one in sorted(by_seed.items())] for name, by_seed in found.items()}
    command = " ".join(["python -m benchmarks.guard", *(a for a in sys.argv[1:] if a != "--alarms")])
    text = report.text(results, command=command, seeds=len(seeds))
    print(text)
    if arguments.alarms:
        _print_alarms(found)
    if arguments.write:
        manual = arguments.write.read_text(encoding="utf-8")
        arguments.write.write_text(report.into(manual, text), encoding="utf-8")
    return 0


def _print_alarms(found: dict[str, dict[int, Watched]]) -> None:
    for name, by_seed in found.items():
        if not FAMILIES[name].family.faulty:
            for seed, one in sorted(by_seed.items()):
                for kind, first in (("a leak", one.growing), ("told", one.told)):
                    if first:
                        print(f"{name} #{seed}: {kind} after {first.hours:.0f} h: {first.metrics}")


if __name__ == "__main__":
    sys.exit(main())
