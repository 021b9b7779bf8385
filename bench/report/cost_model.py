"""What an event costs, fitted from some points of bench/results.json and held against others.

A dispatcher spends `event_ns` on each event and `delivery_ns` on each call; a publisher that does
nothing else needs `publish_ns` an event, `batch_ns` in batches of 256, cache lines crossing
included. The slower side sets the pace.
"""

from __future__ import annotations

from typing import NamedTuple

from report import plan, summary

FITTED = ((10, "w2/subscribers:10/each"), (1_000, "w2/subscribers:1000/each"))
SINGLE = "w1/publishers:1/batch:1"
BATCHES = "w1/publishers:1/batch:256"
LINE_BYTES = 64
# Calls an event, and the point; none of them is used for the fit.
PREDICTED = (
    (1_000 / 32, "w3/types:32/subscribers:1000"),
    (100, "w2/subscribers:100/each"),
    (10_000, "w2/subscribers:10000/each"),
    (100_000, "w2/subscribers:100000/each"),
)


class Costs(NamedTuple):
    event_ns: float
    delivery_ns: float
    publish_ns: float
    batch_ns: float

    def dispatch_ns(self, calls: float) -> float:
        return self.event_ns + calls * self.delivery_ns

    def pace_ns(self, calls: float) -> float:
        """From one event to the next, published singly."""
        return max(self.publish_ns, self.dispatch_ns(calls))


def event_ns(points: dict, name: str, placement: str, calls: float) -> float | None:
    cells = summary.usable(points.get(name, {})).get(placement, {})
    return 1e9 * calls / cells["herald"]["median"] if "herald" in cells else None


def fit(points: dict, placement: str) -> Costs | None:
    """None where a point that it needs was not measured."""
    (few, few_point), (many, many_point) = FITTED
    few_ns = event_ns(points, few_point, placement, few)
    many_ns = event_ns(points, many_point, placement, many)
    publish_ns = event_ns(points, SINGLE, placement, 1)
    batch_ns = event_ns(points, BATCHES, placement, 1)
    if None in (few_ns, many_ns, publish_ns, batch_ns):
        return None
    delivery_ns = (many_ns - few_ns) / (many - few)
    return Costs(few_ns - few * delivery_ns, delivery_ns, publish_ns, batch_ns)


def fits(points: dict) -> dict[str, Costs]:
    found = {placement: fit(points, placement) for placement in ("far", "near")}
    return {placement: costs for placement, costs in found.items() if costs is not None}


def cost_table(costs: dict[str, Costs]) -> list[str]:
    rows = ["| cores | an event, dispatcher | a delivery | an event, publisher | in batches | "
            "between the cores |", "|---|---|---|---|---|---|"]
    for placement, cost in costs.items():
        rows.append(f"| {placement} | {cost.event_ns:.1f} ns | {cost.delivery_ns:.2f} ns | "
                    f"{cost.publish_ns:.1f} ns | {cost.batch_ns:.1f} ns | "
                    f"{LINE_BYTES / cost.batch_ns:.1f} GB/s |")
    return rows


def prediction_table(points: dict, costs: dict[str, Costs]) -> list[str]:
    rows = ["| point | cores | predicted | measured | off by |", "|---|---|---|---|---|"]
    for calls, name in PREDICTED:
        for placement, cost in costs.items():
            measured = event_ns(points, name, placement, calls)
            if measured is not None:
                predicted = cost.pace_ns(calls)
                rows.append(f"| `{name}` | {placement} | {predicted:,.0f} ns an event | "
                            f"{measured:,.0f} ns | {100 * (predicted / measured - 1):+.0f} % |")
    return rows


def outlook(points: dict, costs: dict[str, Costs]) -> list[str]:
    """What it says beyond the measured loads."""
    rows = ["| cores | events a second, a call each | from one publisher, singly | "
            "with 1,000 calls | "
            "1,000,000 subscribers of one type, at the cost of a call among 100,000 |",
            "|---|---|---|---|---|"]
    calls, name = PREDICTED[-1]
    for placement, cost in costs.items():
        measured = event_ns(points, name, placement, calls)
        # A million calls: as many ms as one takes ns.
        most = f"{measured / calls:.2f} ms" if measured is not None else ""
        rows.append(f"| {placement} | {1e3 / cost.dispatch_ns(1):.0f} million | "
                    f"{1e3 / cost.publish_ns:.0f} million | {1e3 / cost.dispatch_ns(1_000):.2f} "
                    f"million | {most} |")
    return rows


def section(result: dict) -> str:
    points = result["points"]
    costs = fits(points)
    return "\n".join([
        f"Fitted from {FITTED[0][0]} and {FITTED[1][0]:,} subscribers and one publisher "
        f"(`results.json`, {result['machine']['date']}, {result['rounds']} rounds):", "",
        *cost_table(costs), "",
        "Against points that it was not fitted from:", "",
        *prediction_table(points, costs), "",
        "Beyond what was measured, one bus:", "",
        *outlook(points, costs),
    ])


assert {name for _, name in (*FITTED, *PREDICTED)} <= {
    *plan.MODELLED, *(name for ratio in plan.RATIOS for name in ratio.points)}
