"""A training job: what it leaves behind, what it does again, and that nothing but the settings decides it."""

import hashlib
import json
import signal
from dataclasses import asdict, replace
from importlib import import_module

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from exaggerated_replay.data.prepared import Prepared
from exaggerated_replay.data.tasks import class_order, cut, task_sizes
from exaggerated_replay.errors import Interrupted, UserError
from exaggerated_replay.learning.method import Method
from exaggerated_replay.methods.bir import Settings as BIRArm
from exaggerated_replay.methods.dgr import Settings as DGRArm
from exaggerated_replay.methods.er import Settings as ERArm
from exaggerated_replay.methods.exaggeration import Settings as ExaggerationArm
from exaggerated_replay.methods.none import Settings as NoneArm
from exaggerated_replay.places import RECORD, STATE, TRACES, WEIGHTS
from exaggerated_replay.settings.methods import OwnMethod
from exaggerated_replay.settings.nested import read_settings
from exaggerated_replay.settings.reading import ReadingSettings
from exaggerated_replay.settings.run import ModelSettings, RunSettings, SISettings, TrainingSettings
from exaggerated_replay.store.records import Record, is_complete
from exaggerated_replay.training.job import train_runs
from exaggerated_replay.training.resume import Stop

TASKS, SEED = 2, 3
BASELINE = {"gate_proportion": 0.5, "si": SISettings(strength=0.1)}
ARMS = {
    "none": NoneArm(method="none"),
    "er": ERArm(method="er", memory_per_class=2),
    "dgr": DGRArm(method="dgr"),
    "bir-si": BIRArm(method="bir", **BASELINE),
    "rr-ra": ExaggerationArm(
        method="exaggeration", **BASELINE, lambda_rr=0.1, lambda_ra=0.1, f="none", reading=ReadingSettings()
    ),
}


def settings_of(arm, **training):
    return RunSettings(
        data="d",
        code="c",
        image_values=7,
        tasks=cut(class_order(4, SEED), task_sizes(TASKS, 4)),
        seed=SEED,
        model=ModelSettings(units=6, latent=3),
        training=TrainingSettings(
            **{"iterations": 3, "batch": 4, "replay_batch": 5, "learning_rate": 0.01, **training}
        ),
        method=ARMS[arm],
        threads=1,
        precision="fp32",
    )


def images(features=False):
    """Four classes of 2 x 3 images (or of feature vectors): 6 to train each, and 2, 3, 4, 5 to test."""
    y_train, y_test = np.repeat(np.arange(4), 6), np.repeat(np.arange(4), [2, 3, 4, 5])
    numbers = np.random.default_rng(0)
    x_train, x_test = (numbers.integers(0, 256, (len(y), 2, 3), dtype=np.uint8) for y in (y_train, y_test))
    if features:
        x_train, x_test = (numbers.normal(size=(len(y), 6)).astype(np.float32) for y in (y_train, y_test))
    return Prepared(x_train, y_train, x_test, y_test, scale=1 if features else 255, bounded=not features)


class Place:
    """A folder to work in, with the runs that were trained there by name, in order."""

    def __init__(self, folder, prepared=None):
        self.runs, self.workspace, self.timings = folder / "runs", folder / "training", folder / "timings"
        self.store = folder / "store"
        self.prepared = prepared or images()
        self.trained = []
        self.tasks = cut(class_order(4, SEED), task_sizes(TASKS, 4))

    def train(self, *arms, observe=None, stop=None, **settings):
        runs = {self.runs / arm: settings.get(arm.replace("-", "_")) or settings_of(arm) for arm in arms}
        train_runs(
            runs,
            self.prepared,
            torch.device("cpu"),
            workspace=self.workspace,
            store=self.store,
            timings=self.timings,
            watcher=self.watch,
            observe=observe,
            stop=stop,
        )

    def watch(self, name):
        self.trained.append(name)
        return lambda progress: None

    def record(self, arm):
        return json.loads((self.runs / arm / RECORD).read_text())

    def contents(self):
        return {str(path.relative_to(self.runs)): path.read_bytes() for path in self.runs.rglob("*") if path.is_file()}


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """All arms, trained in one job; to be looked at only."""
    place = Place(tmp_path_factory.mktemp("finished"))
    place.train(*ARMS)
    return place


# ---------------------------------------------------------------- what is left behind


