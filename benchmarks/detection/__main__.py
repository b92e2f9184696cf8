"""`python -m benchmarks.detection`: the table of what is found and what is left alone."""

from __future__ import annotations

import argparse
import sys

from benchmarks.detection import runner, table
from benchmarks.detection.families import FAMILIES
from benchmarks.detection.outcome import Outcome


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="rollouts per family (1000)")
    parser.add_argument("--quick", action="store_true", help="50 seeds")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--families", default="", help="names or parts of names, separated by commas")
    arguments = parser.parse_args()
    seeds = 50 if arguments.quick else arguments.seeds
    wanted = [part.strip() for part in arguments.families.split(",") if part.strip()]
    names = [n for n in FAMILIES if not wanted or any(part in n for part in wanted)]
    if not names:
        print(f"no such family; there are: {', '.join(FAMILIES)}", file=sys.stderr)
        return 2
    by_family: dict[str, list[Outcome]] = {name: [] for name in names}
    for result in runner.run(names, seeds, arguments.jobs):
        by_family[result.family].append(result.outcomes[runner.JUDGE])
    print("\n".join(table.healthy_rows(by_family)))
    print()
    print("\n".join(table.faulty_rows(by_family)))
    outcomes = [o for found in by_family.values() for o in found]
    looks = sum(o.looks for o in outcomes)
    print(f"\n{looks} looks, {1000 * sum(o.seconds for o in outcomes) / max(looks, 1):.1f} ms each")
    return 0


if __name__ == "__main__":
    sys.exit(main())
