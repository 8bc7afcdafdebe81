"""The benchmark's own arithmetic: what it makes of seconds that are given. Nothing is timed here."""

import contextlib
import dataclasses
import json
import subprocess
import sys
import time
from multiprocessing import Pipe
from threading import Thread

import pytest
import torch
from matplotlib.image import imread

from bench import counting, gpu, growth, jobclock, memory, miniature, workflow
from bench.__main__ import into_page
from bench.ceilings import layer_shapes, seconds_by_events, variants
from bench.profile import Enough, Operator, Window, profile_steps, summary
from bench.steps import Clock, ceiling_share
from bench.teams import KINDS, Trial, attempt, in_turns, member, step_seconds
from bench.workloads import noise_digits, noise_images, noise_inputs, settings_of, shortened, store_images
from exaggerated_replay.errors import UserError
from exaggerated_replay.learning.trainer import Progress


@pytest.fixture
def tiny():
    """BI-R+SI with a tiny network on two tasks."""
    return miniature.shrunk(settings_of("paper", "bir-si"), 40)


# Seconds


def test_what_is_done_once_drops_out_of_a_step():
    assert step_seconds(lambda iterations: 7 + 3 * iterations * 0.5, short=2, long=10, tasks=3) == pytest.approx(0.5)


def test_measurements_are_taken_in_turns():
    calls = []
    measures = {name: lambda name=name: calls.append(name) or len(calls) for name in "AB"}
    assert in_turns(measures, 2) == {"A": [1, 3], "B": [2, 4]}
    assert calls == ["A", "B", "A", "B"]


def test_a_clock_leaves_out_the_first_step_of_a_task(monkeypatch):
    clock = Clock()
    # The first report comes late, the third interval is disturbed; reports may be several steps apart.
    for iteration, now in [(2, 50.0), (4, 51.0), (6, 52.0), (8, 99.0)]:
        monkeypatch.setattr(time, "perf_counter", lambda now=now: now)
        clock(Progress(1, 1, iteration, 8, 0.0, None))
    assert clock.step_seconds(1) == 0.5


def test_seconds_on_a_gpu_come_from_events_around_batches_of_calls():
    class Events:
        now = 0.0

        class Event:
            def __init__(self, enable_timing):
                assert enable_timing

            def record(self):
                self.at = Events.now

            def elapsed_time(self, end):
                return 1000 * (end.at - self.at)

        @staticmethod
        def synchronize():
            pass

    def call():
        Events.now += 0.25

    assert seconds_by_events(call, least=1.0, events=Events) == pytest.approx(0.25)


# The machine


def test_layers_of_the_paper_are_measured_for_one_batch_and_for_both():
    settings = settings_of("paper", "bir-si")
    sizes = set(layer_shapes(settings, 1024).values())
    assert sizes == {(m, *layer) for m in (512, 1024) for layer in ((1024, 2000), (2000, 2000), (2000, 1024))}


def test_a_gpu_is_measured_in_three_precisions():
    assert [name for name, *_ in variants(torch.device("cuda"))] == ["fp32", "tf32", "bf16"]


# Workloads


def test_workloads_are_those_of_the_workflow():
    settings = settings_of("miniature", "rr-ra")
    assert (settings.model.units, settings.training.batch, settings.training.iterations) == (400, 128, 400)
    assert settings.method.method == "exaggeration"
    assert settings.method.reading is not None
    changed = shortened(settings, 3, threads=2)
    assert (changed.training.iterations, changed.threads) == (3, 2)
    assert dataclasses.replace(changed, training=settings.training, threads=settings.threads) == settings


def test_noise_has_the_shapes_and_ranges_of_what_it_stands_for():
    images = noise_images(classes=3, train=4, test=2)
    assert images["x_train"].shape == (12, 32, 32, 3)
    assert sorted(images["y_test"]) == [0, 0, 1, 1, 2, 2]
    digits = noise_digits()
    assert (digits.x_train.max(), digits.scale, digits.classes, digits.inputs) == (16, 16, 10, 64)
    assert not noise_inputs(5, 9, 2, 3).bounded


def test_a_file_without_images_is_refused(tmp_path):
    with pytest.raises(UserError, match="x_train"):
        store_images(tmp_path / "no.npz", tmp_path, 2, 2, 2)


# The miniature


def test_speed_up_is_over_the_faster_of_the_others():
    assert miniature.speedup({"ours": 60.0, "one": 5.0, "two": 12.0}) == 5.0


