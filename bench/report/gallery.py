"""The charts of a result."""

from __future__ import annotations

import pathlib

from report import chart, plan, summary
from report.text import ranked


def placements(points: dict, names: list[str]) -> list[str]:
    return sorted({placement for name in names
                   for placement in summary.usable(points.get(name, {}))})


def bars(points: dict, name: str, better: str, scale: float, title: str,
         x_name: str) -> dict[str, str]:
    """By file name, a chart for each placement."""
    charts = {}
    for placement in placements(points, [name]):
        rows = [(label, cell["median"] / scale)
                for label, cell in ranked(summary.usable(points[name])[placement], better)
                if cell["median"] > 0 and not cell.get("overloaded")]
        if rows:
            file = name.replace("/", "-").replace(":", "-") + f"-{placement}.svg"
            charts[file] = chart.bars_chart(f"{title} (cores {placement})", x_name, rows)
    return charts


def fan_out(points: dict, form: str) -> dict[str, str]:
    names = {n: f"w2/subscribers:{n}/{form}" for n in plan.FAN_OUTS}
    charts = {}
    for placement in placements(points, list(names.values())):
        series: dict[str, list[tuple[float, float]]] = {}
        for subscribers, name in names.items():
            for label, cell in summary.usable(points.get(name, {})).get(placement, {}).items():
                series.setdefault(label, []).append((subscribers, cell["median"]))
        if max(map(len, series.values()), default=0) < 2:
            continue  # no line to draw
        charts[f"w2-{form}-{placement}.svg"] = chart.lines_chart(
            f"Fan-out, {form} (cores {placement})", "subscribers", "deliveries a second", series)
    return charts


def draw(result: dict, folder: pathlib.Path) -> list[pathlib.Path]:
    points = result["points"]
    charts: dict[str, str] = {}
    for form in ("each", "batch"):
        charts |= fan_out(points, form)
    for point in plan.all_points():
        if point.name not in points:
            continue
        if point.name.startswith("w1/"):
            charts |= bars(points, point.name, point.better, 1e6, f"Hand-over, {point.name[3:]}",
                           "million events a second")
        elif point.workload == "latency":
            charts |= bars(points, point.name, point.better, 1, f"Latency, {point.name[3:]}",
                           "median from the due time, microseconds")
        elif point.name.startswith("w3/"):
            charts |= bars(points, point.name, point.better, 1e6, f"Filtered, {point.name[3:]}",
                           "million deliveries a second")
    files = []
    for name, svg in charts.items():
        (folder / name).write_text(svg)
        files.append(folder / name)
    return files
