"""What tools/tidy.py knows of C++: a file's code and comments apart, its functions, its nesting.

No parser: braces, and the text before each, tell enough in a tree that clang-format has formatted.
"""

import functools
import re
from typing import Iterator, NamedTuple

LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/
      |R"(?P<mark>[^()\\\s]*)\(.*?\)(?P=mark)"
      |"(?:\\.|[^"\\\n])*"
      |(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'""",
    re.S | re.X,
)


def blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


class Source:
    """A file. For C++, `code` is its text with comments, and what is inside strings, as blanks;
    `comments` is the text with all but comments as blanks. Offsets and lines are those of `text`.
    """

    def __init__(self, path: str, text: str):
        self.path = path
        self.text = text
        self.is_header = path.endswith(".h")
        self.is_cpp = path.endswith((".h", ".cc"))
        self.is_cmake = path.endswith((".cmake", ".cmake.in", "CMakeLists.txt"))
        self.code, self.comments = self._take_apart() if self.is_cpp else (text, blank(text))
        self.lines = text.split("\n")
        self.code_lines = self.code.split("\n")
        self.comment_lines = self.comments.split("\n")

    def _take_apart(self) -> tuple[str, str]:
        code, comments, position = [], [], 0
        for match in LITERAL.finditer(self.text):
            before, literal = self.text[position : match.start()], match.group()
            is_comment = literal.startswith("/")
            quotes = literal[0] + blank(literal[1:-1]) + literal[-1]
            code += [before, blank(literal) if is_comment else quotes]
            comments += [blank(before), literal if is_comment else blank(literal)]
            position = match.end()
        rest = self.text[position:]
        return "".join(code) + rest, "".join(comments) + blank(rest)

    def line_of(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1

    def under(self, *folders: str) -> bool:
        return self.path.startswith(tuple(f + "/" for f in folders))

    @functools.cached_property
    def blocks(self) -> list["Block"]:
        return list(find_blocks(self.code))

    def head_length(self) -> int:
        """The number of lines of the comment that opens the file."""
        is_comment = (bool(line.strip()) for line in self.comment_lines)
        return next((n for n, comment in enumerate(is_comment) if not comment), len(self.lines))

    def comment_near(self, line: int) -> str:
        """The comments that speak of a line of code: those of its statement, of up to ten lines
        before it in the same function, and the block above the statement or, that near, above the
        function."""
        inside = [b.first_line for b in self.blocks
                  if b.kind == "function" and b.first_line <= line <= b.last_line]
        start = max([s for s in inside if s >= line - 10], default=line)
        end = line
        while end < min(line + 3, len(self.lines)) and ";" not in self.code_lines[end - 1]:
            end += 1
        above = start - 1
        while above > 0 and self.comment_lines[above - 1].strip() and (
            not self.code_lines[above - 1].strip()
        ):
            above -= 1
        return "\n".join(self.comment_lines[above:end])


class Tree:
    def __init__(self, texts: dict[str, str]):
        self.sources = [Source(path, text) for path, text in sorted(texts.items())]
        self.by_path = {source.path: source for source in self.sources}
        self.cpp = [source for source in self.sources if source.is_cpp]


class Block(NamedTuple):
    """A pair of braces. `nesting` counts the control blocks around and including it, up to the
    function."""

    kind: str  # scope (namespace, class), function (lambdas too), control, plain, initializer
    first_line: int  # of its head: the signature, the condition
    brace_line: int
    last_line: int
    nesting: int


CONTROL = re.compile(r"(?:(?:case\b.*|default)\s*:\s*)?(?:else\s+)?(?:if|for|while|switch|catch)\b")
LAMBDA = re.compile(r"\[[^\[\]]*\]\s*(?:\([^{}]*\))?\s*(?:mutable|noexcept|->[\w\s:<>&*,]+|\s)*$")
SCOPE = re.compile(r"\bnamespace\b[^()]*$|\bextern\s*\"[^\"]*\"$")
CLASS = re.compile(r"(?:\w+\s*:\s*)?(?:(?:typedef|static|inline|constexpr|const)\s+)*"
                   r"(?:class|struct|union|enum)\b(?!\s[\w:]+[\s&*]+[\w:]+\s*\()")
TEMPLATE = re.compile(r"\btemplate\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>")
CONSTRUCTOR_BRACE = re.compile(r"\)\s*(?:noexcept(?:\(.*?\))?)?\s*:[^:].*[\w>]$", re.S)
AFTER_SIGNATURE = re.compile(r"\b(?:const|noexcept|override|final|try|mutable)$")


def brace_kind(head: str, depth: int, in_function: bool) -> str:
    """What a brace opens, from the text before it and the open parentheses around it."""
    head = re.sub(r"\[\[.*?\]\]|\balignas\([^()]*\)", "", head)
    head = TEMPLATE.sub("", head).strip()
    is_control = (CONTROL.match(head) and head.endswith(")")) or re.search(
        r"\b(?:else|do|try|HERALD_TRY|HERALD_CATCH_ALL)$", head)
    if depth == 0 and in_function and is_control:
        return "control"
    if LAMBDA.search(head):
        return "function"
    if depth > 0 or head.endswith(("=", ",", "return")):
        return "initializer"
    if SCOPE.search(head) or CLASS.match(head):
        return "scope"
    if in_function:
        return "plain" if not head or head.endswith(":") else "initializer"
    if "(" not in head:
        return "initializer"
    if CONSTRUCTOR_BRACE.search(head) and not AFTER_SIGNATURE.search(head):
        return "initializer"
    return "function"


def first_branches(code: str) -> str:
    """Blanks directives and, so that braces match, every branch of an #if but the first."""
    result = []
    skipping = [False]
    continued = False
    for line in code.split("\n"):
        directive = re.match(r"\s*#\s*(\w*)", line)
        word = directive.group(1) if directive else ""
        if word.startswith("if"):
            skipping.append(skipping[-1])
        elif word.startswith("el") and len(skipping) > 1:
            skipping[-1] = True
        elif word == "endif" and len(skipping) > 1:
            skipping.pop()
        is_directive = continued or directive is not None
        continued = is_directive and line.endswith("\\")
        result.append(blank(line) if is_directive or skipping[-1] else line)
    return "\n".join(result)


class Opened(NamedTuple):
    """A brace not closed yet."""

    kind: str
    head_start: int
    depth: int
    first_line: int
    brace_line: int
    nesting: int


def find_blocks(code: str) -> Iterator[Block]:
    """Every pair of braces, inner ones first."""
    code = first_branches(code)
    stack: list[Opened] = []
    depth, head_start, line = 0, 0, 1
    for offset, char in enumerate(code):
        if char == "\n":
            line += 1
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        elif char == ";" and depth == 0:
            head_start = offset + 1
        elif char == "{":
            stack.append(opened(code[head_start:offset], head_start, depth, line, stack))
            depth, head_start = 0, offset + 1
        elif char == "}" and stack:
            top = stack.pop()
            depth = top.depth
            head_goes_on = top.kind == "initializer" or depth > 0
            head_start = top.head_start if head_goes_on else offset + 1
            yield Block(top.kind, top.first_line, top.brace_line, line, top.nesting)


def opened(head: str, head_start: int, depth: int, line: int, stack: list[Opened]) -> Opened:
    kinds = [o.kind for o in stack if o.kind in ("scope", "function")]
    kind = brace_kind(head, depth, in_function=kinds[-1:] == ["function"])
    signature = re.sub(r"^\s*(?:(?:public|protected|private)\s*:\s*)*", "", head)
    outer = stack[-1].nesting if stack and kind not in ("scope", "function") else 0
    return Opened(kind, head_start, depth, line - signature.count("\n"), line,
                  outer + (kind == "control"))
