"""A small writer of SVG charts: lines over a logarithmic axis, and bars."""

from __future__ import annotations

import math
from html import escape
from typing import NamedTuple

from report.text import number

COLOURS = ("#0b5fa5", "#d1495b", "#66a182", "#edae49", "#8d5a97", "#2e4057", "#00798c", "#b5651d",
           "#7a7a7a", "#c154c1", "#4f772d", "#e07a5f", "#3d405b")
FONT = 'font-family="sans-serif" font-size="12"'
WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 80, 210, 50, 60


class Axis(NamedTuple):
    """A logarithmic axis from `low` to `high`, drawn from pixel `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        share = (math.log10(value) - math.log10(self.low)) / (
            math.log10(self.high) - math.log10(self.low))
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        return [10.0 ** power for power in range(first, last + 1)
                if self.low <= 10.0 ** power <= self.high]


def decades(values: list[float], start: float, end: float) -> Axis:
    """An axis of whole decades around the values, at least one."""
    low = 10.0 ** math.floor(math.log10(min(values)))
    high = 10.0 ** math.ceil(math.log10(max(values)))
    return Axis(low, high if high > low else 10 * low, start, end)


def tick_label(value: float) -> str:
    for limit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{suffix}"
    return f"{value:g}"


def text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {FONT} {extra}>'
            f"{escape(words)}</text>")


def line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1) -> str:
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"/>')


def document(width: int, height: int, title: str, body: list[str]) -> str:
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">\n<title>{escape(title)}</title>\n'
            f'<rect width="{width}" height="{height}" fill="white"/>')
    heading = text(LEFT, 28, title, extra='font-weight="bold"')
    return "\n".join([head, heading, *body, "</svg>", ""])


def lines_chart(title: str, x_name: str, y_name: str,
                series: dict[str, list[tuple[float, float]]]) -> str:
    """Both axes logarithmic. Requires: values above 0."""
    across = decades([x for points in series.values() for x, _ in points], LEFT, WIDTH - RIGHT)
    up = decades([y for points in series.values() for _, y in points], HEIGHT - BOTTOM, TOP)
    body = []
    for tick in up.ticks():
        y = up.place(tick)
        body += [line(LEFT, y, WIDTH - RIGHT, y, "#ddd"), text(LEFT - 8, y + 4, tick_label(tick),
                                                               "end")]
    for tick in across.ticks():
        x = across.place(tick)
        body += [line(x, TOP, x, HEIGHT - BOTTOM, "#ddd"),
                 text(x, HEIGHT - BOTTOM + 18, tick_label(tick), "middle")]
    middle = (TOP + HEIGHT - BOTTOM) / 2
    body += [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 16, x_name, "middle"),
             text(20, middle, y_name, "middle", f'transform="rotate(-90 20 {middle:.0f})"')]
    for index, (name, points) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        width = 3 if name.startswith("herald") else 1.5
        places = [(across.place(x), up.place(y)) for x, y in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                    f'stroke-width="{width}"/>')
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        y = TOP + 10 + 20 * index
        body += [line(WIDTH - RIGHT + 14, y - 4, WIDTH - RIGHT + 34, y - 4, colour, width),
                 text(WIDTH - RIGHT + 40, y, name)]
    return document(WIDTH, HEIGHT, title, body)


def bars_chart(title: str, x_name: str, rows: list[tuple[str, float]]) -> str:
    """A logarithmic axis. Requires: values above 0."""
    left, step = 190, 24
    height = TOP + step * len(rows) + BOTTOM
    across = decades([value for _, value in rows], left, WIDTH - 90)
    bottom = TOP + step * len(rows)
    body = []
    for tick in across.ticks():
        x = across.place(tick)
        body += [line(x, TOP - 6, x, bottom, "#ddd"), text(x, bottom + 18, tick_label(tick),
                                                           "middle")]
    body.append(text((left + WIDTH - 90) / 2, height - 16, x_name, "middle"))
    for index, (name, value) in enumerate(rows):
        y = TOP + step * index
        colour = COLOURS[0] if name.startswith("herald") else "#9aa5b1"
        end = max(across.place(value), left + 1)
        body += [f'<rect x="{left}" y="{y}" width="{end - left:.1f}" height="{step - 6}" '
                 f'fill="{colour}"/>',
                 text(left - 8, y + 14, name, "end"), text(end + 6, y + 14, number(value))]
    return document(WIDTH, height, title, body)
