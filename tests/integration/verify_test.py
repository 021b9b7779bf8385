#!/usr/bin/env python3
"""Runs `herald` as its users do. Usage: verify_test.py HERALD [unittest arguments]

Nothing here depends on how fast the machine is: only that every event arrives, that the report is
as promised, and how the program ends.
"""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import unittest

HERALD = ""
TIMEOUT_S = 120  # of one run: to end a hanging program, not to judge a slow one

ROW_NAMES = [
    "subscribers", "publishers", "rate_asked", "rate", "events", "deliveries", "seconds", "p50_us",
    "p90_us", "p99_us", "p999_us", "p9999_us", "max_us", "p999_unstalled_us", "stalled_share",
    "stalls", "stall_max_us", "stall_us", "involuntary_switches", "within_slo", "lost",
    "duplicated", "reordered", "torn", "allocations", "culprits", "verdict",
]
MACHINE_NAMES = ["cpu", "cores", "kernel", "compiler", "flags", "fence"]
FAULTS = ["lost", "duplicated", "reordered", "torn"]
PASS, FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141


def herald(*arguments, **options):
    return subprocess.run([HERALD, *arguments], capture_output=True, text=True, check=False,
                          timeout=TIMEOUT_S, **options)


def verify(*arguments):
    """A short run."""
    return herald("verify", "--duration", "100ms", *arguments)


def start(*arguments, **options):
    return subprocess.Popen([HERALD, "verify", *arguments], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **options)


