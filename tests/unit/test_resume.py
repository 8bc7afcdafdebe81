"""A run that was interrupted goes on to the same bytes; what is no state of it is not believed."""

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from every_method import METHODS
from safetensors.torch import load_file, save_file

from exaggerated_replay.errors import Interrupted
from exaggerated_replay.learning.method import Method, build_method
from exaggerated_replay.learning.run import Schedule
from exaggerated_replay.learning.trainer import train
from exaggerated_replay.settings.methods import OwnMethod
from exaggerated_replay.settings.run import MethodSettings
from exaggerated_replay.training import resume
from exaggerated_replay.training.observation.observer import TaskEndObserver
from exaggerated_replay.training.resume import StateFile, Stop, mark_of, read_state, write_state

CPU = torch.device("cpu")
STEPS = 9  # an epoch of a task has 4 batches: some interruptions lie within one


@pytest.fixture
def build(arms, new_problem):
    def make(name):
        return build_method(arms[name].method, new_problem(task_sizes=(2, 3, 1, 2)), arms[name])

    return make


@pytest.fixture
def run(build, new_samples):
    """Train a method from its beginning or from what a keeper has; return all that it leaves."""

    def make(name, keeper=None, optimiser_state="kept"):
        method = build(name)
        train_set, test_set = new_samples(), new_samples(per_class=5, draw=1)
        observer = TaskEndObserver(test_set, 0)
        schedule = Schedule(3, STEPS, 10, 0.03, optimiser_state=optimiser_state)
        outcome = train(method, train_set, test_set, schedule, lambda progress: None, observer, keeper)
        return {**method.checkpoint(), **observer.traces()}, outcome

    return make


class StopAt(StateFile):
    """Is asked to stop after so many steps, or while it saves for so many times."""

    def __init__(self, path, steps=None, saves=None):
        super().__init__(path, "run", CPU, 1e6, Stop())
        self.steps, self.saves = steps, saves

    def due(self):
        if self.steps is not None:
            self.steps -= 1
            if self.steps == 0:
                self.stop.ask(signal.SIGTERM)
        return super().due()

    def save(self, method, state):
        if self.saves is not None:
            self.saves -= 1
            if self.saves == 0:
                self.stop.ask(signal.SIGTERM)
        super().save(method, state)


def same(left, right):
    assert left[0].keys() == right[0].keys()
    assert left[1] == right[1]  # counts and instruments, to the last digit
    return all(torch.equal(left[0][name].nan_to_num(7.5), right[0][name].nan_to_num(7.5)) for name in left[0])


@pytest.mark.parametrize("name", [*METHODS, "bir-si"])
def test_a_run_interrupted_again_and_again_ends_as_one_that_was_not(name, run, build, tmp_path):
    undisturbed = run(name)
    path = tmp_path / "state.safetensors"
    stops = (
        [{"saves": 1}, {"saves": 1}]
        if build(name).steps(1) == 0
        else [{"steps": 1}, {"steps": 4}, {"saves": 1}, {"steps": 7}, {"steps": 5}]
    )
    for stop in stops:
        with pytest.raises(Interrupted):
            run(name, StopAt(path, **stop))
        assert path.exists()
    assert same(run(name, StopAt(path)), undisturbed)


@pytest.mark.parametrize("optimiser_state", ["moments", "reset"])
@pytest.mark.parametrize("steps", [STEPS, STEPS + 2])
def test_what_adam_keeps_is_as_it_would_have_been(optimiser_state, steps, run, tmp_path):
    undisturbed = run("bir-si", optimiser_state=optimiser_state)
    path = tmp_path / "state.safetensors"
    with pytest.raises(Interrupted):
        run("bir-si", StopAt(path, steps=steps), optimiser_state)
    assert same(run("bir-si", StopAt(path), optimiser_state), undisturbed)


