"""Tests of tools/tidy.py: every rule flags its bad samples and lets its good ones pass."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))

import tidy  # noqa: E402
from cpp_source import Tree  # noqa: E402


def function(body: str) -> str:
    return "void f() {\n" + body + "}\n"


def lines(count: int) -> str:
    return "  g();\n" * count


def nested(depth: int) -> str:
    return "if (a) {\n" * depth + "g();\n" + "}\n" * depth


UNFINISHED = "TO" + "DO"
LOAD = "flag_.load(std::memory_order_acquire);"
STORE = "flag_.store(1, std::memory_order_release);"
FENCE = "src/base/fence.h"

# For each rule, the files of trees that it must flag (bad) and must not flag (good).
BAD: dict[str, list[dict[str, str]]] = {
    "file-length": [
        {"include/herald/a.h": "\n" * 251},
        {"src/core/a.cc": "\n" * 401},
        {"tests/core/a_test.cc": "\n" * 601},
        {"bench/a_bench.cc": "\n" * 601},
    ],
    "columns": [
        {"src/a.cc": "/" * 101},
        {"tools/run": "#" * 101},
        {"src/CMakeLists.txt": "#" * 101},
    ],
    "function-length": [
        {"src/a.cc": function(lines(59))},
        {"src/a.cc": "namespace n {\n" + function(lines(59)) + "}\n"},
        {"src/a.h": "class A {\n public:\n  int x_{0};\n  " + function(lines(59)) + "};\n"},
        {"src/a.cc": "A::A() noexcept : a_{1}, b_(f()), c_{} {\n" + lines(59) + "}\n"},
        {"src/a.cc": "template <class T>\nauto f(T t = {}) -> Array<T> {\n" + lines(59) + "}"},
        {"src/a.cc": "#if A\nvoid f(int a) {\n#else\nvoid f() {\n#endif\n" + lines(59) + "}\n"},
        {"src/a.cc": "const auto f = [](int x) {\n" + lines(59) + "};\n"},
        {"tests/a_test.cc": "TEST(Lane, IsFull) {\n" + lines(59) + "}\n"},
        {"src/a.cc": function('  g("}");  // }\n  h(\'}\', R"x(})x", 1\'000);\n' + lines(57))},
    ],
    "nesting": [
        {"src/a.cc": function(nested(4))},
        {"src/a.cc": function("for (;;) {\nwhile (a) {\ndo {\n} while (b);\nif (c) {\n}"
                              " else if (d) {\ntry {\n} catch (...) {\n}\n}\n}\n}\n")},
        {"src/a.cc": function("HERALD_TRY {\n} HERALD_CATCH_ALL {\n" + nested(3) + "}\n")},
        {"src/a.cc": function("run([&](int i) {\n" + nested(4) + "});\n")},
        {"src/a.cc": function("switch (a) {\ncase A::b: {\n" + nested(3) + "}\n}\n")},
    ],
    "memory-order": [
        {"src/a.cc": function("a_.load();")},
        {"src/a.cc": function("a->store(f(1, 2));")},
        {"src/a.cc": function("a_.fetch_add(1);")},
        {"src/a.cc": function("a_.exchange(std::pair{1, 2});")},
        {"src/a.cc": function("a_.compare_exchange_weak(seen,\n  seen + 1);")},
        {"src/a.cc": function("a_[i].test_and_set();")},
        {"src/a.cc": function("std::atomic_store(&a, 1);")},
        {"tests/a_test.cc": function("EXPECT_EQ(calls.load(), 1);")},
    ],
    "atomic-operator": [
        {"src/a.h": "struct A {\n  void f() { ++count_; }\n  std::atomic<int> count_{0};\n};\n"},
        {"src/a.h": "struct A {\n  std::atomic<bool> done_ = false;\n};\n",
         "src/a.cc": "void A::f() { done_ = true; }\n"},
        {"tests/a_test.cc": function("std::atomic<int> calls{0};\nf([&] { calls++; });\n")},
        {"src/a.h": "struct A {\n  void f() { sum_ += 2; }\n  Atomic<std::uint64_t> sum_;\n};\n"},
    ],
    "order-label": [
        {"src/a.cc": function(LOAD)},
        {"src/a.cc": "// Takes it.\n" + function("return " + LOAD)},
        {"src/a.cc": "// [A1] acquire.\nint g();\n\n" + function(LOAD)},
        {"include/herald/a.h": function("a.fetch_add(1, std::memory_order_acq_rel);")},
    ],
    "order-pair": [
        {"src/a.cc": function(STORE + "  // [A1] release\n")},
        {"src/a.h": "// A lane.\n// [A1] one / other.\n\nint f();\n"},
        {"src/a.h": "// [A1] one / other.\n\n" + function(STORE + "  // [A1] release\n")},
    ],
    "seq-cst": [
        {"src/a.cc": function("a_.load(std::memory_order_seq_cst);")},
        {"src/a.cc": "// seq_cst is best.\n" + function("a_.load(std::memory_order::seq_cst);")},
    ],
    "stand-alone-fence": [
        {"src/a.cc": function("std::atomic_thread_fence(std::memory_order_acquire);")},
    ],
    "no-volatile": [{"src/a.cc": "volatile int a;"}, {"tests/a.cc": "int volatile* a;"}],
    "no-sanitizer-gap": [{"src/a.cc": '__attribute__((no_sanitize("thread"))) void f();'}],
    "disabled-test": [{"tests/a.cc": "TEST(Lane, DISABLED_Wraps) {}"}],
    "unfinished": [
        {"src/a.cc": f"// {UNFINISHED}: more\n"},
        {"tools/run": "# FIX" + "ME\n"},
        {"README.md": f"{UNFINISHED}\n"},
    ],
    "type-name": [
        {"src/a.h": "class LaneManager {\n};\n"},
        {"src/a.h": "struct BusImpl;\n"},
        {"src/a.h": "class StringUtil final {};\n"},
        {"src/a.h": "using CallContext = int;\n"},
        {"src/a.h": "struct Data {};\n"},
    ],
    "file-name": [{"src/a.cpp": ""}, {"src/Lane.h": ""}, {"src/lane_utils.h": ""}],
    "first-line": [{"src/core/a.cc": '#include "b.h"\n'}, {"src/core/a.h": "#pragma once\n"}],
    "pragma-once": [{"src/a.h": "int a;\n"}, {"src/a.h": "// #pragma once\n"}],
    "layers": [
        {"src/base/a.h": '#include "core/lane/lane.h"\n'},
        {"src/base/a.h": '#include "sse/sse.h"\n'},
        {"src/core/a.h": "#include <herald/nats/nats.h>\n"},
        {"src/sse/a.cc": '#include "core/lane/lane.h"\n'},
        {"tools/herald/main.cc": '#include "base/clock.h"\n'},
        {"include/herald/bus.h": '#include "core/bus.h"\n'},
        {"include/herald/bus.h": "#include <mutex>\n"},
        {"include/herald/bus.h": "#include <concurrentqueue.h>\n"},
    ],
    "core-order": [
        {"src/core/lane/a.h": '#include "core/mailbox/mailbox_core.h"\n'},
        {"src/core/lane/a.h": '#include "core/runtime.h"\n'},
        {"src/core/lane/a.h": "#include <core/mailbox/mailbox_core.h>\n"},
        {"src/core/lane/a.h": '#include "../runtime.h"\n'},
        {"src/core/lane/a.cc": '#include "core/mailbox/mailbox_core.h"\n'},
        {"src/core/lane/deeper/a.h": '#include "core/mailbox/deeper/a.h"\n'},
        {"src/core/new/a.cc": ""},
    ],
    "top-level": [{"NOTES.md": ""}, {"docs/a.md": ""}, {"CMakeFiles/a.log": ""}],
    "cmake-settings": [
        {"src/CMakeLists.txt": "file(GLOB sources *.cc)\n"},
        {"src/CMakeLists.txt": "file( GLOB_RECURSE sources *.cc)\n"},
        {"tools/cmake/a.cmake": 'set(CMAKE_CXX_FLAGS "-O3")\n'},
        {"CMakeLists.txt": 'string(APPEND CMAKE_CXX_FLAGS_RELEASE " -g")\n'},
        {"CMakeLists.txt": "option(BUILD_SHARED_LIBS ON)\n"},
    ],
    "listed-in-cmake": [
        {"src/CMakeLists.txt": "add_library(a base/b.cc)\n", "src/base/a.cc": ""},
        {"src/CMakeLists.txt": "add_library(a base/aa.cc)\n", "src/base/a.cc": ""},
        {"src/CMakeLists.txt": "add_library(a core/base/a.cc)\n", "src/base/a.cc": ""},
        {"src/CMakeLists.txt": "# base/a.cc\n", "src/base/a.cc": ""},
        {"tests/CMakeLists.txt": "\n", "tests/base/a_test.cc": ""},
        {"tests/CMakeLists.txt": "\n", "tests/a_test.py": ""},
    ],
}

GOOD: dict[str, list[dict[str, str]]] = {
    "file-length": [
        {"include/herald/a.h": "\n" * 250},
        {"src/core/a.cc": "\n" * 400},
        {"tests/core/a_test.cc": "\n" * 600},
        {"README.md": "\n" * 999},
    ],
    "columns": [
        {"src/a.cc": "/" * 100 + "\n"},
        {"src/a.cc": "// " + "é" * 97},
        {"README.md": "a" * 101},
    ],
    "function-length": [
        {"src/a.cc": function(lines(58))},
        {"src/a.h": "class A : public B<int> {\n" + (function(lines(40)) * 3) + "};\n"},
        {"src/a.cc": "namespace {\n" + (function(lines(40)) * 3) + "}\n"},
        {"src/a.cc": 'extern "C" {\n' + (function(lines(40)) * 3) + "}\n"},
        {"src/a.h": "template <class T>\nstruct alignas(8) A {\n" + function(lines(40)) * 3 + "};"},
        {"src/a.cc": "constexpr int kTable[] = {\n" + "1,\n" * 80 + "};\n"},
        {"src/a.cc": "A::A() : a_{\n" + "1,\n" * 58 + "}, b_{2} {\n}\n"},
        {"src/a.h": "enum class A : std::uint8_t {\n" + "kA,\n" * 80 + "};\n"},
        {"src/a.cc": "#define F(x) \\\n  void f() { \\\n  x\n" + function(lines(58))},
    ],
    "nesting": [
        {"src/a.cc": function(nested(3))},
        {"src/a.cc": function("if (a) {\n} else if (b) {\n} else if (c) {\n"
                              "} else if (d) {\n} else if (e) {\n" + nested(2) + "}\n")},
        {"src/a.cc": function(nested(2) * 4)},
        {"src/a.cc": function("if (a) {\nif (b) {\nif (c) {\nf({.a = 1, .b = {}});\n}\n}\n}\n")},
        {"src/a.cc": function("if (a) {\nif (b) {\nrun([&] {\n" + nested(3) + "});\n}\n}\n")},
        {"src/a.cc": "namespace a {\nclass B {\n" + function(nested(3)) + "};\n}\n"},
    ],
    "memory-order": [
        {"src/a.cc": function("a_.load(std::memory_order_relaxed);")},
        {"src/a.cc": function("a_.store(f(1, 2), order);")},
        {"src/a.cc": function("a_.compare_exchange_weak(s, s + 1, order, order);")},
        {"src/a.cc": function("config.load(path);  // a_.load()\nconst char* s = \"a_.load()\";")},
        {"src/a.cc": function("table.store(key, value);\nLoad(1);\nload();")},
    ],
    "atomic-operator": [
        {"src/a.h": "struct A {\n  std::atomic<int> n_{0};\n  std::atomic<bool> b_ = true;\n};\n"},
        {"src/a.h": "struct A {\n  void f() { r.n_ = read(n_); }\n  std::atomic<int> n_;\n};\n"},
        {"src/a.cc": function("std::atomic<int> n{0};\n") + function("int n = 0;\n++n;\n")},
        {"src/a.cc": function("std::vector<std::atomic<int>> n(1);\nn = make();\n")},
        {"src/a.cc": function("std::atomic<int> n{0};\nif (n == other) {\n}\n")},
    ],
    "order-label": [
        {"src/a.cc": function(LOAD + "  // [A1] acquire\n")},
        {"src/a.cc": "// [A1] acquire: pairs with g().\n" + function("return " + LOAD)},
        {"src/a.cc": function("// [A1] acquire.\nreturn a.compare_exchange_strong(x, y,\n"
                              "std::memory_order_acquire,\nstd::memory_order_relaxed);\n")},
        {"src/a.cc": function("a_.load(std::memory_order_relaxed);")},
        {FENCE: function(LOAD)},
        {"tests/a_test.cc": function(LOAD)},
    ],
    "order-pair": [
        {"src/a.h": "// [A1] one / other.\n\n" + function(STORE + "  // [A1] release\n")
                    + function(LOAD + "  // [A1] acquire\n")},
        {"src/a.cc": function(STORE + "  // [A1] release\n"),
         "src/b.cc": function(LOAD + "  // [A1] acquire\n")},
        {"src/a.cc": "// [out] a parameter, x[A1]\nint a = b[A1];\n// an array[3]\n"},
    ],
    "seq-cst": [
        {"src/a.cc": "// seq_cst: the flag, then the work.\n"
                     + function("return a_.load(std::memory_order_seq_cst);")},
        {"src/a.cc": function("std::atomic_signal_fence(std::memory_order_seq_cst);")},
        {FENCE: function("a_.load(std::memory_order_seq_cst);")},
        {"tests/model/a.h": "case std::memory_order_seq_cst:"},
    ],
    "stand-alone-fence": [{FENCE: "std::atomic_thread_fence(std::memory_order_seq_cst);"}],
    "no-volatile": [{"src/a.cc": 'asm volatile("isb" ::: "memory");  // volatile\n'},
                    {"src/a.cc": '__asm__ volatile("");\nconst char* s = "volatile";'}],
    "no-sanitizer-gap": [{"src/a.cc": "// no_sanitize is not used.\n"}],
    "disabled-test": [{"tests/a.cc": "TEST(Lane, Wraps) {}"}],
    "unfinished": [{"src/a.cc": "// Everything to do is done.\n"}],
    "type-name": [
        {"src/a.h": "class Lane {\n  void Manager();\n};\n// class LaneManager\n"},
        {"src/a.h": "class Database {};\nstruct Metadata;\nvoid f(void* context, ucontext_t*);\n"},
        {"src/a.h": "void f(const struct Context& c);\n"},
    ],
    "file-name": [{"src/lane.h": ""}, {"src/latency_histogram.cc": ""}, {"README.md": ""}],
    "first-line": [{"src/core/a.cc": "// Stage 1.\n"}, {"src/base/a.cc": "#include <x>\n"}],
    "pragma-once": [{"src/a.h": "// A.\n#pragma once\n"}, {"src/a.cc": "int a;\n"}],
    "layers": [
        {"src/base/a.h": '#include "base/clock.h"\n// #include "core/lane/lane.h"\n'},
        {"src/core/a.cc": '#include <mutex>\n#include "base/clock.h"\n#include "core/bus.h"\n'},
        {"src/sse/a.cc": '#include "herald/bus.h"\n#include "sse/frame.h"\n'},
        {"include/herald/bus.h": '#include "absl/base/attributes.h"\n#include "herald/event.h"\n'},
        {"tests/core/a_test.cc": '#include "core/lane/lane.h"\n'},
    ],
    "core-order": [
        {"src/core/lane/a.h": '#include "base/clock.h"\n#include "core/lane/lane.h"\n'},
        {"src/core/dispatch/a.h": '#include "core/lane/lane.h"\n'},
        {"src/core/lane/a.cc": '#include "core/runtime.h"\n#include "core/event/event_access.h"\n'},
        {"src/core/watchdog/watchdog.cc": '#include "core/dispatch/dispatcher.h"\n'},
        {"src/core/bus.h": '#include "core/dispatch/dispatcher.h"\n'},
    ],
    "top-level": [{"README.md": "", "LICENSE": "", ".gitignore": "", ".ci/run": "", "src/a": ""}],
    "cmake-settings": [
        {"CMakeLists.txt": "# file(GLOB) is not used\nif(BUILD_SHARED_LIBS)\nendif()\n"},
        {"CMakeLists.txt": "file(STRINGS a b)\nset(CMAKE_CXX_EXTENSIONS OFF)\n"},
    ],
    "listed-in-cmake": [
        {"src/CMakeLists.txt": "add_library(a\n  base/a.cc\n)\n", "src/base/a.cc": ""},
        {"tests/CMakeLists.txt": 'add_test(NAME a COMMAND "${here}/a_test.py")',
         "tests/a_test.py": ""},
        {"tests/CMakeLists.txt": "", "tests/install/CMakeLists.txt": "add_executable(a main.cc)",
         "tests/install/main.cc": ""},
    ],
}


def findings(files: dict[str, str], rule: str) -> list[str]:
    return [str(f) for f in tidy.check(Tree(files)) if f.rule == rule]


class Rules(unittest.TestCase):
    def test_every_rule_has_samples(self):
        self.assertEqual(set(BAD), set(tidy.RULES))
        self.assertEqual(set(GOOD), set(tidy.RULES))

    def test_bad_samples_are_flagged(self):
        for rule, samples in BAD.items():
            for files in samples:
                with self.subTest(rule=rule, files=files):
                    self.assertNotEqual(findings(files, rule), [])

    def test_good_samples_pass(self):
        for rule, samples in GOOD.items():
            for files in samples:
                with self.subTest(rule=rule, files=files):
                    self.assertEqual(findings(files, rule), [])

    def test_a_finding_names_its_line(self):
        self.assertEqual(findings({"src/a.cc": "int a;\nvolatile int b;\n"}, "no-volatile"),
                         ["src/a.cc:2: no-volatile: use an atomic"])


class Program(unittest.TestCase):
    def run_on(self, files: dict[str, str]) -> subprocess.CompletedProcess:
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                target = pathlib.Path(folder, path)
                os.makedirs(target.parent, exist_ok=True)
                target.write_text(text, "utf-8")
            return subprocess.run([sys.executable, "-B", TOOLS / "tidy.py", folder],
                                  capture_output=True, text=True, check=False)

    def test_exits_1_and_prints_each_finding(self):
        run = self.run_on({"src/a.h": "volatile int a;\n"})
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stdout, "src/a.h:1: no-volatile: use an atomic\n"
                                     "src/a.h:1: pragma-once: a header has #pragma once\n"
                                     "tidy: 2 findings\n")

    def test_exits_0_on_a_clean_tree(self):
        run = self.run_on({"src/a.h": "#pragma once\n", "build/b.h": "volatile int b;\n"})
        self.assertEqual((run.returncode, run.stdout), (0, "tidy: 0 findings\n"))

    def test_help(self):
        run = subprocess.run([sys.executable, "-B", TOOLS / "tidy.py", "--help"],
                             capture_output=True, text=True, check=False)
        self.assertEqual(run.returncode, 0)
        self.assertIn("no-volatile", run.stdout)


if __name__ == "__main__":
    unittest.main()
