"""What is measured: the points, who contends at each, and the ratios drawn from them."""

from __future__ import annotations

import re
from typing import NamedTuple


class Contender(NamedTuple):
    """A system in one form: `label` names it in every report."""

    label: str
    system: str
    arguments: tuple[str, ...] = ()


class Point(NamedTuple):
    """One load. `better` says which way its value is good: "higher" or "lower"."""

    name: str
    workload: str
    arguments: tuple[str, ...]
    contenders: tuple[Contender, ...]
    better: str


class Ratio(NamedTuple):
    """Herald over the best of the peers, at the point and placement where it is worst."""

    name: str
    what: str
    points: tuple[str, ...]
    subject: str
    peers: tuple[str, ...]


RINGS = ("boost_spsc", "reader_writer_queue")
SHARED_QUEUES = ("boost_queue", "tbb_queue", "moodycamel", "mutex_deque")
MESSAGING = ("zeromq", "nng")
ASYNCHRONOUS = (*RINGS, *SHARED_QUEUES, *MESSAGING)
MULTI_PRODUCER = (*SHARED_QUEUES, *MESSAGING)
SAME_THREAD = ("signals2", "sigcpp", "bare_loop")
BATCH_TABLES = (*RINGS, "boost_queue", "tbb_queue", "moodycamel")

HERALD = ("herald", "herald_untracked")
ADAPTIVE = Contender("herald (adaptive)", "herald", ("--wait", "adaptive"))

BATCHES = (1, 32, 256)
FAN_OUTS = (1, 10, 100, 1_000, 10_000, 100_000)
MOST_SOCKETS = 1_000  # subscribers of ZeroMQ and nng
RATES = ((10_000, 1), (100_000, 1), (1_000_000, 1), (1_000, 1_000), (10_000, 1_000),
         (100_000, 1_000))


def plain(*names: str) -> tuple[Contender, ...]:
    return tuple(Contender(name, name) for name in names)


def parked(*names: str) -> tuple[Contender, ...]:
    return tuple(Contender(f"{name} (parked)", name, ("--wait", "park")) for name in names)


def hand_over() -> list[Point]:
    return [Point(f"w1/publishers:{publishers}/batch:{batch}", "throughput",
                  ("--publishers", str(publishers), "--batch", str(batch)),
                  (*plain(*HERALD), ADAPTIVE, *plain(*ASYNCHRONOUS)), "higher")
            for publishers in (1, 4) for batch in BATCHES]


def fan_out() -> list[Point]:
    points = []
    for subscribers in FAN_OUTS:
        messaging = MESSAGING if subscribers <= MOST_SOCKETS else ()
        arguments = ("--subscribers", str(subscribers))
        points.append(Point(
            f"w2/subscribers:{subscribers}/each", "throughput", arguments,
            plain(*HERALD, *RINGS, *SHARED_QUEUES, *messaging, *SAME_THREAD), "higher"))
        batch = tuple(Contender(f"{name} (batch)", name, ("--receive", "batch"))
                      for name in (*HERALD, *BATCH_TABLES))
        points.append(Point(f"w2/subscribers:{subscribers}/batch", "throughput", arguments,
                            (*batch, *plain("bare_loop")), "higher"))
    return points


def filtered() -> list[Point]:
    queues = (*HERALD, *RINGS, *SHARED_QUEUES)
    return [
        Point("w3/types:32/subscribers:1000", "throughput",
              ("--types", "32", "--subscribers", "1000"),
              plain(*queues, "zeromq", *SAME_THREAD, "linear_scan"), "higher"),
        Point("w3/streams:10000/subscribers:10000", "throughput",
              ("--streams", "10000", "--subscribers", "10000"),
              plain(*queues, *SAME_THREAD, "linear_scan"), "higher"),
    ]


def latency() -> list[Point]:
    points = [Point(f"w4/rate:{rate}/subscribers:{subscribers}", "latency",
                    ("--rate", str(rate), "--subscribers", str(subscribers)),
                    (*plain(*HERALD), ADAPTIVE, *plain(*ASYNCHRONOUS)), "lower")
              for rate, subscribers in RATES]
    points.append(Point("w4/parked/rate:1000", "latency", ("--rate", "1000"),
                        (*parked("herald", "mutex_deque", *MESSAGING, "futex"), ADAPTIVE),
                        "lower"))
    points.append(Point("w4/one_event/subscribers:100000", "one_event",
                        ("--subscribers", "100000"), plain("herald", "moodycamel", "boost_spsc"),
                        "higher"))
    return points


