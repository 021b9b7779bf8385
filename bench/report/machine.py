"""What a result was measured on and built with."""

from __future__ import annotations

import datetime
import os
import pathlib
import platform
import re
import subprocess

PACKAGES = ("libboost-dev", "libtbb-dev", "libreaderwriterqueue-dev", "libconcurrentqueue-dev",
            "libzmq3-dev", "libnng-dev", "libsigc++-2.0-dev")


def output_of(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def cpu() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return match.group(1) if match else "unknown"


def cached(build: pathlib.Path) -> dict[str, str]:
    """The variables of a CMake build folder."""
    text = (build / "CMakeCache.txt").read_text()
    return dict(re.findall(r"^(\w+):\w+=(.*)$", text, re.M))


def describe(build: pathlib.Path) -> dict:
    variables = cached(build)
    compiler = output_of(variables.get("CMAKE_CXX_COMPILER", "c++"), "--version")
    versions = {}
    for package in PACKAGES:
        version = output_of("dpkg-query", "-W", "-f=${Version}", package)
        if version:
            versions[package] = version
    return {
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "compiler": compiler.partition("\n")[0],
        "flags": variables["HERALD_COMPILER_FLAGS"],
        "packages": versions,
        "date": datetime.date.today().isoformat(),
        "load_before": round(os.getloadavg()[0], 2),
    }
