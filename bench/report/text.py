"""A result as text: numbers as people read them, and the table on standard output."""

from __future__ import annotations

from report import plan


def number(value: float) -> str:
    """Three significant digits, thousands by suffix."""
    for limit, suffix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{suffix}"
    return f"{value:.3g}"


def shown(cell: dict) -> str:
    """A median with its unit."""
    if cell.get("overloaded"):
        return "overloaded"
    unit = cell["unit"]
    if unit == "us":
        return f"{cell['median']:.2f} us"
    if unit == "within 1 ms":
        return f"{100 * cell['median']:.1f} % within 1 ms"
    if unit == "of one CPU":
        return f"{100 * cell['median']:.2f} % of one CPU"
    return f"{number(cell['median'])} {unit}"


def details(cell: dict) -> str:
    if "p99_us" in cell:
        text = f"p99 {cell['p99_us']:.1f} us, p99.9 {cell['p999_us']:.0f} us"
        if "within_of_all" in cell:
            text += (f"; {100 * cell['within_of_all']:.1f} % with the stalled "
                     f"{cell['stalled']:.0f} of {cell['tries']:.0f}")
        return text
    if "bytes_per_idle_bus" in cell:
        parts = [f"bus {number(cell['bytes_per_idle_bus'])}B"]
        if "bytes_per_publisher" in cell:
            parts.append(f"publisher {number(cell['bytes_per_publisher'])}B")
        if "table_bytes_per_subscriber" in cell:
            parts.append(f"table {cell['table_bytes_per_subscriber']:.0f} B a subscriber")
        return ", ".join(parts)
    return f"{number(cell['lowest'])} to {number(cell['highest'])}"


def ranked(cells: dict, better: str) -> list[tuple[str, dict]]:
    sign = -1 if better == "higher" else 1
    return sorted(cells.items(), key=lambda item: (bool(item[1].get("overloaded")),
                                                   sign * item[1]["median"]))


def point_lines(name: str, by_placement: dict, better: str) -> list[str]:
    lines = []
    for placement, cells in sorted(by_placement.items()):
        runs = max(cell["runs"] for cell in cells.values())
        lines.append(f"{name}  [{placement}, {runs} runs]")
        for contender, cell in ranked(cells, better):
            lines.append(f"  {contender:<26}{shown(cell):>28}   {details(cell)}")
    return lines


def ratio_lines(result: dict) -> list[str]:
    lines = ["Herald over the best peer (throughput: the lowest; latency: the highest)"]
    for name, place in result["ratio_at"].items():
        if place is not None:
            where = (f"{place['point']}, {place['placement']}, {place['peer']}, "
                     f"{place['runs']} runs")
            lines.append(f"  {name:<33}{result['ratios'][name]:>7.2f}   {where}")
    for name, by_placement in result["measuring"].items():
        for placement, value in by_placement.items():
            lines.append(f"  always-on measuring, {name}, {placement}: {value:.1f}")
    return lines


def table(result: dict) -> str:
    lines = []
    for point in plan.all_points():
        if point.name in result["points"]:
            lines += point_lines(point.name, result["points"][point.name], point.better)
    lines += ratio_lines(result)
    lines += [f"FAILED  {failure}" for failure in result["failed"]]
    return "\n".join(lines)