def cost() -> list[Point]:
    sleepers = (ADAPTIVE, *parked("herald", "mutex_deque", *MESSAGING))
    everybody = plain("herald", *RINGS, *SHARED_QUEUES)
    return [
        Point("w5/processor/rate:100000", "processor", ("--rate", "100000"), sleepers, "lower"),
        Point("w5/processor/idle", "processor", ("--rate", "0"), sleepers, "lower"),
        Point("w5/allocations", "allocations", (),
              (*everybody, *plain("zeromq", "nng", "signals2", "sigcpp")), "lower"),
        Point("w5/memory/subscribers:1000", "memory", ("--subscribers", "1000"),
              (*everybody, *plain(*MESSAGING, "signals2", "sigcpp")), "lower"),
        Point("w5/memory/subscribers:100000", "memory", ("--subscribers", "100000"),
              (*everybody, *plain("signals2", "sigcpp")), "lower"),
    ]


def all_points() -> list[Point]:
    return [*hand_over(), *fan_out(), *filtered(), *latency(), *cost()]


SINGLE = ("w1/publishers:1/batch:1",)
BATCHED = tuple(f"w1/publishers:1/batch:{batch}" for batch in BATCHES[1:])
FOUR = tuple(f"w1/publishers:4/batch:{batch}" for batch in BATCHES)
SPINNING = tuple(f"w4/rate:{rate}/subscribers:{subscribers}" for rate, subscribers in RATES)

RATIOS = (
    Ratio("w1_single_to_best_peer", "one publisher, single events, latency not measured",
          SINGLE, "herald_untracked", ASYNCHRONOUS),
    Ratio("w1_single_tracked_to_best_peer", "one publisher, single events",
          SINGLE, "herald", ASYNCHRONOUS),
    Ratio("w1_batch_to_moodycamel_bulk", "one publisher, batches of 32 and 256",
          BATCHED, "herald", ("moodycamel",)),
    Ratio("w1_batch_to_ring", "one publisher, batches of 32 and 256",
          BATCHED, "herald", ("boost_spsc",)),
    Ratio("w1_4_publishers_to_best_peer", "four publishers, single events and batches",
          FOUR, "herald", MULTI_PRODUCER),
    Ratio("w2_1000_to_bare_loop", "1,000 subscribers, a call each",
          ("w2/subscribers:1000/each",), "herald", ("bare_loop",)),
    Ratio("w2_10000_to_bare_loop", "10,000 subscribers, a call each",
          ("w2/subscribers:10000/each",), "herald", ("bare_loop",)),
    Ratio("w2_batch_to_bare_loop", "1,000 and 10,000 subscribers, batch callbacks",
          ("w2/subscribers:1000/batch", "w2/subscribers:10000/batch"), "herald (batch)",
          ("bare_loop",)),
    Ratio("w3_types_to_bare_loop", "1,000 subscribers of 32 types",
          ("w3/types:32/subscribers:1000",), "herald", ("bare_loop",)),
    Ratio("w3_streams_to_linear_scan", "10,000 streams with a subscriber each",
          ("w3/streams:10000/subscribers:10000",), "herald", ("linear_scan",)),
    Ratio("w4_p50_to_best_peer", "median latency while both spin",
          SPINNING, "herald", ASYNCHRONOUS),
    Ratio("w4_p50_parked_to_futex", "median latency from sleep",
          ("w4/parked/rate:1000",), "herald (parked)", ("futex (parked)",)),
)


# Where Herald with latency off stands beside Herald: what always-on measuring costs.
MEASURED_TWICE = (*SINGLE, "w2/subscribers:1000/each")

# How often what the ratios need runs in a round.
TURNS = 3

# What the cost model needs of Herald beside the points of ratios.
MODELLED = tuple(f"w2/subscribers:{subscribers}/each" for subscribers in (10, 100, 100_000))


def for_ratios(points: list[Point]) -> list[Point]:
    """Only what the ratios need, at their points the subjects and the peers, and what the cost
    model needs."""
    chosen = []
    for point in points:
        needed = {label for ratio in RATIOS if point.name in ratio.points
                  for label in (ratio.subject, *ratio.peers)}
        needed |= set(HERALD if point.name in MEASURED_TWICE else ())
        needed |= set(HERALD[:1] if point.name in MODELLED else ())
        contenders = tuple(c for c in point.contenders if c.label in needed)
        if needed:
            chosen.append(point._replace(contenders=contenders))
    return chosen


def choose(only: str | None, quick: bool) -> list[Point]:
    points = for_ratios(all_points()) if quick else all_points()
    return [point for point in points if only is None or re.search(only, point.name)]


def passes(points: list[Point], turns: int) -> list[list[Point]]:
    """What a round goes through: everything, and what the ratios need until it has had its
    turns: between these lies a while, so that one bad moment of the machine is not all of them."""
    return [points, *[for_ratios(points)] * (turns - 1)]
