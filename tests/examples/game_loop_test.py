#!/usr/bin/env python3
"""The game loop at 60 and at 240 frames a second: nothing starved, nothing allocated. The times are
printed, not judged."""

import re
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop()
EVENTS_A_FRAME = 400 + 200 + 100 + 400 // 4  # collisions, blows, sounds, wounds


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, encoding="utf-8",
                          check=False)


class GameLoop(unittest.TestCase):
    def expect_all(self, frames, frames_a_second):
        ended = run(str(frames), str(frames_a_second))
        print(ended.stdout, flush=True)
        self.assertEqual((ended.stderr, ended.returncode), ("", 0))
        said = dict(re.split(r"  +", line, maxsplit=1) for line in ended.stdout.splitlines())
        self.assertEqual(said["frames"], f"{frames} at {frames_a_second} a second")
        if said["allocations in steady state"] == "not counted":
            return  # a sanitizer: too slow to promise that no lane fills
        self.assertEqual(said["events"], f"{frames * EVENTS_A_FRAME}, 0 refused")
        self.assertEqual(said["allocations in steady state"], "0")

    def test_at_60_frames_a_second(self):
        self.expect_all(120, 60)

    def test_at_240_frames_a_second(self):
        self.expect_all(480, 240)

    def test_other_arguments_are_refused(self):
        for arguments in (["x"], ["19"], ["20", "0"], ["20", "60", "1"], ["20x"], ["-20"]):
            ended = run(*arguments)
            self.assertEqual(ended.returncode, 2, arguments)
            self.assertIn("allowed:", ended.stderr)
            self.assertIn(f"'{arguments[-1]}'", ended.stderr)
            self.assertEqual(ended.stdout, "")


if __name__ == "__main__":
    unittest.main()
