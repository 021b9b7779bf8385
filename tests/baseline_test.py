"""Tests of bench/baseline.py: what the guard lets pass, what it fails, what it cannot compare."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))

import baseline  # noqa: E402

FLAGS = {"flags": "-O3"}
OLD = {"publish": 100.0, "dispatch": 50.0}


def recorded() -> dict:
    return {"gcc-12": {"surroundings": dict(FLAGS), "instructions": dict(OLD)}}


class Compare(unittest.TestCase):
    def line_of(self, verdict: baseline.Verdict, stage: str) -> str:
        return next(line for line in verdict.lines if line.startswith(stage))

    def test_three_percent_more_pass(self):
        verdict = baseline.compare(OLD, {"publish": 103.0, "dispatch": 50.0})
        self.assertTrue(verdict.passed)
        self.assertNotIn("--update", verdict.lines[-1])

    def test_above_three_percent_that_stage_alone_fails(self):
        verdict = baseline.compare(OLD, {"publish": 103.1, "dispatch": 50.0})
        self.assertFalse(verdict.passed)
        self.assertIn("FAILED", self.line_of(verdict, "publish"))
        self.assertNotIn("FAILED", self.line_of(verdict, "dispatch"))

    def test_fewer_pass_and_say_how_to_lower_the_baseline(self):
        verdict = baseline.compare(OLD, {"publish": 100.0, "dispatch": 48.0})
        self.assertTrue(verdict.passed)
        self.assertIn("better", self.line_of(verdict, "dispatch"))
        self.assertIn("--update", verdict.lines[-1])

    def test_what_one_stage_wins_does_not_pay_for_another(self):
        self.assertFalse(baseline.compare(OLD, {"publish": 10.0, "dispatch": 52.0}).passed)

    def test_a_stage_that_one_side_lacks_fails(self):
        self.assertFalse(baseline.compare(OLD, {"publish": 100.0}).passed)
        self.assertFalse(baseline.compare(OLD, OLD | {"token": 1.0}).passed)


class Incomparable(unittest.TestCase):
    def test_same_compiler_and_surroundings_are_comparable(self):
        self.assertEqual(baseline.why_incomparable(recorded(), "gcc-12", FLAGS), "")

    def test_an_unknown_compiler_is_named(self):
        self.assertIn("gcc-13", baseline.why_incomparable(recorded(), "gcc-13", FLAGS))

    def test_other_flags_are_named(self):
        reason = baseline.why_incomparable(recorded(), "gcc-12", {"flags": "-O1"})
        self.assertIn("-O3", reason)
        self.assertIn("-O1", reason)


class Update(unittest.TestCase):
    def test_prints_what_moved_and_moves_it(self):
        record = recorded()
        self.assertEqual(
            baseline.update(record, "gcc-12", FLAGS, {"publish": 90.0, "dispatch": 50.0}),
            ["gcc-12 publish: 100.0 -> 90.0"])
        self.assertEqual(record["gcc-12"]["instructions"]["publish"], 90.0)

    def test_tells_new_and_removed_stages(self):
        self.assertEqual(
            baseline.update(recorded(), "gcc-12", FLAGS, {"publish": 100.0, "token": 7.0}),
            ["gcc-12 token: none -> 7.0", "gcc-12 dispatch: 50.0 -> none"])

    def test_leaves_other_compilers_alone(self):
        record = recorded()
        baseline.update(record, "clang-14", FLAGS, {"publish": 1.0})
        self.assertEqual(record["gcc-12"], recorded()["gcc-12"])


if __name__ == "__main__":
    unittest.main()
