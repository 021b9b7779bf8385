"""Tests of bench/report: the arithmetic of ratios on made-up runs, and README.md against the
committed results."""

import json
import pathlib
import subprocess
import sys
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))

from report import chart, cost_model, plan, readme, session, summary, text  # noqa: E402

SINGLE = "w1/publishers:1/batch:1"


def run(contender: str, value: float, point: str = SINGLE, placement: str = "far",
        **more) -> dict:
    return {"point": point, "contender": contender, "value": value, "unit": "deliveries/s",
            "placement": placement, "checked": True, **more}


def ratio(name: str, runs: list[dict]) -> tuple:
    values, places = summary.ratios(summary.summarize(runs))
    return values[name], places[name]


class Ratios(unittest.TestCase):
    def test_is_the_quotient_of_medians(self):
        runs = [run("herald", value) for value in (10, 40, 1000)]
        runs += [run("moodycamel", value) for value in (1, 20, 25)]
        value, place = ratio("w1_single_tracked_to_best_peer", runs)
        self.assertEqual(value, 2.0)
        self.assertEqual((place["point"], place["placement"], place["peer"]),
                         (SINGLE, "far", "moodycamel"))
        self.assertEqual((place["subject_value"], place["peer_value"]), (40, 20))
        self.assertEqual(place["runs"], 3)

    def test_takes_the_best_peer(self):
        runs = [run("herald", 30), run("tbb_queue", 10), run("boost_spsc", 60)]
        value, place = ratio("w1_single_tracked_to_best_peer", runs)
        self.assertEqual((value, place["peer"]), (0.5, "boost_spsc"))

    def test_of_throughput_is_the_lowest_over_placements(self):
        runs = [run("herald", 30), run("tbb_queue", 10),
                run("herald", 40, placement="near"), run("tbb_queue", 20, placement="near")]
        value, place = ratio("w1_single_tracked_to_best_peer", runs)
        self.assertEqual((value, place["placement"]), (2.0, "near"))

    def test_of_latency_is_the_highest_over_loads_and_its_best_peer_the_lowest(self):
        first, second = plan.SPINNING[:2]
        runs = [run("herald", 3, first), run("moodycamel", 2, first), run("nng", 9, first),
                run("herald", 5, second), run("moodycamel", 5, second)]
        value, place = ratio("w4_p50_to_best_peer", runs)
        self.assertEqual((value, place["point"], place["peer"]), (1.5, first, "moodycamel"))

    def test_leaves_out_an_overloaded_peer(self):
        point = plan.SPINNING[0]
        runs = [run("herald", 4, point), run("moodycamel", 2, point, overloaded=1),
                run("tbb_queue", 8, point)]
        value, place = ratio("w4_p50_to_best_peer", runs)
        self.assertEqual((value, place["peer"]), (0.5, "tbb_queue"))

    def test_leaves_out_runs_that_failed_their_check(self):
        runs = [run("herald", 20), run("tbb_queue", 10), run("moodycamel", 99) | {"checked": False}]
        self.assertEqual(ratio("w1_single_tracked_to_best_peer", runs)[0], 2.0)

    def test_counts_mixed_runs_only_when_there_is_nothing_else(self):
        mixed = [run("herald", 1, placement="mixed"), run("tbb_queue", 10, placement="mixed")]
        self.assertEqual(ratio("w1_single_tracked_to_best_peer", mixed)[0], 0.1)
        enough = mixed * summary.FEWEST_RUNS
        few = [run("herald", 20), run("tbb_queue", 10)]
        self.assertEqual(ratio("w1_single_tracked_to_best_peer", enough + few)[0], 0.1)
        both = [*mixed, run("herald", 20), run("tbb_queue", 10)]
        self.assertEqual(ratio("w1_single_tracked_to_best_peer", both)[0], 2.0)
        self.assertEqual(summary.placement_of("near", "far"), "mixed")
        self.assertEqual(summary.placement_of("near", "near"), "near")

    def test_counts_a_group_of_too_few_runs_only_when_there_is_nothing_else(self):
        few = [run("herald", 1), run("herald", 1), run("tbb_queue", 10)]
        self.assertEqual(ratio("w1_single_tracked_to_best_peer", few)[0], 0.1)
        near = [run(name, value, placement="near") for name, value in
                (("herald", 20), ("tbb_queue", 10)) for _ in range(summary.FEWEST_RUNS)]
        value, place = ratio("w1_single_tracked_to_best_peer", few + near)
        self.assertEqual((value, place["placement"]), (2.0, "near"))
        lone_peer = [run("moodycamel", 99, placement="near")]  # its other runs failed their checks
        self.assertEqual(ratio("w1_single_tracked_to_best_peer", near + lone_peer)[0], 2.0)
        enough = [*few, run("herald", 1), run("tbb_queue", 10), run("tbb_queue", 10)]
        value, place = ratio("w1_single_tracked_to_best_peer", enough + near)
        self.assertEqual((value, place["placement"]), (0.1, "far"))

    def test_shows_each_contender_by_the_best_group_that_has_it(self):
        runs = [run("herald", 20, placement="near") for _ in range(summary.FEWEST_RUNS)]
        runs += [run("herald", 1), run("nng", 2), run("nng", 3, placement="mixed"), run("tbb", 5),
                 *[run("zeromq", 4, placement="mixed"), run("tbb", 6, placement="mixed")] * 3]
        shown = summary.usable(summary.summarize(runs)[SINGLE])
        self.assertEqual({placement: {label: cell["median"] for label, cell in cells.items()}
                          for placement, cells in shown.items()},
                         {"near": {"herald": 20}, "far": {"nng": 2},
                          "mixed": {"zeromq": 4, "tbb": 6}})

    def test_is_none_where_nothing_was_measured(self):
        self.assertEqual(ratio("w1_single_to_best_peer", [run("herald", 1)]), (None, None))

    def test_of_four_publishers_leaves_out_rings(self):
        point = plan.FOUR[0]
        runs = [run("herald", 20, point), run("boost_spsc", 99, point), run("tbb_queue", 10, point)]
        self.assertEqual(ratio("w1_4_publishers_to_best_peer", runs)[0], 2.0)

    def test_measuring_is_the_difference_to_untracked(self):
        fan_out = "w2/subscribers:1000/each"
        runs = [run("herald", 50e6), run("herald_untracked", 100e6),
                run("herald", 100, fan_out), run("herald_untracked", 103, fan_out)]
        found = summary.measuring(summary.summarize(runs))
        self.assertAlmostEqual(found["w1_single_ns_per_event"]["far"], 10.0)
        self.assertAlmostEqual(found["w2_1000_percent"]["far"], 3.0)