def test_what_products_alone_allow_bounds_the_speed_up(tiny):
    first, second = (sum(counting.products(counting.sizes_of(tiny, 20, 4, task)).values()) / 1e9 for task in (1, 2))
    found = miniature.limits(tiny, 20, 4, gflops=60.0, throughput={"ours": 1.0, "one": 5.0, "two": 12.0})
    assert found["product_gflop"] == pytest.approx((first + second) / 2)
    assert found["speedup_at_ceiling"] == pytest.approx(60 / found["product_gflop"] / 12)
    left = found["product_gflop"] - found["gated_off_gflop"]
    assert found["speedup_at_ceiling_without_gated_off"] == pytest.approx(60 / left / 12)
    assert 0 < left < found["product_gflop"]


def test_a_process_that_cannot_train_answers_with_the_reason(tiny, tmp_path):
    images = store_images(None, tmp_path, 2, 2, 2)  # without features
    here, there = Pipe()
    here.send(1)
    here.send(1)
    waiting = Thread(target=member, args=(Trial("ours", tiny, images, threads=1), there))
    waiting.start()
    answers = [here.recv(), here.recv()]
    here.close()
    waiting.join()
    assert all("features.safetensors" in str(answer) for answer in answers)


def test_training_is_timed_and_its_errors_are_handed_back():
    def fail(iterations):
        raise ValueError(f"not {iterations}")

    assert str(attempt(fail, 3)) == "not 3"
    assert attempt(lambda iterations: None, 3) >= 0


def test_both_implementations_train_what_a_process_is_given(tiny, tmp_path):
    images = store_images(None, tmp_path, 4, 12, 2)
    miniature.store_features(images, 1)
    for trial, _ in miniature.trials(tiny, images).values():
        KINDS[trial.kind](dataclasses.replace(trial, threads=1))(1)


# Steps at paper scale


def test_share_of_the_ceiling_is_operations_over_seconds_over_rate(tiny):
    found = ceiling_share(tiny, noise_inputs(8, 8, 4, 10), torch.device("cpu"), 3, 1, gflops=2.0, gb_per_s=4.0)
    assert list(found) == ["task 1", "task 2"]
    for step in found.values():
        assert step["ceiling_share"] == pytest.approx(step["product_floor_seconds"] / step["step_seconds"])
        assert step["product_floor_seconds"] == pytest.approx(step["product_gflop"] / 2)
        assert step["memory_floor_seconds"] == pytest.approx(step["fewest_gb"] / 4)


# The GPU


def test_a_gpu_report_follows_from_the_seconds_of_a_step():
    settings = settings_of("paper", "bir-si")  # ten tasks of 5,000 iterations
    found = gpu.report(settings, 1024, 100, seconds_per_step=0.002, processes=4, gflops=1e5)
    assert found["steps_per_second"] == pytest.approx(2000)
    assert found["seconds_per_run"] == pytest.approx(25)
    assert found["times_the_authors"] == pytest.approx(144)
    assert found["ceiling_share"] == pytest.approx(gpu.run_gflop(settings, 1024, 100) / 25 / 1e5)


def test_a_run_is_all_its_steps(tiny):
    once = dataclasses.replace(tiny, training=dataclasses.replace(tiny.training, iterations=1))
    twice = dataclasses.replace(tiny, training=dataclasses.replace(tiny.training, iterations=2))
    assert gpu.run_gflop(twice, 8, 4) == pytest.approx(2 * gpu.run_gflop(once, 8, 4))


def test_what_measures_a_gpu_runs_on_the_cpu(tiny, tmp_path, monkeypatch):
    class Alone(contextlib.nullcontext):  # in this process
        def __init__(self, trial, processes):
            super().__init__(self)
            assert (trial.device, processes) == ("cpu", 2)
            train = KINDS[trial.kind](trial)
            self.seconds = lambda iterations: attempt(train, iterations)

    monkeypatch.setattr(gpu, "Team", Alone)
    images = store_images(None, tmp_path, 4, 12, 2)
    miniature.store_features(images, 1)
    found = gpu.measure(tiny, images, "cpu", {"fp32": 1.0}, short=1, long=3, processes=(2,))
    assert list(found) == ["fp32, 2 at once"]


# Memory


def test_memory_is_read_in_the_kernels_units():
    status = "Name:\tpython\nVmHWM:\t  2000000 kB\nRssAnon:\t   500000 kB\nThreads:\t3\n"
    assert memory.of_this_process(status, "cpu") == {"peak": 2.048, "own": 0.512}


