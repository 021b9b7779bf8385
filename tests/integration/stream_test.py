#!/usr/bin/env python3
"""Runs `herald stream` as its users do. Usage: stream_test.py HERALD [unittest arguments]

Nothing here depends on how fast the machine is: only that every byte arrives, what the program
says, and how it ends.
"""

import json
import os
import pathlib
import pty
import random
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))

from completions import SEED, UNICODE_TEXT, chunk, completion  # noqa: E402

HERALD = ""
TIMEOUT_S = 120  # of one run: to end a hanging program, not to judge a slow one
ROOT = pathlib.Path(__file__).resolve().parents[2]
LICENCE = pathlib.Path("/usr/share/common-licenses/GPL-3")
WORDS = pathlib.Path("/usr/share/dict/words")  # of Debian's wamerican
MOST_SHORT_BYTES = 50_000

DELIVERED, FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()

REPORT_NAMES = [
    "input", "subscribers", "rate_asked", "end", "tokens", "bytes", "bytes_delivered",
    "coalesce_us", "events_joined", "events", "deliveries", "seconds", "first_token_us",
    "inter_token_p50_us", "inter_token_p99_us", "tokens_per_second", "decode_tokens_per_second",
    "delivery_p50_us", "delivery_p99_us", "delivery_p999_us", "delivery_max_us", "slo_us",
    "slo_met", "events_over_slo", "stalls", "stall_max_us", "stall_us", "ill_formed",
    "first_ill_formed_offset", "every_byte_delivered", "faults",
]


def stream(*arguments, given=b"", **options):
    """A run at full speed, of bytes on standard input unless the arguments name a file."""
    rate = [] if "--rate" in arguments else ["--rate", "max"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "input": given, **options}
    return subprocess.run([HERALD, "stream", *rate, *map(str, arguments)], check=False,
                          timeout=TIMEOUT_S, **options)


class Run(subprocess.Popen):
    def __exit__(self, kind, *failure):
        if kind is not None:
            self.kill()  # one that hangs fails its own test alone
        super().__exit__(kind, *failure)


def start(*arguments, **options):
    return Run([HERALD, "stream", *map(str, arguments)],
               **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "bufsize": 0, **options})


def complaints(error):
    """The lines on standard error that say what went wrong."""
    return re.findall(r"(?m)^herald stream: (.*)$", error.decode())


