#!/usr/bin/env python3
"""Runs the example inference_loop as its users do. Usage: inference_loop_test.py PROGRAM [unittest
arguments]

Nothing here depends on how fast the machine is; with what it prints about time a user judges.
"""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import wave

PROGRAM = ""
TIMEOUT_S = 120  # of one run: to end a hanging program, not to judge a slow one
PACKAGED = pathlib.Path("/usr/share/pocketsphinx/test/data")  # of Debian's pocketsphinx-testdata
RECORDING = PACKAGED / "goforward.raw"
WORDS = "go forward ten meters"
HEARD, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

GRAMMAR = """#JSGF V1.0;
grammar commands;
public <command> = (go | walk) (forward | backward) <number> meters | turn (left | right) | stop;
<number> = one | two | three | four | five | six | seven | eight | nine | ten;
"""


def run(*arguments, **options):
    options = {"stdout": subprocess.PIPE, **options}
    return subprocess.run([PROGRAM, *map(str, arguments)], check=False, timeout=TIMEOUT_S,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, **options)


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, content, name="input"):
        path = self.folder / name
        path.write_bytes(content)
        return path

    def wav(self, rate=16_000, channels=1, sample_bytes=2, samples=None):
        path = self.folder / "input.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((channels, sample_bytes, rate, 0, "NONE", ""))
            file.writeframes(RECORDING.read_bytes() if samples is None else samples)
        return path

    def utterances(self, output):
        """The lines of the report: stream -> (end, text), each stream once."""
        found = re.findall(r"(?m)^ +(\d+)  (\w+) +(\d+) words  .*  factor \d+\.\d\d  (.*)$",
                           output)
        for _, _, count, text in found:
            self.assertEqual(int(count), len(text.split()))
        self.assertEqual(len({stream for stream, *_ in found}), len(found))
        return {int(stream): (end, text) for stream, end, _, text in found}

    def heard(self, result, expected):
        """`expected`: stream -> (end, text)."""
        self.assertEqual((result.returncode, result.stderr), (HEARD, ""))
        self.assertEqual(self.utterances(result.stdout), expected)
        self.assertRegex(result.stdout, r"ends: \d+ calls, 0 allocations, ")

    def refused(self, result, status, complaint):
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertRegex(result.stderr, rf"\Ainference_loop: {complaint}\n\Z")


class Recording(Case):
    def test_every_stream_of_every_round_says_its_words(self):
        transcript = self.folder / "transcript"
        result = run("--rounds", "3", "--transcript", transcript)
        self.heard(result, {stream: ("stop", WORDS) for stream in range(1, 7)})
        self.assertEqual(sorted(transcript.read_text("utf-8").splitlines()),
                         [f"{stream}\tstop\t{WORDS}" for stream in range(1, 7)])
        self.assertIn("2.79 s of audio", result.stdout)
        self.assertRegex(result.stdout, "without the slow consumer: median [0-9]+ ms")
        self.assertRegex(result.stdout, "with    the slow consumer: median [0-9]+ ms")
        print(result.stdout[result.stdout.index("publishing"):])

    def test_the_slow_consumer_gets_everything_and_keeps_or_drops_it(self):
        result = run("--rounds", "1", "--streams", "1")
        got, consumed, dropped = map(int, re.search(
            r"got (\d+) events, consumed (\d+), dropped (\d+)", result.stdout).groups())
        self.assertEqual(got, consumed + dropped)
        self.assertGreater(got, len(WORDS.split()))
        self.assertNotIn("median", result.stdout)  # nothing to compare it with

    def test_a_file_of_the_user_and_more_streams(self):
        result = run(self.wav(), "--rounds", "1", "--streams", "3")
        self.heard(result, {stream: ("stop", WORDS) for stream in (1, 2, 3)})

    def test_silence_has_no_words(self):
        result = run(self.wav(samples=bytes(64_000)), "--rounds", "1", "--streams", "1")
        self.heard(result, {1: ("stop", "")})

    def test_a_grammar(self):
        result = run(PACKAGED / "cards" / "005.wav", "--grammar", PACKAGED / "cards" / "cards.gram",
                     "--rounds", "1", "--streams", "1")
        self.heard(result, {1: ("stop", "eight of spades four of clubs seven of hearts")})


class Voice(Case):
    def setUp(self):
        super().setUp()
        if shutil.which("espeak-ng") is None:
            self.skipTest("espeak-ng is not installed")
        self.grammar = self.file(GRAMMAR.encode(), "commands.gram")

    def say(self, text):
        return run(f"--say={text}", "--grammar", self.grammar, "--rounds", "1", "--streams", "1",
                   cwd=self.folder)

    def test_what_is_said_is_heard(self):
        for text in ("go backward six meters", "turn left", "stop"):
            with self.subTest(text):
                self.heard(self.say(text), {1: ("stop", text)})

    def test_no_shell_and_no_option_is_in_the_text(self):
        for text in ("$(touch made) stop", "-stop", "--version"):
            with self.subTest(text):
                result = self.say(text)
                self.assertEqual((result.returncode, result.stderr), (HEARD, ""))
        self.assertFalse((self.folder / "made").exists())

    def test_without_espeak(self):
        result = run("--say", "stop", "--grammar", self.grammar,
                     env={**os.environ, "PATH": str(self.folder)})
        self.refused(result, FAILED, "cannot run espeak-ng: No such file or directory")


