"""How well the judge finds bad revisions and spares good ones, beside other rules on the same traces."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.detection import report, runner, speed
from benchmarks.detection.families import FAMILIES
from benchmarks.detection.kept import Kept
from benchmarks.detection.outcome import Outcome
from benchmarks.detection.runner import JUDGE


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="rollouts per family (1000)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (0)")
    parser.add_argument("--quick", action="store_true", help="50 seeds")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--every", type=float, default=runner.LOOK, help="seconds between looks (60)")
    parser.add_argument("--families", default="", help="names or parts of names, separated by commas")
    parser.add_argument("--no-rivals", action="store_true", help="the judge alone")
    parser.add_argument("--speed", action="store_true", help="what one look costs, and nothing else")
    parser.add_argument("--failures", action="store_true", help="also list the seeds that were judged wrong")
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="note results there as they come, and go on from it"
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there as well")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    if arguments.speed:
        measured = speed.figures()
        print("\n".join(map(str, measured)))
        return 0 if all(figure.met for figure in measured) else 1
    wanted = [part.strip() for part in arguments.families.split(",")]
    names = [n for n in FAMILIES if any(part in n for part in wanted)]
    if not names:
        print(f"no such family; there are: {', '.join(FAMILIES)}", file=sys.stderr)
        return 2
    count = 50 if arguments.quick else arguments.seeds
    seeds = range(arguments.first, arguments.first + count)
    found: dict[str, dict[int, dict[str, Outcome]]] = {name: {} for name in names}
    rivals = not arguments.no_rivals
    kept = Kept(arguments.keep) if arguments.keep else None
    for result in kept.results if kept else ():
        if result.family in found and result.seed in seeds:
            found[result.family][result.seed] = result.outcomes
    done = {(name, seed) for name, by_seed in found.items() for seed in by_seed}
    for result in runner.run(names, seeds, arguments.jobs, every=arguments.every, rivals=rivals, done=done):
        found[result.family][result.seed] = result.outcomes
        if kept:
            kept.add(result)
    results = {name: _by_rule(by_seed) for name, by_seed in found.items()}
    command = " ".join(["python -m benchmarks.detection", *sys.argv[1:]])
    costs = [f"- {figure}." for figure in speed.figures()] if arguments.write else []
    text = report.text(results, command=command, seeds=count, every=arguments.every, speed=costs)
    print(text)
    if arguments.failures:
        _print_failures(found)
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    return 0


def _by_rule(by_seed: dict[int, dict[str, Outcome]]) -> dict[str, list[Outcome]]:
    """Outcomes of each rule in the order of the seeds."""
    ordered = [outcomes for _, outcomes in sorted(by_seed.items())]
    return {rule: [outcomes[rule] for outcomes in ordered] for rule in ordered[0]}


def _print_failures(found: dict[str, dict[int, dict[str, Outcome]]]) -> None:
    for name, by_seed in found.items():
        family = FAMILIES[name]
        for seed, outcomes in sorted(by_seed.items()):
            mine = outcomes[JUDGE]
            good = mine.found(30) if family.faulty else not mine.rolled_back
            if not good or (mine.attribution not in family.right and not family.faulty):
                print(f"{name} #{seed}: {mine.end} at {mine.minutes:.0f} ({mine.attribution}) {mine.blamed}")


if __name__ == "__main__":
    sys.exit(main())