def catches_interrupt(pid):
    """Whether the process handles SIGINT by now (it is not ignored and not the default)."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        caught = re.search(r"^SigCgt:\s*(\w+)", status.read(), re.MULTILINE)
    return int(caught.group(1), 16) >> (signal.SIGINT - 1) & 1


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, content, name="input"):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def check(self, result, status, complaint=None):
        """How it ended: a status, and one line that says why unless all is well."""
        said = complaints(result.stderr)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertEqual(len(said), 0 if complaint is None else 1, said)
        if complaint is not None:
            self.assertRegex(said[0], complaint)

    def events(self, *arguments, **options):
        result = stream(*arguments, "--events", "json", **options)
        return result, [json.loads(line) for line in result.stdout.splitlines()]

    def report(self, *arguments, **options):
        result = stream(*arguments, "--json", **options)
        return result, json.loads(result.stderr)


class Delivery(Case):
    """Real texts through 1,000 subscribers come out as they went in."""

    TEXTS = {"licence": LICENCE, "words": WORDS, "readme": ROOT / "README.md"}

    def texts(self):
        for name, path in self.TEXTS.items():
            yield name, path.read_bytes()
        yield "unicode", UNICODE_TEXT.encode()

    def identical(self, text, *arguments):
        output = self.folder / "output"
        expected = self.file(text, "expected")
        with open(output, "wb") as file:
            result = stream(*arguments, stdout=file)
        self.check(result, DELIVERED)
        self.assertEqual(subprocess.run(["cmp", expected, output], check=False).returncode, 0)
        self.assertIn(f"every byte: the same {len(text):,} bytes", result.stderr.decode())
        self.assertIn("to 1,000 subscribers", result.stderr.decode())

    def test_plain_text(self):
        for name, text in self.texts():
            with self.subTest(name):
                self.identical(text, self.file(text))

    def test_chunks(self):
        for name, text in self.texts():
            with self.subTest(name):
                self.identical(text, self.file(completion(text.decode())), "--openai")

    def test_plain_text_with_each_byte_in_a_read_of_its_own(self):
        for name, text in self.short_texts():
            with self.subTest(name):
                self.identical_byte_by_byte(text, text)

    def test_chunks_with_each_byte_in_a_read_of_its_own(self):
        for name, text in self.short_texts():
            with self.subTest(name):
                self.identical_byte_by_byte(text, completion(text.decode()), "--openai")

    def short_texts(self):
        """All of them whole, but for the words."""
        for name, text in self.texts():
            yield name, text[:MOST_SHORT_BYTES].rpartition(b"\n")[0] if name == "words" else text

    def identical_byte_by_byte(self, text, given, *arguments):
        output = self.folder / "output"
        source, sink = os.pipe2(os.O_DIRECT)  # no read gets more than was written at once
        with open(output, "wb") as file, open(sink, "wb", buffering=0) as pipe:
            with start(*arguments, "--rate", "max", "--json", stdin=source, stdout=file) as process:
                os.close(source)
                for at in range(len(given)):
                    pipe.write(given[at:at + 1])
                pipe.close()
                _, error = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, DELIVERED, error)
        report = json.loads(error)
        self.assertEqual((report["subscribers"], report["bytes"]), (1_000, len(text)))
        self.assertTrue(report["every_byte_delivered"])
        self.assertTrue(output.read_bytes() == text)

    def test_every_number_of_subscribers_and_way_to_wait(self):
        for arguments in (["--subscribers", "1"], ["--subscribers", "100000"],
                          ["--wait", "spin"], ["--wait", "park"], ["--rate", "5000"]):
            with self.subTest(arguments=arguments):
                text = UNICODE_TEXT.encode()
                result = stream("-", *arguments, given=text)
                self.check(result, DELIVERED)
                self.assertEqual(result.stdout, text)

    def test_joined_tokens_are_the_same_bytes_in_fewer_events(self):
        for name, text in self.texts():
            with self.subTest(name):
                self.identical(text, self.file(text), "--coalesce", "20ms")
        result, report = self.report(LICENCE, "--coalesce", "20ms")
        self.check(result, DELIVERED)
        self.assertEqual(report["coalesce_us"], 20_000)
        self.assertGreater(report["events_joined"], report["tokens"] / 2)
        self.assertEqual(report["events"], report["tokens"] - report["events_joined"] + 2)

    def test_joined_tokens_of_a_slow_stream_go_out_when_their_time_is_over(self):
        with start("--coalesce", "20ms", stdin=subprocess.PIPE) as process:
            process.stdin.write(b"two words\n")
            self.assertEqual(process.stdout.readline(), b"two words\n")
            process.stdin.close()
            self.assertEqual(process.wait(TIMEOUT_S), DELIVERED)

    def test_a_line_that_is_typed_goes_out_at_once(self):
        with start(stdin=subprocess.PIPE) as process:
            for line in (b"one line\n", b"another\n"):
                process.stdin.write(line)
                process.stdin.flush()
                self.assertEqual(process.stdout.readline(), line)
            process.stdin.close()
            self.assertEqual(process.wait(TIMEOUT_S), DELIVERED)

    def test_a_word_goes_out_before_the_next_one_comes(self):
        with start(stdin=subprocess.PIPE) as process:
            for given, taken in ((b"one ", b"one"), (b"two ", b" two")):
                process.stdin.write(given)
                self.assertEqual(process.stdout.read(100), taken)
            process.stdin.close()
            self.assertEqual(process.wait(TIMEOUT_S), DELIVERED)

    def test_a_missed_objective_is_only_reported(self):
        result = stream(LICENCE, "--slo", "1ns")
        self.check(result, DELIVERED)
        self.assertRegex(result.stderr.decode(), r"objective +1 ns missed: 0.00 % of")

    def test_a_rate_is_not_exceeded(self):
        """How late tokens may be depends on the machine; when they are due is in pace_test.cc."""
        _, report = self.report(self.file(b"word " * 50), "--rate", "500")
        self.assertEqual((report["rate_asked"], report["tokens"]), (500, 51))
        self.assertGreaterEqual(report["seconds"], 50 / 500)
        self.assertAlmostEqual(report["tokens_per_second"] * report["seconds"], 51, places=3)


class Outcomes(Case):
    """Whatever the input and the output are: one line that says it, and a status."""

    def test_an_empty_file(self):
        for arguments in ([self.file(b"")], ["-"], []):
            result = stream(*arguments)
            self.check(result, DELIVERED)
            self.assertEqual(result.stdout, b"")
            self.assertIn(": empty, nothing to stream to 1,000 subscribers",
                          result.stderr.decode())

    def test_an_input_that_cannot_be_read(self):
        vanished = self.file(b"gone")
        vanished.unlink()
        for name, reason in ((vanished, "No such file or directory"),
                             (self.folder, "Is a directory"),
                             ("/proc/self/mem", "Input/output error")):
            with self.subTest(name=name):
                result = stream(name)
                self.check(result, FAILED, f"^cannot read {name}: {reason}$")
                self.assertEqual(result.stdout, b"")
        result = subprocess.run(["bash", "-c", '"$0" stream <&-', HERALD], capture_output=True,
                                check=False, timeout=TIMEOUT_S)
        self.check(result, FAILED, "^cannot read standard input: Bad file descriptor$")

    def test_a_file_that_vanishes_while_it_is_read(self):
        text = b"word " * 2_000
        path = self.file(text)
        with start(path, "--rate", "20000") as process:
            self.assertEqual(process.stdout.read(4), b"word")
            path.unlink()
            output, error = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual((process.returncode, output), (DELIVERED, text[4:]), error)

    def test_a_file_that_is_emptied_while_it_is_read(self):
        path = self.file(b"word " * 100_000)
        with start(path, "--rate", "20000") as process:
            process.stdout.read(5)
            os.truncate(path, 0)
            _, error = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, FAILED)
        self.assertRegex(complaints(error)[0], r"^cannot read .*: it has become shorter meanwhile")
        self.assertEqual(len(complaints(error)), 1)

    def test_ill_formed_bytes_are_counted_and_replaced(self):
        for text, count, offset in ((b"ab\xff", "1 ill-formed UTF-8 sequence", 2),
                                    (b"\xc3 \xe2\x82 \xf0\x9f\x98 x",
                                     "3 ill-formed UTF-8 sequences", 0),
                                    ("é".encode() + b"\xed\xa0\x80", "3 ill-formed", 2),
                                    (b"word " * 400 + b"\xf0\x9f", "1 ill-formed", "2,000")):
            with self.subTest(text=text):
                result = stream(given=text)
                self.check(result, FAILED, f"^{count}.*, the first at byte {offset} of the text")
                self.assertEqual(result.stdout.decode(), text.decode(errors="replace"))

    def test_binary_junk(self):
        junk = random.Random(SEED).randbytes(100_000)
        with self.assertRaises(UnicodeDecodeError) as first:
            junk.decode()
        said = (r"^[\d,]+ ill-formed UTF-8 sequences, the first at byte "
                f"{first.exception.start} of the text")
        self.check(stream("-", given=junk), FAILED, said)
        result, report = self.report("-", given=junk)
        self.assertEqual(result.returncode, FAILED)
        self.assertRegex(report["faults"][0], said)
        self.assertEqual(result.stdout.decode(), junk.decode(errors="replace"))
        self.assertEqual(report["ill_formed"],
                         result.stdout.count(REPLACEMENT) - junk.count(REPLACEMENT))
        result = stream("--openai", given=junk)
        self.check(result, FAILED, r"^error (truncated|malformed): ")

    def test_what_is_wrong_with_chunks(self):
        before = b"data: " + chunk("before ").encode() + b"\n\n"
        for behind, complaint in (
                (b"", r"^error truncated: the input ended without \[DONE\], after line 2$"),
                (b'data: {"choices":[{"del', r"^error truncated: the input ended without \[DONE\]"),
                (b"data: {nonsense}\n", "^error malformed: line 3 of the input is no valid JSON$"),
                (b"data: \xff\n", "^error malformed: line 3 of the input is no valid JSON$"),
                (b'data: "\xff"\n',
                 "^error malformed: line 3 of the input is no chunk: not a JSON object$"),
                (b"data: " + b"x" * (1 << 20),
                 "^error malformed: line 3 of the input is longer than 1 MiB$"),
                (b'data: {"error":{"code":"overloaded","message":"come\\n\\u001b[2Jback"}}\n',
                 r"^error overloaded: come  \[2Jback$"),
                (b'data: {"error":{"code":null,"message":"boom"}}\n', "^error upstream: boom$")):
            with self.subTest(behind=behind[:40]):
                result = stream("--openai", given=before + behind)
                self.check(result, FAILED, complaint)
                self.assertEqual(result.stdout, b"before ")
                self.assertIn(b"ended with   error (", result.stderr)
        result = stream("--openai")
        self.check(result, FAILED, r"^error truncated: the input ended without \[DONE\] and with")

    def test_characters_that_are_cut_between_chunks(self):
        for halves in (("\\ud83d", "\\ude00"), ("\xf0\x9f", "\x98\x80")):
            chunks = "".join('data: {"choices":[{"delta":{"content":"' + half + '"}}]}\n'
                             for half in halves).encode("latin-1")
            with self.subTest(halves=halves):
                result = stream("--openai", given=chunks + b"data: [DONE]\n")
                self.check(result, DELIVERED)
                self.assertEqual(result.stdout.decode(), "\U0001f600")
                result = stream("--openai", given=chunks + chunks[:len(chunks) // 2] +
                                b"data: [DONE]\n")
                self.check(result, FAILED, "^1 ill-formed UTF-8 sequence, the first at byte 4 ")
                self.assertEqual(result.stdout.decode(), "\U0001f600\ufffd")

    def test_an_error_in_place_of_a_stream(self):
        error = {"error": {"message": "Incorrect API key provided", "code": None}}
        for given in (json.dumps(error), json.dumps(error, indent=2)):
            self.check(stream("--openai", given=given.encode()), FAILED,
                       "^error upstream: Incorrect API key provided$")

    def test_a_full_disk(self):
        for text in (b"x", LICENCE.read_bytes()):
            with open("/dev/full", "wb") as full:
                result = stream(given=text, stdout=full)
            self.check(result, FAILED, "^cannot write the output: No space left on device$")
        with open("/dev/full", "wb") as full:
            self.check(stream("--events", "json", given=b"x", stdout=full), FAILED,
                       "^cannot write the output: No space left on device$")
        result = subprocess.run(["bash", "-c", '"$0" stream "$1" --rate max >&-', HERALD, LICENCE],
                                stderr=subprocess.PIPE, check=False, timeout=TIMEOUT_S)
        self.check(result, FAILED, "^cannot write the output: Bad file descriptor$")

    def test_a_reader_that_has_enough(self):
        for path, rate in ((LICENCE, "200"), (WORDS, "max")):  # more than fits the pipe meanwhile
            result = subprocess.run(
                ["bash", "-c", '"$0" stream "$1" --rate "$2" | head -n 1 >"$3"; '
                 'exit "${PIPESTATUS[0]}"', HERALD, path, rate, self.folder / "head"],
                stderr=subprocess.PIPE, check=False, timeout=TIMEOUT_S)
            self.check(result, PIPE_CLOSED, "^the reader of standard output has closed it$")
            with open(path, "rb") as text:
                self.assertEqual((self.folder / "head").read_bytes(), text.readline())

    def test_a_reader_that_has_enough_ends_an_endless_input(self):
        result = subprocess.run(
            ["bash", "-c", 'yes | "$0" stream --rate max | head -n 3; exit "${PIPESTATUS[1]}"',
             HERALD], capture_output=True, check=False, timeout=TIMEOUT_S)
        self.check(result, PIPE_CLOSED, "^the reader of standard output has closed it$")
        self.assertEqual(result.stdout, b"y\n" * 3)
        self.assertIn(b"complete (cancelled)", result.stderr)

    def test_a_reader_that_goes_is_noticed_while_nothing_is_written(self):
        fifo = self.folder / "pipe"
        os.mkfifo(fifo)
        for arguments in ([], [fifo]):
            with self.subTest(arguments=arguments), \
                    start(*arguments, stdin=subprocess.PIPE) as process:
                process.stdout.close()
                self.assertEqual(process.wait(TIMEOUT_S), PIPE_CLOSED)
                self.assertEqual(complaints(process.stderr.read()),
                                 ["the reader of standard output has closed it"])

    def test_a_reader_that_goes_is_noticed_in_a_long_pause_between_tokens(self):
        with start(LICENCE, "--rate", "0.01", "--json") as process:
            process.stdout.read(1)
            process.stdout.close()
            report = json.loads(process.stderr.read())
            self.assertEqual(process.wait(TIMEOUT_S), PIPE_CLOSED)
        self.assertEqual(report["tokens"], 1, "the next would have told it, too")

    def test_a_reader_that_waits_stops_the_producer_and_nothing_is_lost(self):
        text = b"word " * 1_000_000  # more than may wait on the way
        with start(self.file(text), "--rate", "max", "--subscribers", "10") as process:
            time.sleep(0.3)
            self.assertIsNone(process.poll())
            output, error = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, DELIVERED, error)
        self.assertTrue(output == text)


class Interrupt(Case):
    def interrupted(self, *arguments, before=None, **options):
        """The output of a run that is interrupted once it can be, and after `before`."""
        with start(*arguments, stdin=subprocess.PIPE, **options) as process:
            while not catches_interrupt(process.pid):
                time.sleep(0.01)
            output = (before and before(process)) or b""
            process.send_signal(signal.SIGINT)
            rest, error = process.communicate(timeout=TIMEOUT_S)
        self.assertEqual(process.returncode, INTERRUPTED, error)
        self.assertIn(b"ended with   complete (cancelled)", error)
        self.assertEqual(complaints(error), [])
        return output + (rest or b"")

    def test_it_cancels_a_slow_stream(self):
        output = self.interrupted(WORDS, "--rate", "100",
                                  before=lambda process: process.stdout.readline())
        self.assertTrue(WORDS.read_bytes().startswith(output))
        self.assertLess(len(output), WORDS.stat().st_size)

    def test_it_ends_the_wait_for_input(self):
        self.assertEqual(self.interrupted(), b"")

    def test_it_ends_the_wait_for_a_writer(self):
        fifo = self.folder / "pipe"
        os.mkfifo(fifo)
        self.assertEqual(self.interrupted(fifo), b"")

    def test_it_ends_an_endless_input_without_a_token(self):
        fifo = self.folder / "comments"
        os.mkfifo(fifo)
        with subprocess.Popen(["sh", "-c", f"exec yes ': ping' >{fifo}"],
                              stderr=subprocess.DEVNULL) as source:
            try:
                self.assertEqual(self.interrupted(fifo, "--openai"), b"")
            finally:
                source.kill()

    def test_it_ends_the_wait_for_a_reader(self):
        text = b"word " * 1_000_000
        output = self.interrupted(
            self.file(text), "--rate", "max", "--subscribers", "10",
            before=lambda process: time.sleep(0.3))  # by then, most likely, the pipe is full
        self.assertTrue(text.startswith(output))

    def test_it_ends_the_wait_for_a_terminal_that_shows_nothing(self):
        primary, secondary = pty.openpty()
        self.addCleanup(os.close, primary)
        self.addCleanup(os.close, secondary)

        def fill(_):
            while select.select([], [secondary], [], 0)[1]:  # nobody reads it
                time.sleep(0.01)
        self.interrupted(self.file(b"word\n" * 1_000_000), "--rate", "max",
                         "--subscribers", "10", before=fill, stdout=secondary)

    def test_it_ends_a_long_pause_between_tokens(self):
        self.interrupted(LICENCE, "--rate", "0.01")


class Events(Case):
    def test_each_event_is_a_line_of_json(self):
        text = 'He said "é\\\n😀\x01" '
        result, events = self.events(given=text.encode())
        self.check(result, DELIVERED)
        self.assertEqual([event["sequence"] for event in events],
                         list(range(1, len(events) + 1)))
        for event in events:
            self.assertEqual(list(event), ["sequence", "type", "stream", "time", "payload"])
            self.assertEqual(event["stream"], 1)
            self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        tokens = [event["payload"] for event in events if event["type"] == "token"]
        self.assertEqual(tokens, ["He", " said", ' "é\\\n', '😀\x01"', " "])
        self.assertEqual([event["type"] for event in events[-2:]], ["metrics", "complete"])
        self.assertIn("tokens_per_second", events[-2]["payload"])
        self.assertEqual(events[-1]["payload"]["finish_reason"], "stop")
        self.assertEqual(events[-1]["payload"]["completion_tokens"], len(tokens))

    def test_chunks_bring_their_end_and_usage(self):
        _, events = self.events("--openai", given=completion("Hello"))
        self.assertEqual("".join(e["payload"] for e in events if e["type"] == "token"), "Hello")
        end = events[-1]["payload"]
        self.assertEqual((end["finish_reason"], end["prompt_tokens"], end["completion_tokens"]),
                         ("length", 7, 11))

    def test_an_error_is_the_one_terminal_event(self):
        result, events = self.events(
            "--openai", given=b'data: {"error":{"code":"c","message":"m"}}\n')
        self.check(result, FAILED, "^error c: m$")
        self.assertEqual([event["type"] for event in events], ["error"])
        self.assertEqual(events[0]["payload"], {"code": "c", "message": "m", "retryable": False})

    def test_an_input_that_breaks_off_ends_the_stream_with_an_error(self):
        _, events = self.events("/proc/self/mem")
        self.assertEqual([event["type"] for event in events], ["error"])
        self.assertEqual(events[0]["payload"]["code"], "truncated")

    def test_json_is_utf8_whatever_a_file_is_called(self):
        path = self.folder / os.fsdecode(b"caf\xc3\xa9 \xff\xe2\x82 \"b\"")
        path.symlink_to("/proc/self/mem")
        cannot_read = f'cannot read {self.folder}/caf\u00e9 \ufffd\ufffd "b": '
        result, events = self.events(path)
        self.assertEqual(events[0]["payload"]["message"], cannot_read + "Input/output error")
        self.check(result, FAILED, re.escape(cannot_read))
        self.check(stream(path.parent / os.fsdecode(b"\xff")), FAILED, "\ufffd: No such file")


class Report(Case):
    def test_json_has_exactly_these_names(self):
        result, report = self.report("-", given=b"one two three")
        self.check(result, DELIVERED)
        self.assertEqual(list(report), REPORT_NAMES)
        self.assertEqual((report["tokens"], report["bytes"], report["bytes_delivered"]),
                         (3, 13, 13))
        self.assertEqual(report["end"], {"type": "complete", "finish_reason": "stop",
                                         "code": None, "message": None})
        self.assertEqual(report["events"], 5)  # with metrics and complete
        self.assertEqual(report["deliveries"], 5_000)
        self.assertIsNone(report["rate_asked"])
        self.assertIsNone(report["first_ill_formed_offset"])
        self.assertTrue(report["every_byte_delivered"])
        self.assertEqual(report["faults"], [])

    def test_json_tells_what_is_wrong(self):
        _, report = self.report("-", given=b"a\xff")
        self.assertEqual((report["ill_formed"], report["first_ill_formed_offset"]), (1, 1))
        self.assertFalse(report["every_byte_delivered"])
        self.assertEqual(len(report["faults"]), 1)
        _, report = self.report("--openai", given=b"data: {\n")
        self.assertEqual(report["end"]["code"], "malformed")

    def test_text_is_plain_and_fits_100_columns(self):
        result = stream("/usr/share" + "/../share" * 20 + "/common-licenses/GPL-3")
        lines = result.stderr.decode().splitlines()
        self.assertLessEqual(max(map(len, lines)), 100)
        self.assertNotIn("\033", result.stderr.decode())
        for name in ("ended with   complete (stop)", "first token", "tokens/s", "inter-token  p50",
                     "delivery     p50", "objective    1 ms", "stalls", "delivered    every byte"):
            self.assertIn("  " + name, result.stderr.decode())

    def test_on_a_terminal_the_report_has_lines_of_its_own(self):
        primary, secondary = pty.openpty()
        environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
        with start("--rate", "max", stdin=subprocess.PIPE, stdout=secondary, stderr=secondary,
                   env=environment) as process:
            os.close(secondary)
            process.stdin.write(b"no line end")
            process.stdin.close()
            output = b""
            try:
                while select.select([primary], [], [], TIMEOUT_S)[0]:
                    output += os.read(primary, 4096)
            except OSError:  # how a terminal says that the other side is gone
                pass
            process.wait(TIMEOUT_S)
        os.close(primary)
        self.assertTrue(output.startswith(b"no line end\r\nstandard input: "), output)
        self.assertNotIn(b"\033", output)


class Usage(Case):
    def test_bad_values_are_refused_with_option_value_and_range(self):
        for option, value, allowed in [
            ("--rate", "0", "or max"),
            ("--rate", "-1", "or max"),
            ("--rate", "nan", "or max"),
            ("--rate", "auto", "tokens per second"),
            ("--subscribers", "0", "1 to 100,000"),
            ("--subscribers", "100001", "1 to 100,000"),
            ("--subscribers", "1,2", "1 to 100,000"),
            ("--coalesce", "20", "unit"),
            ("--coalesce", "0ms", "1 ms to 10 s"),
            ("--coalesce", "11s", "1 ms to 10 s"),
            ("--slo", "0ms", "1 ns to 1 h"),
            ("--wait", "sleep", "spin, adaptive or park"),
            ("--events", "xml", "text or json"),
        ]:
            with self.subTest(option=option, value=value):
                result = stream(option, value)
                self.check(result, USAGE, re.escape(f"{option} '{value}': must be"))
                self.assertIn(allowed, result.stderr.decode())
                self.assertEqual(result.stdout, b"")

    def test_unknown_flags_and_second_files_are_refused(self):
        for arguments in (["--fast"], ["one", "two"], ["--rate"]):
            result = stream(*arguments)
            self.assertEqual(result.returncode, USAGE)
            self.assertIn(b"--help", result.stderr)

    def test_help_has_two_examples_and_every_option(self):
        result = stream("--help")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        text = result.stdout.decode()
        self.assertEqual(len(re.findall(r"(?m)^  .*herald stream", text)), 2)
        for word in ("FILE", "--openai", "--rate", "--subscribers", "--coalesce", "--slo",
                     "--wait", "--events", "--json", "141"):
            self.assertIn(word, text)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    HERALD = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