def test_a_job_trains_in_a_process_of_its_own_and_tells_its_memory(tiny, tmp_path):
    images = store_images(None, tmp_path, 4, 12, 2)
    miniature.store_features(images, 1)
    (found,) = memory.measure({"a": Trial("ours", tiny, images, threads=1)}, 1).values()
    assert 0 < found["own"] < found["peak"]


# The workflow


def test_the_cores_time_is_divided_without_rest():
    jobs = [{"work": 6.0, "interpreter": 1.0, "imports": 2.0}, {"work": 4.0, "interpreter": 1.0, "imports": 0.0}]
    found = workflow.shares(jobs, seconds=10.0, processors=2)
    assert found == pytest.approx({"work": 0.5, "interpreter": 0.1, "imports": 0.1, "snakemake_and_idle": 0.3})


def test_imports_inside_imports_are_counted_once(monkeypatch):
    now = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(now)))
    clock = jobclock.ImportClock()

    def imports(name, *_):
        if name == "outer":
            clock("inner")

    clock.import_module = imports
    clock("outer")  # from 0 to 2, the inner one starts at 1 and its end is not looked at
    assert clock.seconds == 2.0
    clock("inner")  # from 3 to 4
    assert clock.seconds == 3.0


def test_a_job_with_a_clock_does_the_same_and_leaves_a_note(tmp_path):
    command = [sys.executable, "-m", "bench.jobclock", "schema", str(tmp_path / "schema.json")]
    environment = {jobclock.LOG: str(tmp_path), "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "schema.json").is_file()
    (note,) = (json.loads(path.read_text()) for path in tmp_path.glob("*-*.json"))
    assert note["command"] == "schema"
    assert min(note["interpreter"], note["imports"]) > 0
    assert note["work"] >= 0


# Profile


def test_a_window_opens_after_the_first_step_of_its_task_and_ends_the_run_with_the_last():
    calls = []

    class Recorder:
        def start(self):
            calls.append("start")

        def stop(self):
            calls.append("stop")

    window = Window(Recorder(), task=2)
    for task, iteration in [(1, 1), (1, 2), (2, 1)]:
        window(Progress(task, 3, iteration, 2, 0.0, None))
    assert calls == ["start"]
    with pytest.raises(Enough):
        window(Progress(2, 3, 2, 2, 0.0, None))
    assert calls == ["start", "stop"]


def test_a_profile_finds_the_products_of_a_step(tiny):
    operators = profile_steps(tiny, noise_inputs(8, 8, 4, 10), 2, torch.device("cpu"))
    calls = {operator.name: operator.calls for operator in operators}
    assert calls["aten::mm"] + calls["aten::addmm"] >= 10


def test_a_profile_is_summed_up():
    operators = [Operator("aten::mm", 3, 6.0), Operator("aten::add", 5, 2.0), Operator("Optimizer.step", 1, 2.0)]
    assert summary(operators) == {"operator_calls": 8, "profiled_milliseconds": 10.0, "product_share": 0.6}


# Growth


def test_every_axis_varies_one_thing_alone():
    for axis, points in growth.cases(settings_of("miniature", "bir-si")).items():
        described = [
            {"tasks": c.settings.tasks, "classes": c.classes, "units": c.settings.model.units,
             "batch": c.settings.training.batch, "runs per job": c.runs}
            for c in points.values()
        ]  # fmt: skip
        assert [case[axis] for case in described] == list(points)
        for other in described[0].keys() - {axis}:
            assert len({case[other] for case in described}) == 1


def test_prediction_is_in_proportion_and_meets_the_point_in_the_middle():
    assert growth.predicted([1.0, 5.0, 7.0], [10.0, 20.0, 40.0]) == [2.5, 5.0, 10.0]


def test_growth_is_measured_and_drawn(tmp_path):
    found = growth.measure(growth.cases(settings_of("miniature", "bir-si"), small=True), 1, 2)
    assert list(found) == ["tasks", "classes", "units", "batch", "runs per job"]
    growth.draw(found, (tmp_path / "growth.png",))
    assert imread(tmp_path / "growth.png").std() > 0


# Results


def test_the_table_takes_the_place_of_the_last_one():
    page = "before\n<!-- measured: by make bench -->\nold\n<!-- end -->\nafter\n"
    new = into_page(page, "| new |")
    assert new == "before\n<!-- measured: by make bench -->\n| new |\n<!-- end -->\nafter\n"
    assert into_page(new, "| new |") == new
