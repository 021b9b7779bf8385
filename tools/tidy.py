#!/usr/bin/env python3
"""Checks the tree against Herald's style, as far as a program can judge it.

Prints `file:line: rule: message` for each finding and exits 1 when there are any. The rules are the
functions marked @rule below; each has a bad and a good sample in tests/tidy_test.py.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
from typing import Callable, Iterator, NamedTuple

from cpp_source import Source, Tree

MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 60
MAX_NESTING = 3
TOP_LEVEL = {"include", "src", "tools", "bench", "tests", "CMakeLists.txt", "README.md", "LICENSE"}
MODULES = ("sse", "history", "nats", "export")
FENCE_FILE = "src/base/fence.h"  # where the store-then-load race is drawn
BAD_NOUNS = "Manager|Helper|Util|Utils|Impl|Context|Data"


class Finding(NamedTuple):
    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


def read_tree(root: pathlib.Path) -> Tree:
    """The files of the project: what git would take, or without git all but dotfiles and build/."""
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=False,
    )
    if listing.returncode == 0:
        paths = listing.stdout.split("\0")
    else:
        paths = []
        for folder, folders, files in os.walk(root):
            folders[:] = [f for f in folders if f not in ("build", "__pycache__", ".git")]
            paths += [str((pathlib.Path(folder) / f).relative_to(root)) for f in files]
    files = [path for path in paths if (root / path).is_file()]
    return Tree({path: (root / path).read_text("utf-8", "replace") for path in files})


# The rules.

Findings = Iterator[tuple[Source, int, str]]
RULES: dict[str, Callable[[Tree], Findings]] = {}


def rule(function: Callable[[Tree], Findings]) -> Callable[[Tree], Findings]:
    RULES[function.__name__.replace("_", "-")] = function
    return function


def check(tree: Tree) -> list[Finding]:
    return sorted({Finding(source.path, line, name, message)
                   for name, function in RULES.items()
                   for source, line, message in function(tree)})


def matches(sources: list[Source], pattern: str, message: str) -> Findings:
    """A finding for each match in the code; {0} in the message is what matched."""
    for source in sources:
        for match in re.finditer(pattern, source.code):
            yield source, source.line_of(match.start()), message.format(match.group())


@rule
def file_length(tree: Tree) -> Findings:
    for source in tree.sources:
        if not (source.is_cpp or source.path.endswith(".py")):
            continue
        limit = 600 if source.under("tests", "bench") else 250 if source.is_header else 400
        length = source.text.count("\n")
        if length > limit:
            yield source, limit + 1, f"{length} lines, at most {limit}"


@rule
def columns(tree: Tree) -> Findings:
    for source in tree.sources:
        for number, line in enumerate(source.lines, 1):
            if len(line) > MAX_COLUMNS and not source.path.endswith((".md", "LICENSE")):
                yield source, number, f"{len(line)} columns, at most {MAX_COLUMNS}"


@rule
def function_length(tree: Tree) -> Findings:
    for source in tree.cpp:
        for block in source.blocks:
            length = block.last_line - block.brace_line + 1
            if block.kind == "function" and length > MAX_FUNCTION_LINES:
                yield source, block.first_line, f"{length} lines, at most {MAX_FUNCTION_LINES}"


@rule
def nesting(tree: Tree) -> Findings:
    for source in tree.cpp:
        for block in source.blocks:
            if block.kind == "control" and block.nesting > MAX_NESTING:
                yield source, block.brace_line, f"{block.nesting} levels, at most {MAX_NESTING}"


ATOMIC_CALL = re.compile(
    r"(?:\.|->)\s*(load|store|exchange|fetch_\w+|compare_exchange_\w+|test_and_set)\s*\(")
ATOMIC_NAME = re.compile(
    r"\b(?:std::)?[Aa]tomic(?:_\w+|<(?:[^<>;{}()=]|<[^<>]*>)*>)\s+(\w+)\s*[;={]")
ARGUMENTS_WITHOUT_ORDER = {"load": 0, "test_and_set": 0, "compare_exchange": 2}


def count_arguments(code: str, start: int) -> int:
    """The number of arguments of a call whose parenthesis opens just before `start`."""
    depth, commas, offset = 1, 0, start
    while depth > 0 and offset < len(code):
        depth += (code[offset] in "([{") - (code[offset] in ")]}")
        commas += code[offset] == "," and depth == 1
        offset += 1
    return commas + 1 if code[start:offset - 1].strip() else 0


@rule
def memory_order(tree: Tree) -> Findings:
    """Every atomic access names its order. Judged by the number of arguments, so that a load() of
    something else, which has arguments of its own, is let pass."""
    for source in tree.cpp:
        for call in ATOMIC_CALL.finditer(source.code):
            verb = re.sub(r"_(weak|strong)$", "", call.group(1))
            if count_arguments(source.code, call.end()) == ARGUMENTS_WITHOUT_ORDER.get(verb, 1):
                yield source, source.line_of(call.start()), f"{call.group(1)}() without an order"
    yield from matches(tree.cpp, r"\batomic_(?:load|store|exchange|fetch_[a-z]+)\s*\(",
                       "{0}...) without an order")


@rule
def atomic_operator(tree: Tree) -> Findings:
    """No ++, = and the like on a name that the same file, or its header, declares atomic. Where a
    file uses a name for several variables, the declaration before the use decides."""
    operated = r"(?:(?:\+\+|--)%s\b|(?<![\w.>])%s\s*(?:\+\+|--|[-+|&^]?=(?!=)))"
    declared = r"\b(?!return\b|else\b)[\w:]+(?:<[^;{}()=]*>)?[\s&*]+%s\s*[;={]"
    for source in tree.cpp:
        header = tree.by_path.get(re.sub(r"\.cc$", ".h", source.path), source)
        names = {name for s in (source, header) for name in ATOMIC_NAME.findall(s.code)}
        for name in names:
            for use in re.finditer(operated % (name, name), source.code):
                lead = source.code[: use.end()]
                declarations = [m for m in re.finditer(declared % name, lead)]
                if any(use.start() < m.end() for m in declarations):
                    continue  # the use is itself a declaration
                if name.endswith("_") or (
                    declarations and ATOMIC_NAME.match(declarations[-1].group())
                ):
                    yield source, source.line_of(use.start()), f"operator on the atomic {name}"


LABEL = re.compile(r"(?<!\w)\[([A-Z]{1,2}[0-9]{1,2})\]")


@rule
def order_label(tree: Tree) -> Findings:
    """An acquire or a release carries the label of its pair. The race of fence.h is the exception:
    it is drawn there as a whole."""
    for source in tree.cpp:
        if not source.under("src", "include") or source.path == FENCE_FILE:
            continue
        for match in re.finditer(r"memory_order(?:_|::)(acquire|release|acq_rel)", source.code):
            line = source.line_of(match.start())
            if not LABEL.search(source.comment_near(line)):
                yield source, line, f"{match.group(1)} without a label such as [R1]"


@rule
def order_pair(tree: Tree) -> Findings:
    """A label stands at both ends, beside the code; the table in a file's head is neither."""
    ends: dict[str, list[tuple[Source, int]]] = {}
    tables: dict[str, tuple[Source, int]] = {}
    for source in (s for s in tree.cpp if s.under("src", "include")):
        head = source.head_length()
        for number, comment in enumerate(source.comment_lines, 1):
            for label in LABEL.findall(comment):
                if number <= head:
                    tables.setdefault(label, (source, number))
                else:
                    ends.setdefault(label, []).append((source, number))
    for label, places in ends.items():
        if len(places) == 1:
            yield *places[0], f"[{label}] stands at one end only"
    for label, place in tables.items():
        if label not in ends:
            yield *place, f"[{label}] stands in the table only"


