"""Runs the points, round after round, every contender of a point in turn, each pass beginning with
the next of them (A B C B C A ...)."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from report import plan, summary

LONGEST_S = 60  # of one measurement


class Failed(Exception):
    """The program did not answer as it should."""


class Progress:
    """One line on a terminal, rewritten; elsewhere a line for each round."""

    def __init__(self, total: int, rounds: int) -> None:
        self.total = total
        self.rounds = rounds
        self.done = 0
        self.number = 0
        self.terminal = sys.stderr.isatty()

    def round(self, number: int) -> None:
        if number != self.number and not self.terminal:
            print(f"herald: round {number} of {self.rounds}", file=sys.stderr)
        self.number = number

    def step(self, text: str) -> None:
        self.done += 1
        if self.terminal:
            line = f"{100 * self.done // self.total:3d} %  {text}"
            print(f"\r{line[:99]:<99}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.terminal:
            print(f"\r{'':<99}\r", end="", file=sys.stderr, flush=True)


class Outcome(NamedTuple):
    runs: list[dict]
    failures: list[str]
    interrupted: bool


def run_program(program: pathlib.Path, arguments: list[str]) -> dict:
    """The JSON that it printed, also when its checks failed."""
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True,
                              timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(arguments)}: no end within {LONGEST_S} s") from None
    if done.returncode not in (0, 1) or not done.stdout.startswith("{"):
        raise Failed(f"{' '.join(arguments)}: exit status {done.returncode} "
                     f"{done.stderr.strip()}")
    return json.loads(done.stdout)


def placement(program: pathlib.Path) -> dict:
    return run_program(program, ["placement"])


def in_turn(contenders: Sequence[plan.Contender], turn: int) -> list[plan.Contender]:
    """Those of a pass: what comes first, after another point, is not always the same one."""
    first = (turn - 1) % len(contenders)
    return [*contenders[first:], *contenders[:first]]


def run_point(program: pathlib.Path, point: plan.Point, turn: int, extra: list[str],
              progress: Progress, failures: list[str]) -> list[dict]:
    """Every contender once, between two looks at the placement."""
    runs = []
    before = placement(program)
    for contender in in_turn(point.contenders, turn):
        progress.step(f"{point.name}  {contender.label}")
        arguments = [point.workload, contender.system, *point.arguments, *contender.arguments,
                     *extra]
        try:
            found = run_program(program, arguments)
        except Failed as failed:
            failures.append(str(failed))
            continue
        if not found["checked"]:
            failures.append(f"{point.name}: {contender.label}: {found['failure']}")
        runs.append({"point": point.name, "contender": contender.label, **found})
    after = placement(program)
    for run in runs:
        run["placement"] = summary.placement_of(before["placement"], after["placement"])
        run["one_way_ns"] = [look.get("one_way_ns") for look in (before, after)]
    return runs


def schedule(passes: list[list[plan.Point]], rounds: int) -> Iterator[tuple[int, int, plan.Point]]:
    """Each round, whose turn it is to begin, and the point."""
    for number in range(1, rounds + 1):
        for turn, points in enumerate(passes, number):
            yield from ((number, turn, point) for point in points)


def run_all(program: pathlib.Path, passes: list[list[plan.Point]], rounds: int,
            extra: list[str]) -> Outcome:
    """Keeps what it has when interrupted: the points that were complete."""
    steps = list(schedule(passes, rounds))
    progress = Progress(sum(len(point.contenders) for _, _, point in steps), rounds)
    runs: list[dict] = []
    failures: list[str] = []
    interrupted = False
    try:
        for number, turn, point in steps:
            progress.round(number)
            try:
                found = run_point(program, point, turn, extra, progress, failures)
                runs += [{"round": number, **run} for run in found]
            except Failed as failed:  # of the placement: nobody can say where they ran
                failures.append(str(failed))
    except KeyboardInterrupt:
        interrupted = True
    progress.end()
    return Outcome(runs, failures, interrupted)
