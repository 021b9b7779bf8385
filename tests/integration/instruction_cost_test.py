#!/usr/bin/env python3
"""Subscribers that do not match, and publishers that are idle, cost (almost) no instructions.

Counted by callgrind, so that noise cannot hide a cost. Usage: instruction_cost_test.py PROGRAM
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ALLOWED_GROWTH = 0.05
PROGRAM = ""


def instructions_per_event(kind: str, count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "callgrind.out"
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=herald_measured",
             f"--callgrind-out-file={output}", PROGRAM, kind, str(count)],
            capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise AssertionError(f"{kind} {count} failed:\n{run.stdout}{run.stderr}")
        events = int(re.search(r"events (\d+)", run.stdout).group(1))
        total = int(re.search(r"^(?:totals|summary): (\d+)", output.read_text(), re.M).group(1))
    if total == 0:
        raise AssertionError("callgrind counted nothing: is herald_measured there?")
    return total / events


class InstructionCost(unittest.TestCase):
    def expect_flat(self, kind: str, unit: str, counts: list[int]):
        costs = [instructions_per_event(kind, count) for count in counts]
        for count, cost in zip(counts, costs):
            print(f"{count:>7} {unit}: {cost:.1f} instructions an event")
        for count, cost in zip(counts, costs):
            growth = cost / costs[0] - 1
            self.assertLess(growth, ALLOWED_GROWTH, f"{count} {unit} cost {growth:+.1%}")

    def test_subscribers_of_other_types(self):
        self.expect_flat("others", "subscribers of another type", [0, 10, 100_000])

    def test_subscribers_of_other_streams(self):
        self.expect_flat("streams", "subscribers of other streams", [0, 10, 100_000])

    def test_idle_publishers(self):
        self.expect_flat("publishers", "publishers, all but one idle", [1, 8, 64])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    if shutil.which("valgrind") is None:
        print("SKIPPED: valgrind is not installed; the costs were NOT checked", file=sys.stderr)
        sys.exit(77)
    unittest.main()