@rule
def seq_cst(tree: Tree) -> Findings:
    for source in tree.cpp:
        if not source.under("src", "include", "tools") or source.path == FENCE_FILE:
            continue
        for match in re.finditer(r"memory_order(?:_|::)seq_cst", source.code):
            line = source.line_of(match.start())
            compiler_only = "atomic_signal_fence" in source.code_lines[line - 1]
            if not compiler_only and "seq_cst:" not in source.comment_near(line):
                yield source, line, "needs a comment `seq_cst:` that draws the store-then-load race"


@rule
def stand_alone_fence(tree: Tree) -> Findings:
    others = [s for s in tree.cpp if s.path != FENCE_FILE]
    yield from matches(others, r"\batomic_thread_fence\b", "a fence orders no payload")


@rule
def no_volatile(tree: Tree) -> Findings:
    yield from matches(tree.cpp, r"(?<!asm )(?<!asm__ )\bvolatile\b", "use an atomic")


@rule
def no_sanitizer_gap(tree: Tree) -> Findings:
    yield from matches(tree.cpp, r"\bno_sanitize\w*", "{0} switches off what would prove the code")


@rule
def disabled_test(tree: Tree) -> Findings:
    yield from matches(tree.cpp, r"\bDISABLED_\w+", "run it or delete it")


@rule
def unfinished(tree: Tree) -> Findings:
    for source in tree.sources:
        for number, line in enumerate(source.lines, 1):
            if re.search(r"\b(TO[D]O|FIX[M]E|XX[X])\b", line):
                yield source, number, "finish it, or file an issue"


@rule
def type_name(tree: Tree) -> Findings:
    yield from matches(tree.cpp, rf"\b(?:class|struct|using)\s+\w*(?:{BAD_NOUNS})\b(?=\s*[:;{{=f])",
                       "{0}: name what it is")


@rule
def file_name(tree: Tree) -> Findings:
    bad = re.compile(rf"_(?:{BAD_NOUNS.lower()})\.")
    for source in tree.sources:
        name = os.path.basename(source.path)
        if source.path.endswith((".cpp", ".cxx", ".hpp", ".hh")):
            yield source, 1, "C++ files end in .h and .cc"
        elif source.is_cpp and (bad.search(name) or not re.fullmatch(r"[a-z0-9_]+\.\w+", name)):
            yield source, 1, "name the file in snake_case after the one noun it holds"