class CostModel(unittest.TestCase):
    def points(self, costs: cost_model.Costs) -> dict:
        loads = [(1, cost_model.SINGLE, costs.publish_ns), (1, cost_model.BATCHES, costs.batch_ns),
                 *((calls, name, costs.dispatch_ns(calls))
                   for calls, name in (*cost_model.FITTED, *cost_model.PREDICTED))]
        return summary.summarize([run("herald", 1e9 * calls / ns, name)
                                  for calls, name, ns in loads])

    def test_finds_the_costs_that_made_the_points(self):
        made = cost_model.Costs(12.5, 1.75, 25.0, 15.0)
        found = cost_model.fits(self.points(made))
        self.assertEqual(list(found), ["far"])
        for cost, expected in zip(found["far"], made):
            self.assertAlmostEqual(cost, expected)

    def test_predicts_the_slower_side(self):
        costs = cost_model.Costs(12.5, 1.75, 25.0, 15.0)
        self.assertEqual(costs.pace_ns(1), 25.0)
        self.assertEqual(costs.pace_ns(10), 30.0)

    def test_says_what_it_means_beyond_the_measured_loads(self):
        made = cost_model.Costs(12.5, 1.75, 25.0, 15.0)
        row = cost_model.outlook(self.points(made), {"far": made})[-1]
        # 1 / 14.25 ns, 1 / 25 ns, 1 / 1,762.5 ns, and 1.75 ns times a million.
        self.assertEqual(row, "| far | 70 million | 40 million | 0.57 million | 1.75 ms |")

    def test_is_not_fitted_where_a_point_is_missing(self):
        points = self.points(cost_model.Costs(12.5, 1.75, 25.0, 15.0))
        del points[cost_model.BATCHES]
        self.assertEqual(cost_model.fits(points), {})


class Plan(unittest.TestCase):
    NAMES = ["w1_single_to_best_peer", "w1_single_tracked_to_best_peer",
             "w1_batch_to_moodycamel_bulk", "w1_batch_to_ring", "w1_4_publishers_to_best_peer",
             "w2_1000_to_bare_loop", "w2_10000_to_bare_loop", "w2_batch_to_bare_loop",
             "w3_types_to_bare_loop", "w3_streams_to_linear_scan", "w4_p50_to_best_peer",
             "w4_p50_parked_to_futex"]

    def test_has_the_promised_ratios(self):
        self.assertEqual([ratio.name for ratio in plan.RATIOS], self.NAMES)

    def test_measures_subject_and_peers_of_every_ratio(self):
        for points in (plan.choose(None, False), plan.choose(None, True)):
            labels = {point.name: {c.label for c in point.contenders} for point in points}
            for ratio in plan.RATIOS:
                for name in ratio.points:
                    self.assertLessEqual({ratio.subject, *ratio.peers}, labels[name], ratio.name)

    def test_names_each_contender_once_a_point(self):
        for point in plan.all_points():
            labels = [contender.label for contender in point.contenders]
            self.assertEqual(len(labels), len(set(labels)), point.name)


