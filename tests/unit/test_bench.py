"""The benchmark's own arithmetic: what it makes of seconds that are given. Nothing is timed here."""

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.image import imread

from bench import growth, trials
from bench.__main__ import into_page, speedup, table
from bench.machine import product_gflops
from bench.parts import parts_of_a_step
from bench.setups import changed, enough, noise, settings_of, shrunk, store
from bench.steps import ceiling_share, gflop_by_task, seconds_by_task, timed_steps
from bench.trials import Measured, Trial, in_turns, measure_here, step_seconds, summary, throughput
from exaggerated_replay.learning.run import Progress
from exaggerated_replay.learning.step import CapturedStep

CPU = torch.device("cpu")


@pytest.fixture
def tiny():
    """BI-R+SI with a tiny network on two tasks of two classes."""
    return shrunk(settings_of("paper", "bir-si"))


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until a test moves it."""

    class Clock:
        now = 100.0

    monkeypatch.setattr(time, "perf_counter", lambda: Clock.now)
    return Clock


def test_what_is_done_once_drops_out_of_a_step(clock):
    def train(iterations):
        clock.now += 7 + 3 * iterations * 0.5

    assert step_seconds(train, short=2, long=10, tasks=3) == pytest.approx(0.5)


def test_measurements_are_taken_in_turns():
    calls = []
    measures = {name: lambda name=name: calls.append(name) or len(calls) for name in "AB"}
    assert in_turns(measures, 2) == {"A": [1, 3], "B": [2, 4]}
    assert calls == ["A", "B", "A", "B"]


def test_a_round_far_from_the_others_shows_in_the_spread_and_not_in_the_rate():
    assert summary([2.0, 5.0, 1.5]) == {"steps_per_second": 2.0, "spread": pytest.approx(1.75)}


def test_processes_side_by_side_add_up():
    found = [Measured(step, 0.0, 0.0, 0.0) for step in (0.5, 0.25)]
    assert throughput(found) == pytest.approx(2 + 4)


def test_speed_up_is_over_the_faster_of_the_others():
    assert speedup({"ours": 60.0, "one": 5.0, "two": 12.0}) == 5.0


def test_workloads_are_those_of_the_workflow():
    settings = settings_of("miniature", "rr-ra")
    assert (settings.model.units, settings.training.batch, settings.training.iterations) == (400, 128, 400)
    assert settings.method.method == "exaggeration"
    assert settings.method.reading is not None
    assert settings.task_sizes == (10,) * 10
    other = changed(settings, iterations=3, threads=2, units=7)
    assert (other.training.iterations, other.threads, other.model.units) == (3, 2, 7)
    assert dataclasses.replace(other, model=settings.model, training=settings.training, threads=1) == settings


def test_inputs_suffice_for_a_batch_of_the_smallest_task(tiny):
    uneven = changed(tiny, tasks=[[0, 1, 2], [3]], batch=20)
    prepared = enough(uneven)
    assert np.bincount(prepared.y_train).tolist() == [20] * 4
    assert prepared.inputs == 1024


def test_a_matrix_product_has_a_rate_and_leaves_the_precision_as_it_was():
    assert product_gflops(CPU, least=1e-3) > 0
    assert torch.get_float32_matmul_precision() == "highest"


def test_operations_are_those_of_the_layers(tiny, arms):
    """A plain classifier, by hand: three products forward, three for weights, two for the inputs of layers."""
    plain = changed(tiny, method=arms["none"])
    (first, second), rows, units = gflop_by_task(plain, noise(4, 10, inputs=20)), 8, 16
    forward = 20 * units + units * units + units * 4
    assert first == second == pytest.approx(2 * rows * (2 * forward + units * units + units * 4) / 1e9)


def test_replay_needs_more_operations_than_the_first_task(tiny):
    first, second = gflop_by_task(tiny, noise(4, 10))
    assert second > 2 * first


@pytest.fixture
def reported(clock, monkeypatch):
    """A run whose steps take the seconds that are given, by task; the first of a task also pays for its beginning."""

    def of(*tasks):
        def run(settings, prepared, samples, device, watch):
            for task, steps in enumerate(tasks, start=1):
                for iteration, seconds in enumerate(steps, start=1):
                    clock.now += seconds
                    watch(Progress(task, len(tasks), iteration, len(steps), 0.0, None))

        monkeypatch.setattr("bench.steps.run_experiment", run)

    return of


def test_seconds_of_a_step_leave_out_the_first_of_a_task(tiny, reported):
    reported([50.0, 1.0, 1.0, 60.0], [70.0, 2.0, 2.0, 2.0])  # the last of the first task is disturbed
    assert seconds_by_task(tiny, noise(4, 10), CPU) == [1.0, 2.0]


def test_what_is_done_after_a_step_is_no_part_of_one(tiny, clock, reported):
    reported([50.0, 1.0, 1.5], [70.0, 2.0, 2.5])
    rates = iter([10.0, 20.0, 30.0, 40.0])

    def slow():
        clock.now += 1000.0
        return next(rates)

    assert timed_steps(tiny, noise(4, 10), CPU, slow) == [[(1.0, 10.0), (1.5, 20.0)], [(2.0, 30.0), (2.5, 40.0)]]


def test_share_of_the_ceiling_is_that_of_the_same_moment(tiny, reported, monkeypatch):
    """Half as fast a machine takes twice the seconds, and has half the ceiling."""
    reported([50.0, 0.5, 1.0, 2.0], [70.0, 0.25, 0.25, 0.5])
    rates = iter([20.0, 10.0, 5.0, 40.0, 20.0, 20.0])
    monkeypatch.setattr("bench.steps.gflop_by_task", lambda *_: [3.0, 4.0])
    found = ceiling_share(tiny, noise(4, 10), CPU, lambda: next(rates))
    assert [step["ceiling_share"] for step in found.values()] == [pytest.approx(0.3), pytest.approx(0.4)]
    assert [step["product_gflops"] for step in found.values()] == [10.0, 20.0]
    assert [step["step_seconds"] for step in found.values()] == [1.0, 0.25]
    assert list(found) == ["task 1", "task 2"]


@pytest.mark.parametrize("implementation", list(trials.IMPLEMENTATIONS))
def test_both_implementations_train_what_a_process_is_given(tiny, tmp_path, implementation):
    store(tmp_path, 4, 12)
    found = measure_here(Trial(implementation, tiny, tmp_path), 1, 3)
    assert found.own_gb > 0
    assert found.peak_gb > 0


def test_a_step_may_be_left_uncaptured(tiny, tmp_path, monkeypatch):
    from exaggerated_replay.learning.step import step_of
    from exaggerated_replay.methods.bir.method import METHOD

    monkeypatch.setattr(METHOD, "static_shapes", True)
    monkeypatch.setattr(torch.cuda, "Stream", lambda: None)
    store(tmp_path, 4, 12)

    class OnGPU:
        problem = type("Problem", (), {"device": torch.device("cuda")})
        generators = ()
        static_shapes = property(lambda self: METHOD.static_shapes)

    assert isinstance(step_of(OnGPU(), None, "fp32"), CapturedStep)
    trials.ours(Trial("ours", tiny, tmp_path, captured=False))
    assert not isinstance(step_of(OnGPU(), None, "fp32"), CapturedStep)


def test_every_axis_of_growth_varies_one_thing_alone():
    base = settings_of("miniature", "bir-si")
    for axis, values in growth.AXES.items():
        described = [
            {"tasks": len(s.tasks), "classes": len(s.class_order), "units": s.model.units,
             "batch": s.training.batch, "replay_batch": s.training.replay_batch}
            for s in (growth.point(base, axis, value) for value in values)
        ]  # fmt: skip
        assert [case[axis] for case in described] == list(values)
        for other in described[0].keys() - {axis}:
            assert len({case[other] for case in described}) == 1


def test_prediction_is_in_proportion_and_meets_the_point_in_the_middle():
    assert growth.predicted([1.0, 5.0, 7.0], [10.0, 20.0, 40.0]) == [2.5, 5.0, 10.0]


def test_growth_is_drawn(tmp_path):
    points = {"values": [1, 2], "seconds": [0.1, 0.2], "gflop": [1.0, 2.0]}
    growth.draw({"tasks": points, "units": points}, tmp_path / "growth.png")
    assert imread(tmp_path / "growth.png").std() > 0


def test_a_step_has_the_same_operations_in_either_precision(tiny):
    counted = [gflop_by_task(changed(tiny, precision=precision), noise(4, 10)) for precision in ("fp32", "bf16")]
    assert counted[0] == counted[1]
    assert min(counted[0]) > 0


def test_the_product_is_taken_in_the_precision_asked_for(monkeypatch):
    seen = []

    class Timer:
        def __init__(self, text, globals, num_threads):
            seen.append((globals["a"].dtype, tuple(globals["a"].shape), num_threads))

        def blocked_autorange(self, min_run_time):
            return type("Measured", (), {"median": 2 * 2048**3 / 1e9})  # seconds of a machine of 1 GFLOP/s

    monkeypatch.setattr("bench.machine.Timer", Timer)
    assert [product_gflops(CPU, 1, 2, precision) for precision in ("fp32", "bf16")] == [pytest.approx(1.0)] * 2
    assert seen == [(torch.float32, (2048, 2048), 2), (torch.bfloat16, (2048, 2048), 2)]


def test_the_parts_of_a_step_make_a_whole(tiny):
    found = parts_of_a_step(changed(tiny, iterations=3, threads=1), enough(tiny))
    assert [*found] == ["matrix products", "conversions", "Adam", "all else"]
    assert sum(found.values()) == pytest.approx(1)
    assert min(found.values()) > 0


def test_the_table_has_a_row_for_each_precision():
    step = {"step_seconds": 0.5, "product_gflops": 200.0, "gflop": 90.0, "ceiling_share": 0.9}
    about = {"hardware": "CPU", "cores": 2, "python": "3", "torch": "2", "load_before": 0, "load_after": 0}
    found = {
        "machine": about,
        "product_gflops": {"fp32, 2 threads": 200.0, "bf16, 2 threads": 2000.0},
        "miniature": {},
        "paper_step": {"rr-ra, fp32": {"task 5": step}, "rr-ra, bf16": {"task 5": {**step, "ceiling_share": 0.3}}},
        "parts": {"rr-ra, fp32": {"matrix products": 0.824, "all else": 0.176}},
        "memory": {},
        "workflow": {"snakemake -n": 2.0},
    }
    rows = [[cell.strip() for cell in line.split("|")[1:3]] for line in table(found).splitlines()]
    told = dict(rows)
    assert told["matrix product, bf16, 2 threads"] == "2000.0 GFLOP/s"
    assert "**90 % of" in told["paper-scale step, rr-ra, fp32, task 5"]
    assert "**30 % of" in told["paper-scale step, rr-ra, bf16, task 5"]
    assert told["time of a paper-scale step, rr-ra, fp32"] == "matrix products 82 %, all else 18 %"
    assert told["snakemake -n"] == "2.0 s"


def test_the_table_takes_the_place_of_the_last_one():
    page = "before\n<!-- measured: by make bench -->\nold\n<!-- end -->\nafter\n"
    new = into_page(page, "| new |")
    assert new == "before\n<!-- measured: by make bench -->\n| new |\n<!-- end -->\nafter\n"
    assert into_page(new, "| new |") == new


def test_the_page_has_a_place_for_the_table():
    page = Path(__file__).parents[2] / "docs/explanation/performance.md"
    assert "| new |" in into_page(page.read_text(encoding="utf-8"), "| new |")