@rule
def first_line(tree: Tree) -> Findings:
    for source in tree.cpp:
        if source.under("src/core") and not source.text.startswith("// "):
            yield source, 1, "say the stage, its input and its output"


@rule
def pragma_once(tree: Tree) -> Findings:
    for source in tree.cpp:
        if source.is_header and not re.search(r"^#pragma once$", source.code, re.M):
            yield source, 1, "a header has #pragma once"


INNER = ("base/", "core/")
MODULE = tuple(m + "/" for m in MODULES) + tuple(f"herald/{m}/" for m in MODULES)
HIDDEN = ("mutex", "shared_mutex", "condition_variable", "concurrentqueue.h", "concurrentqueue/")
FORBIDDEN_INCLUDES = {  # the first folder that fits decides
    "src/base": (("core/", *MODULE), "base knows nothing of core and the modules"),
    "src/core": (MODULE, "core knows no module"),
    "src": (INNER, "a module uses include/herald only"),
    "tools": (INNER, "tools use include/herald only"),
    "include": ((*INNER, *HIDDEN), "public headers show no inner file, lock or queue"),
}


@rule
def layers(tree: Tree) -> Findings:
    for source in tree.cpp:
        folder = next((f for f in FORBIDDEN_INCLUDES if source.under(f)), None)
        if folder is None:
            continue
        forbidden, message = FORBIDDEN_INCLUDES[folder]
        for match in re.finditer(r'^\s*#\s*include\s*["<]([^">]+)', source.text, re.M):
            if match.group(1).startswith(forbidden):
                yield source, source.line_of(match.start()), f"{match.group(1)}: {message}"


# The folders of src/core: a file includes only what comes before it. A .cc file may ask the
# runtime, which ties them together, or the dispatcher, as the watchdog does.
CORE_ORDER = ("event", "control", "lane", "subscriber", "middleware", "watchdog", "mailbox",
              "fan_out", "replay", "latency", "stream", "dispatch")
ASKED = ("core/runtime.h", "core/dispatch/dispatcher.h")


@rule
def core_order(tree: Tree) -> Findings:
    for source in tree.cpp:
        path = re.match(r"src/core/(\w+)/", source.path)
        if path is None:
            continue
        if path[1] not in CORE_ORDER:
            yield source, 1, "give its folder a place in CORE_ORDER"
            continue
        before = CORE_ORDER[:CORE_ORDER.index(path[1]) + 1]
        for match in re.finditer(r'^\s*#\s*include\s*["<]((?:core/(?:(\w+)/)?|\.).*)[">]',
                                 source.text, re.M):
            asks = not source.is_header and match[1] in ASKED
            if match[2] not in before and not asks:
                yield (source, source.line_of(match.start()),
                       f"core/{path[1]} knows {', '.join(before)} only")


@rule
def top_level(tree: Tree) -> Findings:
    for source in tree.sources:
        name = source.path.split("/")[0]
        if name not in TOP_LEVEL and not name.startswith("."):
            yield source, 1, f"{name} is not one of the folders and files agreed on"


def without_cmake_comments(text: str) -> str:
    return re.sub(r"#.*", "", text)


@rule
def cmake_settings(tree: Tree) -> Findings:
    """What a project must leave to its user."""
    for source in (s for s in tree.sources if s.is_cmake):
        for number, line in enumerate(source.lines, 1):
            code = without_cmake_comments(line)
            if re.search(r"\bfile\s*\(\s*GLOB", code, re.I):
                yield source, number, "list the files"
            if re.search(r"\b(set|option|string\s*\(\s*APPEND)\s*\(?\s*"
                         r"(CMAKE_CXX_FLAGS\w*|BUILD_SHARED_LIBS)\b", code, re.I):
                yield source, number, "CMAKE_CXX_FLAGS and BUILD_SHARED_LIBS belong to the user"


@rule
def listed_in_cmake(tree: Tree) -> Findings:
    """Every .cc file, and every test, stands in the CMakeLists.txt nearest above it."""
    for source in tree.sources:
        if not source.path.endswith((".cc", "_test.py")):
            continue
        path = pathlib.PurePosixPath(source.path)
        lists = next((f / "CMakeLists.txt" for f in path.parents
                      if str(f / "CMakeLists.txt") in tree.by_path), None)
        if lists is None:
            continue
        name = re.escape(str(path.relative_to(lists.parent)))
        text = without_cmake_comments(tree.by_path[str(lists)].text)
        if not re.search(rf"(?:(?<![\w/])|(?<=}}/)){name}(?!\w)", text):
            yield source, 1, f"not listed in {lists}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="Rules: " + ", ".join(RULES))
    parser.add_argument("root", nargs="?", type=pathlib.Path, help="default: this project",
                        default=pathlib.Path(__file__).resolve().parent.parent)
    findings = check(read_tree(parser.parse_args().root))
    print(*findings, f"tidy: {len(findings)} findings", sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