class Program(unittest.TestCase):
    def test_refuses_wrong_usage(self):
        for wrong in (["--rounds", "0"], ["--rounds", "x"], ["--only", "("], ["--only", "nothing"],
                      ["--no-such"]):
            done = subprocess.run([ROOT / "bench" / "run", *wrong], capture_output=True,
                                  check=False)
            self.assertEqual(done.returncode, 2, wrong)

    def test_each_round_begins_with_another_contender(self):
        contenders = plan.all_points()[0].contenders
        orders = [session.in_turn(contenders, number) for number in range(1, len(contenders) + 2)]
        self.assertEqual(tuple(orders[0]), contenders)
        self.assertEqual(orders[-1], orders[0])
        self.assertEqual({order[0] for order in orders}, set(contenders))
        for order in orders:
            self.assertEqual(sorted(order), sorted(contenders))

    def test_each_pass_of_a_point_begins_with_each_contender(self):
        points = plan.all_points()
        steps = list(session.schedule(plan.passes(points, plan.TURNS), 9))
        first_of: dict = {}
        for number, turn, point in steps:
            self.assertIn(number, range(1, 10))
            first = session.in_turn(point.contenders, turn)[0]
            first_of.setdefault((point.name, len(point.contenders)), []).append(first)
        for (name, contenders), firsts in first_of.items():
            self.assertEqual(len(set(firsts)), min(contenders, len(firsts)), name)
            self.assertLessEqual(max(map(firsts.count, firsts)), -(-len(firsts) // contenders) + 2)

    def test_what_the_ratios_need_has_more_turns_a_round(self):
        points = plan.all_points()
        every, *more = plan.passes(points, plan.TURNS)
        self.assertEqual(every, points)
        self.assertEqual(more, [plan.for_ratios(points)] * (plan.TURNS - 1))
        idle = plan.choose("^w5/processor/idle$", quick=False)
        self.assertEqual(plan.passes(idle, 2), [idle, []])

    def test_a_program_that_does_not_answer_is_a_failure(self):
        with self.assertRaises(session.Failed):
            session.run_program(pathlib.Path("/bin/false"), [])


class Report(unittest.TestCase):
    def test_readme_agrees_with_the_committed_results(self):
        result = json.loads((ROOT / "bench" / "results.json").read_text())
        for file, name, make in readme.SECTIONS:
            page = (ROOT / file).read_text()
            self.assertEqual(page, readme.renewed(page, name, make(result)), file)

    def test_the_committed_ratios_follow_from_the_committed_points(self):
        result = json.loads((ROOT / "bench" / "results.json").read_text())
        self.assertEqual((result["ratios"], result["ratio_at"]), summary.ratios(result["points"]))
        self.assertFalse(result["interrupted"])
        self.assertEqual(result["failed"], [])

    def test_a_field_names_the_placement_that_is_not_the_usual_one(self):
        points = summary.summarize([run("herald", 5e6) for _ in range(3)] +
                                   [run("herald", 7e6, placement="near") for _ in range(3)] +
                                   [run("herald", 1e6, plan.BATCHED[1]) for _ in range(3)])
        order = readme.groups(points)
        self.assertEqual(order, ["far", "near"])
        rows = readme.table(points, readme.W1, readme.in_millions, order)
        self.assertEqual(rows[2], "| herald | 5 / 7 near | 1 |  |")
        self.assertEqual(readme.said_of_cores(["far"])[:18], "The cores were far")

    def test_numbers_have_three_digits(self):
        self.assertEqual([text.number(value) for value in (0.0123, 12.34, 1234, 5.678e6, 2e9)],
                         ["0.0123", "12.3", "1.23 k", "5.68 M", "2 G"])

    def test_charts_are_xml_and_place_values_by_their_logarithm(self):
        axis = chart.decades([2, 300], 0, 300)
        self.assertEqual([round(axis.place(value)) for value in (1, 10, 1000)], [0, 100, 300])
        for svg in (chart.lines_chart("a & b", "x", "y", {"herald": [(1, 5), (100, 7)]}),
                    chart.bars_chart("a < b", "x", [("herald", 1.0)])):
            xml.etree.ElementTree.fromstring(svg)


if __name__ == "__main__":
    unittest.main()