class Ending(Case):
    def test_a_cancelled_run_has_some_but_not_all_words(self):
        result = run("--cancel-after", "1", "--realtime", "--rounds", "1")
        self.assertEqual((result.returncode, result.stderr), (HEARD, ""))
        utterances = self.utterances(result.stdout)
        self.assertEqual(set(utterances), {1, 2})
        for end, text in utterances.values():
            self.assertEqual(end, "cancelled")
            self.assertIn(text, ("go", "go forward", "go forward ten"))

    def test_an_interrupt_cancels_what_is_being_heard(self):
        output, shown, status = self.on_a_terminal("--realtime", "--rounds", "100",
                                                   interrupt_at="forward")
        self.assertEqual(status, INTERRUPTED, shown)
        utterances = self.utterances(output)
        self.assertEqual(set(utterances), {1, 2})
        for end, text in utterances.values():
            self.assertEqual(end, "cancelled")
            self.assertTrue(WORDS.startswith(text) and text != WORDS, text)

    def test_a_terminal_has_one_live_line_that_is_gone_at_the_end(self):
        output, shown, status = self.on_a_terminal("--rounds", "1")
        self.assertEqual(status, HEARD)
        self.assertEqual(self.utterances(output)[1], ("stop", WORDS))
        lines = shown.split("\r\033[K")
        self.assertGreater(len(lines), 5)
        self.assertIn("go forward ten", lines[-2])
        self.assertEqual(lines[-1], "")
        self.assertNotIn("\n", shown)

    def on_a_terminal(self, *arguments, interrupt_at=None):
        """A run whose standard error is a terminal: standard output, what was shown, status."""
        primary, secondary = pty.openpty()
        shown = ""
        with subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=secondary,
                              stdin=subprocess.DEVNULL, text=True) as process:
            os.close(secondary)
            try:
                while select.select([primary], [], [], TIMEOUT_S)[0]:
                    shown += os.read(primary, 4096).decode()
                    if interrupt_at is not None and interrupt_at in shown:
                        process.send_signal(signal.SIGINT)
                        interrupt_at = None
            except OSError:  # how a terminal says that the other side is gone
                pass
            output, _ = process.communicate(timeout=TIMEOUT_S)
        os.close(primary)
        return output, shown, process.returncode


class Refusal(Case):
    """One line that says what is wrong, and a status."""

    def test_a_file_that_cannot_be_heard(self):
        vanished = self.folder / "nothing"
        for path, complaint in (
                (vanished, f"cannot read {vanished}: No such file or directory"),
                (self.folder, f"cannot read {self.folder}: Is a directory"),
                (self.file(b""), ".*: not a WAV file"),
                (RECORDING, ".*: not a WAV file"),
                (pathlib.Path(__file__), ".*: not a WAV file"),
                ("/dev/zero", "/dev/zero: larger than 64 MiB"),
                (self.file(self.wav().read_bytes()[:5_000], "cut"),
                 ".*: cut short: only 4956 bytes of its audio are there")):
            with self.subTest(path=path):
                result = run(path)
                self.refused(result, FAILED, complaint)
                self.assertEqual(result.stdout, "")

    def test_a_wav_of_another_format(self):
        for arguments, complaint in (
                ({"rate": 44_100}, ".*: 44100 Hz; it must be 16000 Hz"),
                ({"channels": 2}, ".*: PCM of 2 channels and 16 bits; it must be .*"),
                ({"sample_bytes": 1}, ".*: PCM of 1 channel and 8 bits; it must be .*"),
                ({"samples": b""}, ".*: there is no audio in it")):
            with self.subTest(**arguments):
                self.refused(run(self.wav(**arguments)), FAILED, complaint)

    def test_a_grammar_that_is_none(self):
        for content, complaint in (
                (b"hello", ".*: not a JSGF grammar: it begins without #JSGF"),
                (b"#JSGF V1.0; grammar a b; \xff\x01", "PocketSphinx refuses .*: syntax error.*"),
                (b"#JSGF V1.0; grammar a; public <a> = xyzzyq;",
                 "PocketSphinx refuses .*: The word 'xyzzyq' is missing in the dictionary")):
            with self.subTest(content=content):
                self.refused(run("--grammar", self.file(content)), FAILED, complaint)

    def test_output_that_cannot_be_written(self):
        self.refused(run("--transcript", self.folder), FAILED,
                     f"cannot write {self.folder}: Is a directory")
        self.refused(run("--transcript", "/dev/full", "--rounds", "1", "--streams", "1"), FAILED,
                     "cannot write /dev/full: No space left on device")
        with open("/dev/full", "wb") as full:
            self.refused(run("--rounds", "1", "--streams", "1", stdout=full), FAILED,
                         "cannot write to standard output")

    def test_wrong_usage(self):
        for arguments in (["--fast"], ["one", "two"], ["--streams", "0"], ["--streams", "17"],
                          ["--rounds", "x"], ["--cancel-after", "-1"], ["--say", "stop"],
                          ["--say", "", "--grammar", "x"],
                          ["file", "--say", "stop", "--grammar", "x"]):
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.refused(result, USAGE, ".*; see --help")
                self.assertEqual(result.stdout, "")

    def test_help_has_two_examples_and_every_option(self):
        result = run("--help")
        self.assertEqual((result.returncode, result.stderr), (HEARD, ""))
        self.assertEqual(len(re.findall(r"(?m)^  inference_loop ", result.stdout)), 2)
        for word in ("FILE", "--say", "--grammar", "--streams", "--rounds", "--cancel-after",
                     "--transcript", "--realtime", "130"):
            self.assertIn(word, result.stdout)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit(__doc__)
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
