#!/usr/bin/env python3
"""What the assistant shows on its terminal, whatever the order in which its components speak."""

import re
import subprocess
import sys
import unittest

PROGRAM = sys.argv.pop()


class Assistant(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_ = subprocess.run([PROGRAM], capture_output=True, encoding="utf-8", check=False)
        cls.lines = cls.run_.stdout.splitlines()

    def said(self, stream):
        return [line.removeprefix(f"{stream}> ") for line in self.lines
                if line.startswith(f"{stream}> ")]

    def test_it_finds_nothing_wrong(self):
        self.assertEqual((self.run_.stderr, self.run_.returncode), ("", 0))
        self.assertRegex(self.lines[-1], r"^8 streams ended once each: 5 complete, 1 cancelled, "
                         r"2 failed; \d+ events, \d+ exceptions contained, the books balance$")

    def test_the_text_is_whole_though_others_speak_in_between(self):
        *text, end = self.said("answer")
        self.assertEqual("".join(text), "Low water is at 16:40. Take the path over the flats "
                         "– not the dyke – and be back by six. 🌊")
        self.assertRegex(end, r"^complete: stop, first token after \S+ ms, \S+ tokens/s$")

    def test_the_story_stops_where_the_user_has_enough(self):
        *text, end = self.said("story")
        self.assertEqual("".join(text), 3 * "and then the tide came in, ")
        self.assertEqual(end, "complete: cancelled")
        self.assertTrue(self.said("farewell"))

    def test_status_lines_come_with_progress(self):
        self.assertEqual(self.said("routing"), ["asking two experts", "50 %", "dialogue answers",
                                                "100 %", "complete: stop"])
        self.assertEqual(self.said("model")[:2], ["loading from layer 0", "25 %"])
        self.assertEqual(self.said("plan")[-2:], ["step 4 of 4: note the time", "complete: stop"])

    def test_failures_are_told(self):
        self.assertEqual(self.said("graph")[-1], "ERROR cycle: edge 7 to 3 closes a cycle")
        self.assertTrue(any(re.match("ERROR abandoned: ", line) for line in self.said("search")))
        self.assertIn("WARNING search failed: the harbour does not answer", self.said("assistant"))


if __name__ == "__main__":
    sys.exit(unittest.main())
