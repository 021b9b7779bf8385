"""Counts with callgrind what a program executes inside its function herald_measured, so that noise
cannot hide a cost. The program prints what it did as lines `name value`, among them `counted N`."""

import pathlib
import re
import shutil
import subprocess
import tempfile
from typing import NamedTuple


class Count(NamedTuple):
    instructions_each: float  # for each of the things that the program counted
    said: dict[str, str]  # the program's other lines


def missing() -> str:
    """Why nothing can be counted here; empty if it can."""
    return "" if shutil.which("valgrind") else "valgrind is not installed"


def count(program: str, *arguments: str) -> Count:
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "callgrind.out"
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--toggle-collect=herald_measured",
             f"--callgrind-out-file={output}", program, *arguments],
            capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)} failed:\n{run.stdout}{run.stderr}")
        total = int(re.search(r"^(?:totals|summary): (\d+)", output.read_text(), re.M).group(1))
    if total == 0:
        raise AssertionError("callgrind counted nothing: is herald_measured there?")
    said = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    return Count(total / int(said.pop("counted")), said)
