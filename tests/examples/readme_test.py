#!/usr/bin/env python3
"""What README.md shows as C++ stands, to the letter, in programs that are built and run."""

import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
METHODS = ("streamToken", "streamComplete", "streamError", "streamInfo", "updateMetrics",
           "clearMetrics", "subscribe", "unsubscribe", "emit")
MARKED = re.compile(r"<!-- example: (\w+) -->\n```cpp\n(.*?)```\n", re.DOTALL)


class Readme(unittest.TestCase):
    def setUp(self):
        self.text = (ROOT / "README.md").read_text(encoding="utf-8")
        self.marked = MARKED.findall(self.text)

    def test_every_cpp_block_names_its_example(self):
        self.assertGreater(len(self.marked), 0)
        self.assertEqual(len(self.marked), self.text.count("```cpp"))

    def test_every_block_is_part_of_the_program_that_is_built_and_run(self):
        for name, block in self.marked:
            program = (ROOT / "tests" / "examples" / f"{name}.cc").read_text(encoding="utf-8")
            self.assertIn(block, program, f"README.md and tests/examples/{name}.cc differ")

    def migration_rows(self):
        section = self.text.split("## Coming from the TypeScript bus\n")[1].split("\n## ")[0]
        return re.findall(r"^\| (?!---)(.+?) \| (.+) \|$", section, re.MULTILINE)[1:]

    def test_every_method_of_the_typescript_bus_has_its_line(self):
        named = re.findall(r"`(\w+)`", " ".join(there for there, _ in self.migration_rows()))
        self.assertEqual(sorted(named), sorted(METHODS))

    def test_every_line_of_that_table_is_one_of_the_program_that_is_built_and_run(self):
        program = (ROOT / "tests" / "examples" / "migration.cc").read_text(encoding="utf-8")
        lines = {line.strip() for line in program.splitlines()}
        for there, here in self.migration_rows():
            forms = re.findall(r"`([^`]+)`", here)
            self.assertTrue(forms, there)
            for form in forms:
                self.assertTrue(form in lines, f"tests/examples/migration.cc has no line {form}")

    def test_the_first_program_has_at_most_20_lines(self):
        self.assertLessEqual(len(self.marked[0][1].splitlines()), 20)

    def test_every_file_that_it_names_exists(self):
        for path in re.findall(r"`((?:tests|src|tools|include|bench)/[\w./]+\.\w+)`", self.text):
            self.assertTrue((ROOT / path).exists(), f"README.md names {path}, which does not exist")


if __name__ == "__main__":
    sys.exit(unittest.main())
