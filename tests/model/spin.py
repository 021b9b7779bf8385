#!/usr/bin/env python3
"""Checks tests/model/parking.pml with spin: both modes must hold, every mutant must fail.

Exits 0 if all is as it must be, 1 if not, 77 if spin or a C compiler is missing.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MODEL = pathlib.Path(__file__).resolve().parent / "parking.pml"

MODES = {
    "membarrier": [],
    "sequentially consistent": ["SEQ_CST"],
}
MUTANTS = {
    "no heavy barrier": ["NO_BARRIER"],
    "light store not locked": ["SEQ_CST", "PLAIN_STORE"],
    "look before flag, membarrier": ["LATE_FLAG"],
    "look before flag, sequentially consistent": ["SEQ_CST", "LATE_FLAG"],
    "no second look": ["NO_SECOND_LOOK"],
    "plain reset": ["PLAIN_RESET"],
    "no wake-up": ["NO_WAKE"],
}


def run(command: list[str], folder: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def verify(defines: list[str]) -> tuple[bool, str]:
    """Whether the claim holds, and spin's figures."""
    if os.environ.get("HERALD_FULL"):
        defines = [*defines, "FULL"]
    with tempfile.TemporaryDirectory() as folder:
        run(["spin", "-a", *[f"-D{name}" for name in defines], str(MODEL)], folder)
        run(["cc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-o", "pan", "pan.c"], folder)
        report = run(["./pan", "-m1000000"], folder)
    errors = re.search(r"errors: (\d+)", report)
    states = re.search(r"(\d+) states, stored", report)
    if errors is None or states is None or "max search depth too small" in report:
        sys.exit(f"spin gave no verdict:\n{report}")
    reason = re.search(r"pan:\d+: (.*) \(at depth", report)
    found = f", {reason.group(1)}" if reason else ""
    return errors.group(1) == "0", f"{states.group(1)} states{found}"


def main() -> int:
    for tool in ("spin", "cc"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed: skipped")
            return 77
    wrong = 0
    killed = 0
    for name, defines in MODES.items():
        holds, figures = verify(defines)
        wrong += not holds
        print(f"parking.pml, {name}: {'holds' if holds else 'FAILS'} ({figures})", flush=True)
    for name, defines in MUTANTS.items():
        holds, figures = verify(defines)
        killed += not holds
        print(f"parking.pml, {name}: {'SURVIVES' if holds else 'killed'} ({figures})", flush=True)
    print(f"spin: killed {killed}/{len(MUTANTS)}")
    return 1 if wrong or killed != len(MUTANTS) else 0


if __name__ == "__main__":
    sys.exit(main())
