"""Medians of the runs, by point, placement and contender, and the ratios between them."""

from __future__ import annotations

import statistics

from report import plan

MIXED = "mixed"  # the cores moved between the two looks at them
FEWEST_RUNS = 3  # of which a median says something
QUANTITIES = ("p50_us", "p99_us", "p999_us", "within_of_all", "stalled", "tries",
              "processor_share", "bytes_per_publisher", "bytes_per_idle_bus",
              "table_bytes_per_subscriber")


def placement_of(before: str, after: str) -> str:
    return before if before == after else MIXED


def cell(runs: list[dict]) -> dict:
    """What several runs of one contender at one point come to."""
    values = [run["value"] for run in runs]
    summed = {"median": statistics.median(values), "lowest": min(values),
              "highest": max(values), "runs": len(values), "unit": runs[0]["unit"]}
    for name in QUANTITIES:
        found = [run[name] for run in runs if name in run]
        if found:
            summed[name] = statistics.median(found)
    if any(run.get("overloaded") for run in runs):
        summed["overloaded"] = True
    return summed


def summarize(runs: list[dict]) -> dict:
    """{point: {placement: {contender: cell}}} of the runs whose checks passed."""
    groups: dict = {}
    for run in runs:
        if run["checked"]:
            by_placement = groups.setdefault(run["point"], {})
            by_placement.setdefault(run["placement"], {}).setdefault(run["contender"], []).append(
                run)
    return {point: {placement: {contender: cell(found) for contender, found in by.items()}
                    for placement, by in by_placement.items()}
            for point, by_placement in groups.items()}


def unmixed(by_placement: dict) -> dict:
    return {name: cells for name, cells in by_placement.items() if name != MIXED}


def tiers(by_placement: dict) -> tuple[dict, ...]:
    """The cells of enough runs; such of mixed runs, too; those of fewer, too; and mixed ones."""
    enough = {name: {label: cell for label, cell in cells.items() if cell["runs"] >= FEWEST_RUNS}
              for name, cells in by_placement.items()}
    enough = {name: cells for name, cells in enough.items() if cells}
    return unmixed(enough), enough, unmixed(by_placement), by_placement


def usable(by_placement: dict) -> dict:
    """What to show: of each contender the first tier that has it."""
    shown: dict = {}
    for tier in tiers(by_placement):
        known = {label for cells in shown.values() for label in cells}
        for placement, cells in tier.items():
            found = {label: cell for label, cell in cells.items() if label not in known}
            if found:
                shown.setdefault(placement, {}).update(found)
    return shown


def first_usable(by_placement: dict, compare) -> dict:
    """What `compare(cells)` makes of each placement of the first tier where it makes anything."""
    for tier in tiers(by_placement):
        compared = {name: compare(cells) for name, cells in tier.items()}
        found = {name: value for name, value in compared.items() if value is not None}
        if found:
            return found
    return {}


def candidates(ratio: plan.Ratio, points: dict, better: str) -> list[dict]:
    """The ratio at every point and placement where both sides were measured."""
    best_of = max if better == "higher" else min

    def compare(cells: dict) -> dict | None:
        peers = {label: cells[label]["median"] for label in ratio.peers
                 if label in cells and not cells[label].get("overloaded")}
        if ratio.subject not in cells or not peers:
            return None
        peer = best_of(peers, key=peers.__getitem__)
        mine = cells[ratio.subject]["median"]
        return {"ratio": mine / peers[peer], "subject": ratio.subject, "subject_value": mine,
                "peer": peer, "peer_value": peers[peer],
                "runs": min(cells[label]["runs"] for label in (ratio.subject, peer))}

    return [{"point": name, "placement": placement, **compared}
            for name in ratio.points
            for placement, compared in first_usable(points.get(name, {}), compare).items()]


def ratios(points: dict) -> tuple[dict, dict]:
    """By name: the worst ratio, or None where nothing was measured; and where that was."""
    better = {point.name: point.better for point in plan.all_points()}
    values: dict = {}
    places: dict = {}
    for ratio in plan.RATIOS:
        direction = better[ratio.points[0]]
        worst_of = min if direction == "higher" else max
        found = candidates(ratio, points, direction)
        if not found:
            values[ratio.name] = places[ratio.name] = None
            continue
        worst = worst_of(found, key=lambda place: place["ratio"])
        values[ratio.name] = worst.pop("ratio")
        places[ratio.name] = worst
    return values, places


def measuring(points: dict) -> dict:
    """What always-on measuring costs: Herald against itself with latency off, by placement."""
    def both(cells: dict) -> tuple | None:
        found = tuple(cells[label]["median"] for label in plan.HERALD if label in cells)
        return found if len(found) == len(plan.HERALD) else None

    single, fan_out = [first_usable(points.get(name, {}), both) for name in plan.MEASURED_TWICE]
    return {
        "w1_single_ns_per_event": {
            placement: 1e9 / on - 1e9 / off for placement, (on, off) in single.items()},
        "w2_1000_percent": {
            placement: 100 * (off / on - 1) for placement, (on, off) in fan_out.items()},
    }