def test_each_run_leaves_its_record_and_weights_and_no_unfinished_work(finished):
    assert sorted(finished.contents()) == sorted(f"{arm}/{name}" for arm in ARMS for name in (RECORD, WEIGHTS))
    assert all(is_complete(finished.runs / arm) for arm in ARMS)
    assert list(finished.workspace.rglob("*")) == []
    for name in finished.contents():
        assert (finished.store / name).samefile(finished.runs / name)  # it takes no room twice
    assert finished.trained == list(ARMS)


@pytest.mark.parametrize("arm", ARMS)
def test_the_record_holds_the_settings_and_what_they_were_applied_to(finished, arm):
    record = finished.record(arm)
    assert read_settings(RunSettings, record["settings"]) == settings_of(arm)
    assert record["environment"] == {"device": "cpu", "torch": torch.__version__}
    assert record["problem"] == {"inputs": 6, "classes": 4, "bounded": True}


@pytest.mark.parametrize("arm", ARMS)
def test_the_counts_of_the_record_fit_together(finished, arm):
    counts = finished.record(arm)["counts"]
    order = class_order(4, SEED)
    assert counts["tested"] == [[2, 3, 4, 5][original] for original in order]
    after_first, after_last = counts["correct"]
    assert after_first[2:] == [0, 0]  # not seen yet
    assert all(0 <= right <= tested for right, tested in zip(after_last, counts["tested"], strict=True))
    assert all(right <= assigned for right, assigned in zip(after_last, counts["predicted"], strict=True))
    assert sum(counts["predicted"]) == sum(counts["tested"]) == 14


@pytest.mark.parametrize("arm", ARMS)
def test_the_weights_are_those_of_the_record_and_can_be_read(finished, arm):
    path = finished.runs / arm / WEIGHTS
    assert finished.record(arm)["sha256"][WEIGHTS] == hashlib.sha256(path.read_bytes()).hexdigest()
    weights = load_file(path)
    assert weights
    assert all(value.isfinite().all() for value in weights.values())
    assert any(value.shape == (6, 6) for value in weights.values())  # from 6 inputs to 6 units
    assert any(value.shape == (4, 6) for value in weights.values())  # from 6 units to 4 classes


def test_seconds_and_hardware_lie_apart(finished):
    assert sorted(path.name for path in finished.timings.iterdir()) == sorted(f"{arm}.json" for arm in ARMS)
    for path in finished.timings.iterdir():
        timing = json.loads(path.read_text())
        assert set(timing) == {"seconds", "hardware"}
        assert timing["seconds"] > 0
        assert timing["hardware"]
    for arm in ARMS:
        record = finished.record(arm)
        assert set(record) == {"settings", "environment", "problem", "counts", "diverged", "instruments", "sha256"}
        assert not {"seconds", "hardware", "time", "date", "host"} & {
            key for part in record.values() for key in part or ()
        }


def test_instruments_have_a_mean_for_each_task(finished):
    record = finished.record("rr-ra")
    assert {"classification", "distillation", "reconstruction"} <= set(record["instruments"])
    assert {len(values) for values in record["instruments"].values()} == {TASKS}
    assert record["instruments"]["distillation"][0] == 0  # nothing is replayed in the first task


def test_features_are_described_as_such(tmp_path):
    place = Place(tmp_path, images(features=True))
    place.train("rr-ra")
    assert place.record("rr-ra")["problem"] == {"inputs": 6, "classes": 4, "bounded": False}


def test_instruments_have_four_significant_digits(finished):
    written = [v for values in finished.record("rr-ra")["instruments"].values() for v in values]
    assert any(v != round(v, 2) for v in written)
    assert all(v == float(f"{v:.3e}") for v in written)


def test_the_record_knows_the_content_of_the_data(finished):
    digests = {arm: finished.record(arm)["sha256"]["data"] for arm in ARMS}
    assert set(digests.values()) == {images().digest()}
    for name in ("x_train", "y_train", "x_test", "y_test"):
        changed = getattr(images(), name).copy()
        changed.flat[-1] ^= 1
        assert replace(images(), **{name: changed}).digest() != images().digest()


def test_a_mean_beyond_single_precision_is_null_in_a_record_that_is_whole(place, monkeypatch):
    loss = Method.loss

    def noting(method, x, y):
        method.note("huge", torch.tensor(2e38))  # twice that is beyond it
        return loss(method, x, y)

    monkeypatch.setattr(Method, "loss", noting)
    place.train("none")
    assert place.record("none")["instruments"]["huge"] == [None] * TASKS
    assert is_complete(place.runs / "none")


