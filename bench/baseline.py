#!/usr/bin/env python3
"""Guards what each stage costs: instructions an event, counted by callgrind, against the figures in
bench/baseline.json, which hold for one compiler and its flags.

  bench/baseline.py            fails if a stage costs more than 3 % above its baseline; tools/test
                               runs it as the test `baseline`
  bench/baseline.py --update   writes what is measured now into the baseline, and prints
                               old -> new; commit it with the reason

A stage that only comes on top of another is counted as the difference of two runs, so that it alone
fails when it gets dearer. Such a figure also rises when the way without it gets cheaper: look at
both before you move the baseline.

Exit status: 0 within the baseline, 1 above it, 77 if nothing could be compared.
"""

import argparse
import json
import pathlib
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

import callgrind  # noqa: E402

BASELINE = ROOT / "bench" / "baseline.json"
PROGRAM = ROOT / "build" / "test" / "tests" / "instruction_cost"
ALLOWED_CHANGE = 0.03
SKIPPED = 77


class Stage(NamedTuple):
    """What `work` costs beyond `without`, shared by `times`: arguments of instruction_cost."""
    meaning: str
    work: str
    without: str = ""
    times: int = 1


STAGES = {
    "publish": Stage("a lane takes an event", "publish 0"),
    "publish_batch": Stage("the same, as one of 256", "publish_batch 0"),
    "publish_shared": Stage("the shared lane takes an event", "publish_shared 0"),
    "token": Stage("what TokenStream adds to publish", "publish_token 0", "publish 0"),
    "dispatch": Stage("an event goes from the lane to no subscriber", "subscribers 0"),
    "delivery": Stage("the first subscriber", "subscribers 1", "subscribers 0"),
    "further_delivery": Stage("each of 100 more", "subscribers 101", "subscribers 1", 100),
    "batch_delivery": Stage("a batch subscriber", "batch_subscribers 1", "subscribers 0"),
    "stream_delivery": Stage("a subscriber of one stream", "stream_subscribers 1", "subscribers 0"),
    "middleware": Stage("a middleware that lets it pass", "middlewares 1", "subscribers 0"),
    "replay_ring": Stage("the replay ring keeps an event", "kept 1", "subscribers 1"),
    "latency": Stage("measured from publish to delivery", "tracked 1", "untracked 1"),
    "subscribe": Stage("one of 1,000 comes and leaves", "visitors 1000"),
}


def measure(program: str) -> tuple[str, dict[str, str], dict[str, float]]:
    """The compiler, the surroundings, and the cost of each stage."""
    works = {work for stage in STAGES.values() for work in (stage.work, stage.without) if work}
    counts = {work: callgrind.count(program, *work.split()) for work in sorted(works)}
    surroundings = dict(counts["publish 0"].said)
    each = {work: count.instructions_each for work, count in counts.items()} | {"": 0.0}
    costs = {name: round((each[stage.work] - each[stage.without]) / stage.times, 2)
             for name, stage in STAGES.items()}
    return surroundings.pop("compiler"), surroundings, costs


def why_incomparable(recorded: dict, compiler: str, surroundings: dict[str, str]) -> str:
    if compiler not in recorded:
        return f"there is no baseline for {compiler}, only for: {', '.join(recorded) or 'none'}"
    for name, value in recorded[compiler]["surroundings"].items():
        if surroundings[name] != value:
            return f"the baseline is for {name} '{value}', and here it is '{surroundings[name]}'"
    return ""


class Verdict(NamedTuple):
    lines: list[str]
    passed: bool


def compare(baseline: dict[str, float], costs: dict[str, float]) -> Verdict:
    """Judges every stage of either side; one that the other side lacks fails."""
    lines = [f"{'stage':<17}{'baseline':>10}{'now':>10}  instructions"]
    passed, fewer = True, False
    for name in costs | baseline:
        if name not in baseline or name not in costs:
            lines.append(f"{name:<17} stands {'here' if name in costs else 'in the baseline'} only")
            passed = False
            continue
        old, now = baseline[name], costs[name]
        line = f"{name:<17}{old:>10.2f}{now:>10.2f}  {now / old - 1:+.1%}"
        if now > old * (1 + ALLOWED_CHANGE):
            line += f"  FAILED: more than {ALLOWED_CHANGE:.0%} above"
            passed = False
        elif now < old * (1 - ALLOWED_CHANGE):
            line += "  better"
            fewer = True
        lines.append(line)
    if not passed:
        lines.append("If a stage is meant to cost more, move the baseline and say why: "
                     "bench/baseline.py --update")
    elif fewer:
        lines.append("Keep what was won: lower the baseline with bench/baseline.py --update")
    return Verdict(lines, passed)


def update(recorded: dict, compiler: str, surroundings: dict[str, str],
           costs: dict[str, float]) -> list[str]:
    """Moves the baseline of one compiler in `recorded`; says what changed."""
    old = recorded.get(compiler, {"surroundings": {}, "instructions": {}})
    recorded[compiler] = {"surroundings": surroundings, "instructions": costs}
    changes = [(name, old[part].get(name), new.get(name))
               for part, new in recorded[compiler].items()
               for name in new | old[part] if old[part].get(name) != new.get(name)]
    return [f"{compiler} {name}: {before or 'none'} -> {now or 'none'}"
            for name, before, now in changes] or [f"{compiler}: nothing has changed"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="move the baseline")
    parser.add_argument("program", nargs="?", default=PROGRAM,
                        help="instruction_cost, default: as tools/test builds it")
    arguments = parser.parse_args()
    if callgrind.missing():
        print(f"SKIPPED: {callgrind.missing()}; the costs were NOT checked", file=sys.stderr)
        return SKIPPED
    if not pathlib.Path(arguments.program).is_file():
        parser.error(f"{arguments.program} is not there: tools/test builds it")
    recorded = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    compiler, surroundings, costs = measure(str(arguments.program))
    if arguments.update:
        print(*update(recorded, compiler, surroundings, costs), sep="\n")
        BASELINE.write_text(json.dumps(recorded, indent=2) + "\n")
        return 0
    if reason := why_incomparable(recorded, compiler, surroundings):
        print(f"SKIPPED: {reason}; the costs were NOT checked", file=sys.stderr)
        return SKIPPED
    verdict = compare(recorded[compiler]["instructions"], costs)
    print(*verdict.lines, sep="\n")
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main())
