#!/usr/bin/env python3
"""Subscribers that do not match, and publishers that are idle, cost (almost) no instructions;
subscribing many and removing them in random order is linear; a token of a TokenStream costs at most
three times a bare event, also if only publishing counts, however many streams are open.

Counted by callgrind, so that noise cannot hide a cost. Usage: instruction_cost_test.py PROGRAM
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

import callgrind  # noqa: E402

ALLOWED_GROWTH = 0.05
PROGRAM = ""


def instructions_each(kind: str, count: int) -> float:
    return callgrind.count(PROGRAM, kind, str(count)).instructions_each


class InstructionCost(unittest.TestCase):
    def expect_flat(self, kind: str, unit: str, counts: list[int]):
        self.expect_growth_below(ALLOWED_GROWTH, kind, unit, counts)

    def expect_growth_below(self, allowed: float, kind: str, unit: str, counts: list[int]):
        costs = [instructions_each(kind, count) for count in counts]
        for count, cost in zip(counts, costs):
            print(f"{count:>7} {unit}: {cost:.1f} instructions each")
        for count, cost in zip(counts, costs):
            growth = cost / costs[0] - 1
            self.assertLess(growth, allowed, f"{count} {unit} cost {growth:+.1%}")

    def test_subscribers_of_other_types(self):
        self.expect_flat("others", "subscribers of another type", [0, 10, 100_000])

    def test_subscribers_of_other_streams(self):
        self.expect_flat("streams", "subscribers of other streams", [0, 10, 100_000])

    def test_batch_subscribers_of_other_types(self):
        self.expect_flat("batches", "batch subscribers of other types", [0, 10, 100_000])

    def test_coming_and_leaving_is_linear(self):
        # 100 times as many: each would cost up to 100 times as much if it were not.
        self.expect_growth_below(1.0, "visitors", "subscribers that come and leave",
                                 [1_000, 100_000])

    def test_open_streams(self):
        self.expect_flat("tokens", "open token streams with a subscriber", [1, 100, 10_000])

    def test_a_token_costs_at_most_three_events(self):
        self.expect_three_times_at_most("an event", "events", "a token", "tokens")

    def test_publishing_a_token_costs_at_most_three_events(self):
        self.expect_three_times_at_most("publishing", "publish", "a token", "publish_token")

    def expect_three_times_at_most(self, bare: str, bare_kind: str, more: str, more_kind: str):
        bare_cost, more_cost = instructions_each(bare_kind, 1), instructions_each(more_kind, 1)
        print(f"{bare} {bare_cost:.1f}, {more} {more_cost:.1f} instructions: "
              f"{more_cost / bare_cost:.2f} times")
        self.assertLessEqual(more_cost, 3 * bare_cost)

    def test_idle_publishers(self):
        self.expect_flat("publishers", "publishers, all but one idle", [1, 8, 64])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    if callgrind.missing():
        print(f"SKIPPED: {callgrind.missing()}; the costs were NOT checked", file=sys.stderr)
        sys.exit(77)
    unittest.main()