# ---------------------------------------------------------------- who looks on


class Onlooker:
    """Notes what it is shown, and takes random numbers of torch's own stream, which must not matter."""

    def __init__(self, test_set, seed):
        self.seen, self.tests, self.seed = [], len(test_set.y), seed

    def task_end(self, method, task, x, y):
        torch.rand(3)
        self.seen.append([task, method.seen, len(x), *sorted(set(y.tolist()))])

    def state(self):
        return {"seen": self.seen}

    def restore(self, state):
        self.seen = state["seen"]

    def traces(self):
        return {"seen": torch.tensor(self.seen), "told": torch.tensor([self.tests, self.seed])}


def test_what_an_observer_notes_at_task_ends_is_kept_beside_the_weights(place, finished):
    place.train("rr-ra", observe=Onlooker)
    assert is_complete(place.runs / "rr-ra")
    traces = load_file(place.runs / "rr-ra" / TRACES)
    assert traces["seen"].tolist() == [[1, 2, 12, 0, 1], [2, 4, 12, 2, 3]]
    assert traces["told"].tolist() == [2 + 3 + 4 + 5, SEED]
    plain, watched = finished.record("rr-ra"), place.record("rr-ra")
    assert watched["sha256"].pop(TRACES) == hashlib.sha256((place.runs / "rr-ra" / TRACES).read_bytes()).hexdigest()
    assert watched["sha256"].pop(RECORD) != plain["sha256"].pop(RECORD)
    assert watched == plain


@pytest.mark.parametrize("arm", ARMS)
def test_a_record_is_sealed_as_it_is_written(finished, arm):
    assert Record.of(finished.record(arm)).is_sealed


def test_a_run_whose_record_was_changed_is_trained_again_to_the_same_bytes(place):
    """The file itself is changed, which the store has, too; what is not as it was sealed is never used."""
    place.train("er")
    path = place.runs / "er" / RECORD
    content = path.read_bytes()
    record = json.loads(content)
    record["counts"]["correct"][0][0] += 1 if record["counts"]["correct"][0][0] == 0 else -1
    path.write_text(json.dumps(record))
    place.train("er")
    assert place.trained == ["er", "er"]
    assert path.read_bytes() == content


def test_a_run_without_the_traces_that_its_record_names_is_not_complete(place):
    place.train("er", observe=Onlooker)
    (place.runs / "er" / TRACES).unlink()
    assert not is_complete(place.runs / "er")


# ---------------------------------------------------------------- what is done again


def test_what_is_finished_is_not_trained_again(place):
    place.train("none", "er")
    before = place.contents()
    place.trained.clear()
    place.train("none", "er")
    assert place.trained == []
    assert place.contents() == before


def test_only_what_is_missing_is_trained(place):
    place.train("none")
    place.trained.clear()
    place.train("er", "none", "dgr")
    assert place.trained == ["er", "dgr"]


def test_spoilt_weights_are_trained_again_to_the_same_bytes(place):
    place.train("er")
    path = place.runs / "er" / WEIGHTS
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    place.train("er")
    assert place.trained == ["er", "er"]
    assert path.read_bytes() == content


def test_a_run_that_fails_leaves_no_directory_and_keeps_what_was_finished_before(place):
    too_large = settings_of("er", batch=13)  # a task has 2 classes of 6
    with pytest.raises(UserError, match=r"training\.batch is 13, but task 1 has only 12 training samples"):
        place.train("none", "er", er=too_large)
    assert not place.runs.exists()
    assert is_complete(place.store / "none")
    assert not is_complete(place.store / "er")

    place.trained.clear()
    place.train("none", "er")
    assert place.trained == ["er"]
    assert all(is_complete(place.runs / arm) for arm in ("none", "er"))
    assert list(place.workspace.iterdir()) == []
    assert (place.timings / "none.json").is_file()


def test_a_run_that_fails_stops_alone_and_its_job_ends_with_its_error(place, finished, capsys):
    with pytest.raises(UserError, match=r"training\.batch is 13"):
        place.train("none", "er", "dgr", er=settings_of("er", batch=13))
    assert place.trained == ["none", "er", "dgr"]
    for arm in ("none", "dgr"):
        assert (place.store / arm / RECORD).read_bytes() == finished.contents()[f"{arm}/{RECORD}"]
    assert "er failed: training.batch is 13, but task 1 has only 12" in capsys.readouterr().err


