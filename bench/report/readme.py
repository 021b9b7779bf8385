"""The sections of README.md and bench/README.md that are made from bench/results.json, and from
nothing else.

    python3 bench/report/readme.py           exit status 1 if one differs
    python3 bench/report/readme.py --write   puts them there
"""

from __future__ import annotations

import argparse
import collections
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))

from report import cost_model, plan, summary  # noqa: E402

BEGIN = "<!-- {0}: begin; made by bench/report/readme.py from bench/results.json -->"
END = "<!-- {0}: end -->"
W1 = (("single", "w1/publishers:1/batch:1"), ("batches of 256", "w1/publishers:1/batch:256"),
      ("4 publishers, single", "w1/publishers:4/batch:1"))
W2 = (("1,000 subscribers", "w2/subscribers:1000/each"),
      ("10,000", "w2/subscribers:10000/each"),
      ("32 types, 1,000", "w3/types:32/subscribers:1000"),
      ("10,000 streams", "w3/streams:10000/subscribers:10000"))
W4 = (("10,000/s", "w4/rate:10000/subscribers:1"), ("100,000/s", "w4/rate:100000/subscribers:1"),
      ("1,000,000/s", "w4/rate:1000000/subscribers:1"),
      ("10,000/s to 1,000", "w4/rate:10000/subscribers:1000"),
      ("from sleep", "w4/parked/rate:1000"))


def in_millions(cell: dict) -> str:
    millions = cell["median"] / 1e6
    return f"{millions:,.0f}" if millions >= 100 else f"{millions:.3g}"


def in_us(cell: dict) -> str:
    if cell.get("overloaded"):
        return "overloaded"
    median = cell["median"]
    return f"{median:.2f} ({cell['p99_us']:.0f})" if median < 1e3 else f"{median:.0f}"


def contenders(points: dict, columns: tuple) -> list[str]:
    """In the order of the plan."""
    measured = {label for _, name in columns for by in points.get(name, {}).values()
                for label in by}
    order = dict.fromkeys(c.label for point in plan.all_points() for c in point.contenders)
    return [label for label in order if label in measured]


def table(points: dict, columns: tuple, show, order: list[str]) -> list[str]:
    """A row for each contender, in each field its medians in the order of the placements, which
    all but the first name."""
    rows = ["| | " + " | ".join(title for title, _ in columns) + " |",
            "|---|" + "---|" * len(columns)]
    for label in contenders(points, columns):
        fields = []
        for _, name in columns:
            by_placement = summary.usable(points.get(name, {}))
            found = {placement: show(by_placement[placement][label]) for placement in order
                     if label in by_placement.get(placement, {})}
            fields.append(" / ".join(
                figure if placement == order[0] else f"{figure} {placement}"
                for placement, figure in found.items()))
        rows.append(f"| {label} | " + " | ".join(fields) + " |")
    return rows


def ratio_table(result: dict) -> list[str]:
    rows = ["| | Herald over | ratio | where it is worst |", "|---|---|---|---|"]
    for ratio in plan.RATIOS:
        value, place = result["ratios"][ratio.name], result["ratio_at"][ratio.name]
        if value is not None:
            rows.append(f"| {ratio.what} | {place['peer']} | {value:.2f} | "
                        f"`{place['point']}`, {place['placement']} |")
    return rows


def groups(points: dict) -> list[str]:
    """The placements, the usual one first."""
    met = collections.Counter(p for by in points.values() for p in summary.usable(by))
    return [placement for placement, _ in met.most_common()]


def said_of_cores(order: list[str]) -> str:
    usual = f"the cores were {order[0]} (how long a cache line takes between them)"
    if len(order) == 1:
        return usual[0].upper() + usual[1:]
    return f"Unless a field says otherwise, {usual}; ratios are the worst of all"


def performance(result: dict) -> str:
    machine = result["machine"]
    points = result["points"]
    order = groups(points)
    lines = [
        f"Measured with `tools/run bench` on {machine['cpu']}, {machine['cores']} cores, Linux "
        f"{machine['kernel']}, {machine['compiler']}, `{machine['flags']}`, {machine['date']}; "
        f"{result['rounds']} interleaved rounds, what decides a ratio run {result['turns']} times "
        f"in each, medians. {said_of_cores(order)}. What is compared "
        "with what, and how: [bench/README.md](bench/README.md).", "",
        *ratio_table(result), "",
        "Throughput ratios are better above 1, latency ratios below.", "",
        "Hand-over to one subscriber, million events a second:", "",
        *table(points, W1, in_millions, order), "",
        "Fan-out, million deliveries a second:", "",
        *table(points, W2, in_millions, order), "",
        "Latency from the due time to the last subscriber, median (p99), microseconds:", "",
        *table(points, W4, in_us, order),
    ]
    return "\n".join(lines)


# The file, the name in its markers, and what makes the text between them.
SECTIONS = (("README.md", "performance", performance),
            ("bench/README.md", "cost model", cost_model.section))


def renewed(page: str, name: str, content: str) -> str:
    """The page with another text between the markers. Raises ValueError if they are not there."""
    begin, end = BEGIN.format(name), END.format(name)
    first, last = page.index(begin) + len(begin), page.index(end)
    return page[:first] + "\n" + content + "\n" + page[last:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="change the files")
    arguments = parser.parse_args()
    result = json.loads((ROOT / "bench" / "results.json").read_text())
    status = 0
    for file, name, make in SECTIONS:
        path = ROOT / file
        page = path.read_text()
        wanted = renewed(page, name, make(result))
        if arguments.write:
            path.write_text(wanted)
        elif page != wanted:
            print(f"{file} differs from bench/results.json; run bench/report/readme.py --write",
                  file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