class Cooling(Method):
    """Halves its learning rate at every fourth step, as a schedule of its own would."""

    def __init__(self, problem, settings):
        super().__init__(problem, settings)
        self.register_buffer("taken", torch.zeros((), dtype=torch.int64))

    def optimiser(self, learning_rate):
        optimiser = super().optimiser(learning_rate)
        optimiser.register_step_post_hook(lambda *_: self.cool(optimiser))
        return optimiser

    def cool(self, optimiser):
        self.taken += 1
        if self.taken % 4 == 0:
            for group in optimiser.param_groups:
                group["lr"] /= 2


def test_a_learning_rate_that_the_method_lowers_is_where_it_was(new_problem, new_samples, tmp_path):
    def run(keeper=None):
        method = Cooling(new_problem(), MethodSettings(method="cooling"))
        schedule = Schedule(2, STEPS, 10, 0.03)
        train(method, new_samples(), new_samples(per_class=5, draw=1), schedule, lambda progress: None, None, keeper)
        return method.checkpoint()

    undisturbed, path = run(), tmp_path / "state.safetensors"
    with pytest.raises(Interrupted):
        run(StopAt(path, steps=6))
    again = run(StopAt(path))
    assert all(torch.equal(undisturbed[name], again[name]) for name in undisturbed)


def test_a_run_killed_without_warning_goes_on_from_its_last_save(run, tmp_path):
    undisturbed = run("bir-si")
    keeper = StopAt(tmp_path / "state.safetensors")
    due = keeper.due
    keeper.due = lambda: (_ for _ in ()).throw(MemoryError) if read_task(keeper) == 3 else due()

    def read_task(keeper):
        return read_state(keeper.path, keeper.mark)["task"] if keeper.path.exists() else 1

    with pytest.raises(MemoryError):
        run("bir-si", keeper)
    state = read_state(keeper.path, keeper.mark)
    assert (state["task"], state["iteration"]) == (3, 0)
    assert same(run("bir-si", StopAt(keeper.path)), undisturbed)


def test_a_run_saves_when_its_time_is_up_and_when_a_task_begins(run, tmp_path, monkeypatch):
    clock = iter(range(0, 10**6, 60))  # a minute passes at each look
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    keeper = StateFile(tmp_path / "state.safetensors", "run", CPU, 5, Stop())
    saved = []
    save = keeper.save
    keeper.save = lambda method, state: (saved.append((state["task"], state["iteration"])), save(method, state))
    run("none", keeper)
    begun = [place for place in saved if place[1] == 0]
    assert begun == [(2, 0), (3, 0)]
    assert len(saved) > len(begun)
    keeper.forget()
    assert not keeper.path.exists()