def test_the_first_of_several_failures_ends_the_job_and_each_is_named(place, monkeypatch, capsys):
    def loss(method, x, y):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(Method, "loss", loss)
    with pytest.raises(ZeroDivisionError):
        place.train("none", "er", er=settings_of("er", batch=13))
    said = capsys.readouterr().err
    assert "none failed: ZeroDivisionError: by nothing\n" in said and "er failed: training.batch is 13" in said


def test_where_nothing_can_be_written_no_other_run_is_begun(place, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("exaggerated_replay.training.job.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        place.train("none", "er")
    assert place.trained == ["none"]


@pytest.mark.parametrize("left", ["nothing", "the weights", "spoilt weights"])
def test_what_becomes_of_a_run_directory_the_store_gives_it_back_without_training(place, finished, left):
    place.train("er")
    for name in (RECORD, WEIGHTS) if left == "nothing" else (RECORD,):
        (place.runs / "er" / name).unlink()
    if left == "spoilt weights":  # written anew, as whatever writes does
        (place.runs / "er" / WEIGHTS).unlink()
        (place.runs / "er" / WEIGHTS).write_bytes(b"spoilt")
    place.trained.clear()
    place.train("er")
    assert place.trained == []
    assert place.contents() == {f"er/{name}": finished.contents()[f"er/{name}"] for name in (RECORD, WEIGHTS)}


def test_what_a_killed_job_left_half_written_does_no_harm(place):
    """Killed while it wrote a file, it could not take the temporary one away."""
    left = place.store / "er"
    left.mkdir(parents=True)
    (left / f".999.{RECORD}").write_text('{"settings": ')
    (left / WEIGHTS).write_bytes(b"half")
    place.train("er")
    assert is_complete(place.runs / "er")
    assert sorted(path.name for path in (place.runs / "er").iterdir()) == sorted([RECORD, WEIGHTS])


def test_a_processor_that_would_emulate_the_precision_trains_nothing_new(place, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": False})
    half = replace(settings_of("none"), precision="bf16")
    with pytest.raises(UserError, match="precision is bf16"):
        place.train("er", "none", none=half)
    assert place.trained == []
    assert place.contents() == {}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    place.train("none", none=half)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {})
    place.train("none", none=half)  # it is there: nothing is computed
    assert place.trained == ["none"]


# ---------------------------------------------------------------- when a run diverges


def test_a_run_that_diverges_says_so_and_the_others_go_on(place, finished, capsys):
    place.train("none", "er", none=settings_of("none", learning_rate=1e38, iterations=20))
    record = place.record("none")
    assert record["counts"] is None
    assert record["diverged"] == {"task": 1, "iteration": 2, "term": "classification", "loss": "nan"}
    assert record["instruments"] == {}
    assert list(load_file(place.runs / "none" / WEIGHTS))
    assert is_complete(place.runs / "none")
    assert place.record("er") == finished.record("er")
    said = capsys.readouterr().err
    assert said.count("none stopped: classification is not a finite number in task 1, iteration 2") == 1
    assert "learning_rate" in said


# ---------------------------------------------------------------- when a job is interrupted


@pytest.mark.parametrize("arm", ["er", "rr-ra"])
def test_a_job_asked_to_stop_saves_and_goes_on_to_the_same_bytes(place, finished, arm):
    stop, looks = Stop(), []

    def watch(name):
        def look(progress):
            looks.append(name)
            if len(looks) == 5:  # in task 2, iteration 2
                stop.ask(signal.SIGTERM)

        return look

    place.watch = watch
    with pytest.raises(Interrupted):
        place.train(arm, stop=stop)
    assert (place.workspace / arm / STATE).is_file()
    assert not place.runs.exists()

    looks.clear()
    place.watch = Place.watch.__get__(place)
    place.train(arm)
    assert place.contents() == {k: v for k, v in finished.contents().items() if k.startswith(f"{arm}/")}
    assert list(place.workspace.rglob("*")) == []


def test_a_job_whose_method_was_edited_under_the_version_it_states_begins_its_run_anew(
    place, finished, monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)

    def file_holds(letter):
        own = OwnMethod("er", tmp_path / "mine.py", 64 * letter)
        monkeypatch.setattr("exaggerated_replay.training.job.own_method", {"er": own}.get)

    file_holds("a")
    stop = Stop()
    place.watch = lambda name: lambda progress: stop.ask(signal.SIGTERM)
    with pytest.raises(Interrupted):
        place.train("er", stop=stop)
    file_holds("b")
    place.watch = Place.watch.__get__(place)
    place.train("er")
    assert f"it was saved with method sha256:{16 * 'a'} and not sha256:{16 * 'b'}" in capsys.readouterr().err
    assert place.contents() == {k: v for k, v in finished.contents().items() if k.startswith("er/")}


def test_tied_weights_are_kept_under_both_names(place, monkeypatch):
    weight = torch.arange(6.0).reshape(2, 3)
    monkeypatch.setattr(Method, "checkpoint", lambda method: {"network.a": weight, "network.b": weight})
    place.train("none")
    kept = load_file(place.store / "none" / WEIGHTS)
    assert sorted(kept) == ["network.a", "network.b"]
    assert all(value.tolist() == [[0, 1, 2], [3, 4, 5]] for value in kept.values())


def test_a_method_that_changes_what_the_runs_of_a_job_share_is_refused(place, monkeypatch, tmp_path):
    own = OwnMethod("none", tmp_path / "mine.py", 64 * "a")
    monkeypatch.setattr("exaggerated_replay.training.job.own_method", {"none": own}.get)
    module, loss = import_module(own.module), Method.loss
    monkeypatch.setattr(module, "steps", [], raising=False)
    monkeypatch.setattr(Method, "loss", lambda method, x, y: (module.steps.append(1), loss(method, x, y))[1])
    with pytest.raises(UserError, match="the method none changes steps, which all runs of a job share"):
        place.train("none")


def test_a_run_that_fails_outside_of_its_methods_file_names_that_file(place, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    own = OwnMethod("none", tmp_path / "mine.py", 64 * "a")
    monkeypatch.setattr("exaggerated_replay.settings.methods._own", {"none": own})
    monkeypatch.setattr(Method, "loss", lambda method, x, y: method.network(x))
    with pytest.raises(UserError, match=r"mine\.py: a run of none fails with RuntimeError: grad can be implicitly"):
        place.train("none")


def test_data_with_another_number_of_classes_are_refused(place):
    place.tasks = [[0], [1], [2]]
    with pytest.raises(UserError, match="the tasks of none have 3 classes, but the data have 4"):
        place.train("none", none=replace(settings_of("none"), tasks=place.tasks))


def test_a_job_asked_to_stop_keeps_the_runs_that_are_done(place):
    stop = Stop()
    place.watch = lambda name: lambda progress: stop.ask(signal.SIGINT) if name == "er" else None
    with pytest.raises(Interrupted):
        place.train("none", "er", "dgr", stop=stop)
    assert is_complete(place.store / "none")
    assert not (place.workspace / "none" / STATE).exists()
    assert (place.workspace / "er" / STATE).is_file()
    assert not any((place.workspace / "dgr").iterdir())  # reserved, not begun


# ---------------------------------------------------------------- what decides a result


def test_runs_are_the_same_bytes_alone_together_and_in_any_order(tmp_path, finished):
    reverse, alone = Place(tmp_path / "reverse"), Place(tmp_path / "alone")
    reverse.train(*reversed(ARMS))
    for arm in ARMS:
        alone.train(arm)
    assert reverse.trained == list(reversed(finished.trained))
    assert reverse.contents() == alone.contents() == finished.contents()


def test_what_else_has_drawn_random_numbers_does_not_matter(place, finished):
    torch.manual_seed(99)
    torch.rand(7)
    np.random.seed(99)
    place.train("rr-ra")
    assert place.contents() == {key: value for key, value in finished.contents().items() if key.startswith("rr-ra/")}


@pytest.mark.parametrize("arm", ARMS)
def test_another_seed_is_another_run(place, finished, arm):
    place.train(arm, **{arm.replace("-", "_"): replace(settings_of(arm), seed=SEED + 1)})
    assert place.contents()[f"{arm}/{WEIGHTS}"] != finished.contents()[f"{arm}/{WEIGHTS}"]


def test_the_record_does_not_depend_on_where_the_run_lies(tmp_path, finished):
    place = Place(tmp_path / "elsewhere" / "deep")
    place.train("er")
    assert str(tmp_path) not in (place.runs / "er" / RECORD).read_text()
    assert asdict(settings_of("er")) == place.record("er")["settings"]
    assert place.contents()[f"er/{RECORD}"] == finished.contents()[f"er/{RECORD}"]
