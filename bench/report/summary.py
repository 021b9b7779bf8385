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


def usable(by_placement: dict) -> dict:
    """The mixed group, or one of too few runs, counts only when there is nothing else."""
    unmixed = {name: by for name, by in by_placement.items() if name != MIXED}
    enough = {name: by for name, by in unmixed.items()
              if max(cell["runs"] for cell in by.values()) >= FEWEST_RUNS}
    return enough or unmixed or by_placement


def candidates(ratio: plan.Ratio, points: dict, better: str) -> list[dict]:
    """The ratio at every point and placement where both sides were measured."""
    best_of = max if better == "higher" else min
    found = []
    for name in ratio.points:
        for placement, cells in usable(points.get(name, {})).items():
            peers = {label: cells[label]["median"] for label in ratio.peers
                     if label in cells and not cells[label].get("overloaded")}
            if ratio.subject not in cells or not peers:
                continue
            peer = best_of(peers, key=peers.__getitem__)
            mine = cells[ratio.subject]["median"]
            found.append({"ratio": mine / peers[peer], "point": name, "placement": placement,
                          "subject": ratio.subject, "subject_value": mine,
                          "peer": peer, "peer_value": peers[peer]})
    return found


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
    tracked, untracked = plan.HERALD
    single, fan_out = [
        {placement: (cells[tracked]["median"], cells[untracked]["median"])
         for placement, cells in usable(points.get(name, {})).items()
         if set(plan.HERALD) <= set(cells)}
        for name in plan.MEASURED_TWICE]
    return {
        "w1_single_ns_per_event": {
            placement: 1e9 / on - 1e9 / off for placement, (on, off) in single.items()},
        "w2_1000_percent": {
            placement: 100 * (off / on - 1) for placement, (on, off) in fan_out.items()},
    }