def catches_interrupt(pid):
    """Whether the process handles SIGINT by now (it is not ignored and not the default)."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        caught = re.search(r"^SigCgt:\s*(\w+)", status.read(), re.MULTILINE)
    return int(caught.group(1), 16) >> (signal.SIGINT - 1) & 1


class Usage(unittest.TestCase):
    def refused(self, *arguments, saying):
        result = herald(*arguments)
        self.assertEqual(result.returncode, USAGE, result)
        self.assertEqual(result.stdout, "")
        for part in saying:
            self.assertIn(part, result.stderr)

    def test_bad_values_are_refused_with_option_value_and_range(self):
        for option, value, allowed in [
            ("--subscribers", "0", "1 to 100,000"),
            ("--subscribers", "100001", "1 to 100,000"),
            ("--subscribers", "1,,2", "separated by commas"),
            ("--subscribers", "1,x", "separated by commas"),
            ("--subscribers", "", "separated by commas"),
            ("--publishers", "0", "1 to 1,024"),
            ("--publishers", "1025", "1 to 1,024"),
            ("--rate", "0", "max, or auto"),
            ("--rate", "-5", "max, or auto"),
            ("--rate", "nan", "max, or auto"),
            ("--rate", "fast", "max, or auto"),
            ("--duration", "0s", "10 ms to 1 h"),
            ("--duration", "-3s", "10 ms to 1 h"),
            ("--duration", "3", "unit"),
            ("--types", "0", "1 to 59"),
            ("--types", "60", "1 to 59"),
            ("--selectivity", "1.5", "0 to 1"),
            ("--selectivity", "-0.1", "0 to 1"),
            ("--payload", "15", "16 to 4,096"),
            ("--payload", "5000", "16 to 4,096"),
            ("--slo", "-1", "unit"),
            ("--slo", "0ms", "1 ns to 1 h"),
            ("--wait", "sleep", "spin, adaptive or park"),
            ("--pin", "1000", "allowed are"),
            ("--pin", "0,,1", "separated by commas"),
            ("--pin", "", "separated by commas, or any"),
            ("--slow-subscriber", "1ms", "5 ms to 90 ms"),
            ("--slow-subscriber", "91ms", "5 ms to 90 ms"),
            ("--slow-subscriber", "0ms", "5 ms to 90 ms"),
            ("--slow-subscriber", "5", "unit"),
            ("--slow-subscriber", "soon", "unit"),
        ]:
            with self.subTest(option=option, value=value):
                self.refused("verify", option, value, saying=[option, value, allowed])

    def test_unknown_flags_and_verbs_are_refused(self):
        self.refused("verify", "--fast", saying=["--fast", "--help"])
        self.refused("verify", "extra", saying=["extra", "--help"])
        self.refused("prove", saying=["prove", "--help"])
        self.refused("verify", "--rate", saying=["--rate"])
        self.refused("verify", "--json", "--plot", saying=["--json", "--plot"])
        self.refused(saying=["--help"])

    def test_version(self):
        result = herald("--version")
        self.assertEqual(result.returncode, PASS)
        self.assertRegex(result.stdout, r"^herald \d+\.\d+\.\d+\n$")

    def test_help_has_two_examples_for_each_verb(self):
        for arguments in (["--help"], ["verify", "--help"]):
            result = herald(*arguments)
            self.assertEqual(result.returncode, PASS)
            self.assertGreaterEqual(result.stdout.count("\n  herald verify"), 2)
            self.assertEqual(result.stderr, "")
        for option in ("--subscribers", "--publishers", "--rate", "--duration", "--types",
                       "--selectivity", "--payload", "--slo", "--wait", "--pin", "--json",
                       "--plot", "--strict", "--slow-subscriber"):
            self.assertIn(option, result.stdout)


class Delivery(unittest.TestCase):
    """Whatever the load looks like, nothing is lost, and both sides count the same."""

    def rows(self, *arguments):
        result = verify("--json", *arguments)
        self.assertIn(result.returncode, (PASS, FAILED), result.stderr)
        report = json.loads(result.stdout)
        passed = all(row["verdict"] == "pass" for row in report["rows"])
        self.assertEqual(result.returncode, PASS if passed else FAILED)
        for row in report["rows"]:
            self.assertEqual([row[name] for name in FAULTS], [0, 0, 0, 0], row)
            self.assertGreater(row["events"], 0)
        return report["rows"]

    def test_ten_subscribers_lose_nothing(self):
        (row,) = self.rows("--subscribers", "10", "--rate", "10000")
        self.assertEqual(row["events"], 1_000)
        self.assertEqual(row["deliveries"], 10_000)
        self.assertEqual(row["rate_asked"], 10_000)

    def test_a_list_of_subscribers_is_a_list_of_rows(self):
        rows = self.rows("--subscribers", "1,7,300")
        self.assertEqual([row["subscribers"] for row in rows], [1, 7, 300])

    def test_automatic_rate_falls_above_two_thousand_subscribers(self):
        rows = self.rows("--subscribers", "2000,4000")
        self.assertEqual([row["rate_asked"] for row in rows], [100_000, 50_000])

    def test_many_publishers_share_few_threads(self):
        (row,) = self.rows("--subscribers", "5", "--publishers", "100")
        self.assertEqual(row["publishers"], 100)
        self.assertEqual(row["deliveries"], 5 * row["events"])

    def test_the_most_publishers_and_types(self):
        (row,) = self.rows("--subscribers", "3", "--publishers", "1024", "--types", "59")
        self.assertEqual(row["deliveries"], 3 * row["events"])

    def test_selectivity_is_the_share_of_subscribers_of_each_event(self):
        for share, matching in (("1", 40), ("0.5", 20), ("0.1", 4), ("0.01", 1), ("0", 1)):
            with self.subTest(share=share):
                (row,) = self.rows("--subscribers", "40", "--selectivity", share)
                self.assertEqual(row["deliveries"], matching * row["events"])

    def test_every_kind_of_payload(self):
        for size in ("16", "17", "32", "33", "4096"):
            with self.subTest(size=size):
                self.rows("--subscribers", "5", "--rate", "20000", "--payload", size)

    def test_every_way_to_wait(self):
        for wait in ("spin", "adaptive", "park"):
            with self.subTest(wait=wait):
                self.rows("--subscribers", "5", "--wait", wait, "--rate", "2000")

    def test_greatest_rate_is_judged_by_losses_only(self):
        (row,) = self.rows("--subscribers", "10", "--rate", "max", "--publishers", "3",
                           "--slo", "1ns")
        self.assertIsNone(row["rate_asked"])
        self.assertEqual(row["verdict"], "pass")

    def test_pinned_to_one_processor(self):
        processor = str(min(os.sched_getaffinity(0)))
        self.rows("--subscribers", "5", "--rate", "1000", "--pin", f"{processor},{processor}")

    def test_inline_payloads_allocate_nothing(self):
        (row,) = self.rows("--subscribers", "100")
        self.assertEqual(row["allocations"], 0)


class Verdict(unittest.TestCase):
    def test_an_impossible_objective_fails_and_says_what_to_do(self):
        result = verify("--subscribers", "1000", "--slo", "1us", "--strict")
        self.assertEqual(result.returncode, FAILED)
        self.assertRegex(result.stdout, r" (fail|overloaded)\n")
        self.assertIn("next: ", result.stdout)

    def test_an_objective_of_a_minute_passes(self):
        result = verify("--subscribers", "10", "--rate", "20000", "--slo", "1min", "--strict")
        self.assertEqual(result.returncode, PASS, result.stdout)
        self.assertNotIn("next: ", result.stdout)

    def test_too_few_events_are_no_proof(self):
        result = verify("--subscribers", "1", "--rate", "5000", "--slo", "1min")
        self.assertEqual(result.returncode, FAILED)
        self.assertIn("at least 1,000 events", result.stdout)

    def test_more_than_goes_is_overloaded(self):
        result = verify("--subscribers", "1000", "--rate", "100000000", "--json")
        self.assertEqual(result.returncode, FAILED)
        (row,) = json.loads(result.stdout)["rows"]
        self.assertEqual(row["verdict"], "overloaded")
        self.assertEqual([row[name] for name in FAULTS], [0, 0, 0, 0])


class SlowSubscriber(unittest.TestCase):
    """It sleeps 5 ms ten times a second: 4 % of the events are over 1 ms late."""

    OPTIONS = ("--subscribers", "10", "--rate", "20000", "--duration", "1s",
               "--slow-subscriber", "5ms")

    def test_it_fails_the_row_and_is_named(self):
        result = herald("verify", *self.OPTIONS)
        self.assertEqual(result.returncode, FAILED, result.stdout)
        self.assertIn("named slow, sleeps 5 ms", result.stdout)
        self.assertRegex(result.stdout, r"(?m)^  culprit: slow [\d.]+ % of dispatch time, "
                                        r"longest stay [\d.]+ ms, \d+ strikes$")
        self.assertIn("next: slow holds up all others", result.stdout)
        self.assertIn("lost 0, duplicated 0", result.stdout)
        self.assertNotIn("contradiction", result.stdout)

    def test_it_is_in_the_json(self):
        result = herald("verify", "--json", *self.OPTIONS)
        self.assertEqual(result.returncode, FAILED)
        (row,) = json.loads(result.stdout)["rows"]
        self.assertEqual([row[name] for name in FAULTS], [0, 0, 0, 0])
        culprit = row["culprits"][0]
        self.assertEqual(list(culprit), ["name", "share", "longest_stay_us", "strikes"])
        self.assertEqual(culprit["name"], "slow")
        self.assertTrue(0 < culprit["share"] <= 1)
        self.assertGreater(culprit["longest_stay_us"], 1000)
        self.assertGreaterEqual(culprit["strikes"], 3)

    def test_a_row_that_passes_names_nobody(self):
        result = herald("verify", *self.OPTIONS, "--slo", "1min")
        self.assertEqual(result.returncode, PASS, result.stdout)
        self.assertNotIn("culprit", result.stdout)


class Report(unittest.TestCase):
    def test_json_has_exactly_these_names(self):
        result = verify("--subscribers", "1,10", "--json")
        report = json.loads(result.stdout)
        self.assertEqual(list(report), ["machine", "slo_us", "rows"])
        self.assertEqual(list(report["machine"]), MACHINE_NAMES)
        self.assertEqual(report["slo_us"], 1000)
        for row in report["rows"]:
            self.assertEqual(list(row), ROW_NAMES)
            self.assertIn(row["verdict"], ("pass", "fail", "overloaded"))
            self.assertLessEqual(row["p50_us"], row["p90_us"])
            self.assertLessEqual(row["p90_us"], row["p99_us"])
            self.assertLessEqual(row["p99_us"], row["p999_us"])
            self.assertLessEqual(row["p999_us"], row["p9999_us"])
            self.assertLessEqual(row["p9999_us"], row["max_us"])
            self.assertTrue(0 <= row["within_slo"] <= 1)
            self.assertTrue(0 <= row["stalled_share"] <= 1)
        self.assertEqual(result.stderr, "")

    def test_table_fits_100_columns_and_is_plain_in_a_pipe(self):
        result = verify("--subscribers", "1,100", "--slo", "1us", "--plot")
        self.assertLessEqual(max(map(len, result.stdout.splitlines())), 100)
        self.assertNotIn("\033", result.stdout)
        self.assertEqual(result.stderr, "")
        for name in ("subscribers", "events/s", "deliveries/s", "p50", "p99", "p99.9", "p99.99",
                     "max", "in SLO", "verdict", "lost 0, duplicated 0, reordered 0, torn 0"):
            self.assertIn(name, result.stdout)

    def test_plot_draws_a_bar_for_each_percentile(self):
        result = verify("--subscribers", "10", "--plot")
        for name in ("min", "p50", "p99.99", "max"):
            self.assertRegex(result.stdout, rf"(?m)^ *{re.escape(name)} +[\d.]+ \w+  [#+ |]+$")

    def on_terminal(self, **variables):
        """Standard output and error of a run on a terminal."""
        output, error = pty.openpty(), pty.openpty()
        environment = {**os.environ, "TERM": "xterm", **variables}
        environment = {name: value for name, value in environment.items() if value is not None}
        with subprocess.Popen([HERALD, "verify", "--subscribers", "1", "--duration", "1s"],
                              stdout=output[1], stderr=error[1], env=environment) as process:
            for side in (output, error):
                os.close(side[1])
            texts = self.drain(output[0]), self.drain(error[0])
            process.wait(TIMEOUT_S)
        return texts

    @staticmethod
    def drain(terminal):
        text = b""
        try:
            while select.select([terminal], [], [], TIMEOUT_S)[0]:
                part = os.read(terminal, 4096)
                if not part:
                    break
                text += part
        except OSError:  # how a terminal says that the other side is gone
            pass
        os.close(terminal)
        return text.decode()

    def test_terminal_gets_color_and_progress(self):
        output, error = self.on_terminal(NO_COLOR=None)
        self.assertIn("\033[3", output)
        self.assertIn("measuring", error)
        self.assertNotIn("measuring", output)

    def test_no_color_is_respected(self):
        output, _ = self.on_terminal(NO_COLOR="1")
        self.assertNotIn("\033", output)


class Ending(unittest.TestCase):
    def test_interrupt_prints_the_rows_there_are(self):
        with start("--subscribers", ",".join(["1"] * 30), "--duration", "200ms") as process:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "lost 0" in line:  # the first row is out
                    process.send_signal(signal.SIGINT)
                    break
            rest, error = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, INTERRUPTED)
        self.assertRegex(rest, r"(?m)^\d+ of 30 rows pass$")
        self.assertLess((("".join(lines)) + rest).count("duplicated"), 30)
        self.assertEqual(error, "")

    def test_interrupt_gives_up_what_is_queued_in_silence(self):
        with start("--subscribers", "10000", "--rate", "max", "--duration", "10min") as process:
            while not catches_interrupt(process.pid):
                time.sleep(0.01)
            time.sleep(0.5)  # for a backlog, most of the time
            process.send_signal(signal.SIGINT)
            output, error = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, INTERRUPTED)
        self.assertEqual(error, "")
        self.assertRegex(output, r"(?m)^0 of 1 row passes$")

    def test_too_little_memory_ends_it_in_one_sentence(self):
        for limit_kb in (60_000, 100_000, 150_000):
            with self.subTest(limit_kb=limit_kb):
                result = subprocess.run(
                    ["bash", "-c", 'ulimit -v "$1"; exec "$0" verify --subscribers 100000', HERALD,
                     str(limit_kb)],
                    capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
                self.assertEqual(result.returncode, FAILED)
                self.assertRegex(result.stderr, r"\A.*memory.*\n\Z")

    def test_interrupt_leaves_whole_json(self):
        with start("--subscribers", "10", "--duration", "10min", "--json") as process:
            while not catches_interrupt(process.pid):
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, INTERRUPTED)
        for row in json.loads(output)["rows"]:
            self.assertEqual(row["verdict"], "interrupted")
            self.assertEqual([row[name] for name in FAULTS], [0, 0, 0, 0])

    def test_a_closed_pipe_ends_it_quietly(self):
        result = subprocess.run(
            ["bash", "-c", '"$0" verify --subscribers 1,1,1 --duration 100ms | head -n 1;'
             ' echo "${PIPESTATUS[0]}"', HERALD],
            capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
        self.assertEqual(result.stderr, "")
        first, status = result.stdout.splitlines()
        self.assertIn("herald verify", first)
        self.assertEqual(int(status), PIPE_CLOSED)

    def test_a_full_disk_is_reported(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            short = ["verify", "--subscribers", "1", "--duration", "10ms"]
            for arguments in (["--version"], short):
                result = subprocess.run([HERALD, *arguments], stdout=full, stderr=subprocess.PIPE,
                                        text=True, check=False, timeout=TIMEOUT_S)
                self.assertEqual(result.returncode, FAILED)
                self.assertIn("cannot write", result.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    HERALD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