def test_seconds_add_up_over_interruptions(build, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    method = build("none")
    method.begin_task(1)

    def begun():
        keeper = StateFile(tmp_path / "state.safetensors", "run", CPU, 5, Stop())
        return keeper, keeper.saved()

    first, nothing = begun()
    assert nothing is None
    now[0] = 100
    first.save(method, {"task": 1, "method": method.state()})
    now[0] = 130  # lost: it died before it saved again
    later, state = begun()
    assert state["task"] == 1
    assert "seconds" not in state
    now[0] = 140
    later.save(method, {"task": 2, "method": method.state()})
    last, _ = begun()
    now[0] = 147
    assert last.spent() == 100 + 10 + 7


# ---------------------------------------------------------------- the file


def test_a_state_comes_back_as_it_was(tmp_path):
    state = {
        "numbers": [1, 2.5, 0.1 + 0.2, None, "text", {}],
        "nested": {"scalar": torch.tensor(3.5), "bytes": torch.arange(5, dtype=torch.uint8), "none": None},
        "list": [torch.ones(2, 3), {"deep": torch.zeros(0, dtype=torch.int64)}],
    }
    write_state(tmp_path / "s", {"run": "a"}, state)
    found = read_state(tmp_path / "s", {"run": "a"})
    assert found["numbers"] == state["numbers"]
    assert found["nested"]["none"] is None
    for old, new in (
        (state["nested"]["scalar"], found["nested"]["scalar"]),
        (state["nested"]["bytes"], found["nested"]["bytes"]),
        (state["list"][0], found["list"][0]),
        (state["list"][1]["deep"], found["list"][1]["deep"]),
    ):
        assert old.dtype == new.dtype
        assert torch.equal(old, new)
    assert list(tmp_path.iterdir()) == [tmp_path / "s"]


def another_run(path):
    write_state(path, {**mark_of("run", CPU), "run": "other"}, {"task": 2})


def another_torch(path):
    write_state(path, {**mark_of("run", CPU), "torch": "1.0"}, {"task": 2})


def another_layout(path):
    """As a version wrote it whose states had no learning rates."""
    mark = mark_of("run", CPU)
    write_state(path, {key: mark[key] for key in ("run", "device", "torch")}, {"task": 2})


def weights(path):
    save_file({"w": torch.ones(2)}, path)


def half(path):
    another_run(path)
    path.write_bytes(path.read_bytes()[:50])


def other_metadata(path):
    save_file({"w": torch.ones(2)}, path, metadata={"state": json.dumps([1])})


OF_NONE = "it is not a state that run can go on from"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (another_run, "it was saved with run other and not run"),
        (another_torch, f"it was saved with torch 1.0 and not {torch.__version__}"),
        (another_layout, "it was saved with layout None and not"),
        (weights, OF_NONE),
        (half, OF_NONE),
        (other_metadata, OF_NONE),
    ],
)
def test_what_is_no_state_of_this_run_is_named_and_kept_and_the_run_starts_anew(
    make, why, run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "state.safetensors"
    make(path)
    before = path.read_bytes()
    assert same(run("none", StopAt(path)), run("none"))
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "starts anew" in line]
    assert told.startswith(f"{path}: {why}")
    (kept,) = Path(".training/aside").iterdir()
    assert told.endswith(f"; moved to {kept}, and the run starts anew")
    assert kept.read_bytes() == before


def test_a_state_that_another_content_of_the_users_file_saved_is_kept_and_the_run_starts_anew(
    tmp_path, monkeypatch, capsys
):
    """The file states a VERSION, and was edited under it while the run was unfinished: the run has the same name."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "state.safetensors"
    before, now = (OwnMethod(Path("mine.py"), digest) for digest in ("a" * 64, "b" * 64))

    def keeper(own):
        return StateFile(path, "run", CPU, 1e6, Stop(), own)

    write_state(path, keeper(before).mark, {"task": 2})
    assert keeper(before).saved() == {"task": 2}
    assert keeper(now).saved() is None
    (kept,) = Path(".training/aside").iterdir()
    told = f"it was saved with method sha256:{'a' * 16} and not sha256:{'b' * 16}; moved to {kept}"
    assert told in capsys.readouterr().err
    assert not path.exists()


def test_a_state_that_cannot_be_read_now_is_no_reason_to_start_anew(run, tmp_path, monkeypatch):
    path = tmp_path / "state.safetensors"
    another_run(path)
    monkeypatch.setattr(resume, "read_state", lambda *_: (_ for _ in ()).throw(OSError(5, "I/O error", str(path))))
    with pytest.raises(OSError, match="I/O error"):
        run("none", StopAt(path))
    assert path.exists()


def test_states_hold_no_pickles(run, tmp_path):
    path = tmp_path / "state.safetensors"
    with pytest.raises(Interrupted):
        run("bir-si", StopAt(path, steps=STEPS + 3))
    assert any(name.startswith("/method/tensors/previous.") for name in load_file(path))


# ---------------------------------------------------------------- being asked to stop


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_sets_a_flag_once_and_then_works_as_ever(number, status):
    before = signal.getsignal(number)
    with Stop() as stop:
        os.kill(os.getpid(), number)
        assert stop.signal == number
        assert signal.getsignal(number) == before
    assert signal.getsignal(number) == before
    assert Interrupted(stop.signal).status == status
    assert "type the same command to resume" in str(Interrupted(stop.signal))


def test_a_run_that_has_not_begun_does_not_begin_when_the_process_was_asked_to_stop(run, tmp_path):
    keeper = StopAt(tmp_path / "state.safetensors")
    keeper.stop.ask(signal.SIGINT)
    with pytest.raises(Interrupted):
        run("none", keeper)
    assert not keeper.path.exists()
