"""The training loop: batches, pairing, reproducibility, counts and what it says when something is wrong."""

import dataclasses
import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from every_method import ARMS, STEPPING
from hypothesis import given
from hypothesis import strategies as st

from exaggerated_replay.errors import UserError
from exaggerated_replay.learning import trainer
from exaggerated_replay.learning.batches import ShuffledBatches, rows_of_tasks
from exaggerated_replay.learning.experiment import as_inputs
from exaggerated_replay.learning.instruments import Instruments
from exaggerated_replay.learning.method import Method, Problem, build_method
from exaggerated_replay.learning.run import Diverged, Samples
from exaggerated_replay.settings.run import MethodSettings
from exaggerated_replay.streams import stream


@pytest.fixture
def build(arms, new_problem):
    def make(name, **problem):
        return build_method(arms[name].method, new_problem(**problem), arms[name])

    return make


# Batches


@given(st.integers(1, 40), st.integers(1, 40))
def test_an_epoch_has_no_repetition_and_drops_the_last_partial_batch(size, batch):
    if batch > size:
        return
    pool = 100 + torch.arange(size)
    batches = ShuffledBatches(pool, batch, torch.Generator().manual_seed(0), 1)
    for _ in range(3):
        epoch = [next(batches) for _ in range(size // batch)]
        assert [len(rows) for rows in epoch] == [batch] * (size // batch)
        rows = torch.cat(epoch)
        assert len(rows.unique()) == size - size % batch
        assert set(rows.tolist()) <= set(pool.tolist())


def test_every_epoch_is_shuffled_anew():
    batches = ShuffledBatches(torch.arange(30), 30, torch.Generator().manual_seed(0), 1)
    epochs = [tuple(next(batches).tolist()) for _ in range(3)]
    assert len({*epochs, tuple(range(30))}) == 4


def test_a_dropped_sample_has_its_turn_in_another_epoch():
    batches = ShuffledBatches(torch.arange(5), 4, torch.Generator().manual_seed(0), 1)
    assert {row for _ in range(30) for row in next(batches).tolist()} == {0, 1, 2, 3, 4}


def test_a_batch_larger_than_the_task_is_an_error_that_names_both_numbers():
    with pytest.raises(UserError, match=r"training\.batch is 41, but task 2 has only 40"):
        next(ShuffledBatches(torch.arange(40), 41, torch.Generator(), 2))


def test_training_refuses_a_batch_larger_than_a_task(build, learn):
    with pytest.raises(UserError, match=r"41.*40"):
        learn(build("none"), batch=41)


def test_rows_of_tasks_are_those_of_their_classes_in_stored_order(new_problem):
    y, problem = torch.tensor([5, 0, 3, 2, 1, 2, 4]), new_problem(task_sizes=(2, 2, 2))
    assert rows_of_tasks(y, range(2, 3), problem).tolist() == [2, 3, 5]
    assert rows_of_tasks(y, range(1, 3), problem).tolist() == [1, 2, 3, 4, 5]
    assert rows_of_tasks(y, range(1, 4), problem).tolist() == list(range(7))


def test_rows_of_uneven_tasks(new_problem):
    y, problem = torch.tensor([5, 0, 3, 2, 1, 2, 4]), new_problem(task_sizes=(1, 3, 2))
    assert [rows_of_tasks(y, range(t, t + 1), problem).tolist() for t in (1, 2, 3)] == [[1], [2, 3, 4, 5], [0, 6]]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
def test_classes_seen_are_the_sum_of_the_tasks_so_far(sizes):
    problem = Problem(1, 1, tuple(sizes), None, 1, 1, 1, 0, None)
    assert problem.classes == sum(sizes)
    seen = [problem.seen_after(task) for task in range(len(sizes) + 1)]
    assert seen[0] == 0
    assert np.diff(seen).tolist() == sizes


def test_samples_are_scaled_to_what_a_model_sees():
    stored = torch.tensor([[0, 51], [255, 102]], dtype=torch.uint8)
    np.testing.assert_allclose(as_inputs(stored, 255), [[0, 0.2], [1, 0.4]], rtol=1e-6)


def test_features_are_used_where_they_lie():
    stored = torch.tensor([[0.5, -3.0]])
    assert as_inputs(stored, 1.0) is stored


# Reproducible, independent and paired


def weights_after(build, learn, name, **problem):
    method = build(name, **problem)
    outcome = learn(method)
    return {key: value.clone() for key, value in method.checkpoint().items()}, outcome


@pytest.mark.parametrize("name", ARMS)
def test_the_same_run_twice_is_identical_whatever_ran_in_between(name, build, learn):
    first, outcome = weights_after(build, learn, name)
    torch.manual_seed(12345)
    torch.rand(7)
    learn(build("bir", seed=3), iterations=3)
    again, same_outcome = weights_after(build, learn, name)
    assert first.keys() == again.keys()
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert same_outcome == outcome


@pytest.mark.parametrize("name", STEPPING)
def test_another_seed_is_another_run(name, build, learn):
    (first, _), (other, _) = (weights_after(build, learn, name, seed=seed) for seed in (0, 1))
    trained = [key for key in first if "gates" not in key]
    assert not any(torch.equal(first[key], other[key]) for key in trained)


def test_every_method_sees_the_same_batches_in_the_same_order(build, learn):
    seen = {}
    for name in STEPPING:
        method = build(name)
        loss = method.loss

        def spy(x, y, name=name, loss=loss):
            seen.setdefault(name, []).append(torch.cat([x, y.unsqueeze(1)], 1))
            return loss(x, y)

        method.loss = spy
        learn(method, iterations=6)
    assert len(seen["none"]) == 18
    for name in STEPPING:
        tasks = 6 if name == "joint" else 18  # from task 2 on, joint training draws from more data
        assert all(torch.equal(a, b) for a, b in zip(seen[name][:tasks], seen["none"][:tasks], strict=True))
    assert not torch.equal(seen["none"][0], seen["none"][1])


# Tasks of any size


@pytest.mark.parametrize("name", STEPPING)
@pytest.mark.parametrize("sizes", [(1, 4, 3), (5, 1, 1, 1)])
def test_tasks_may_bring_any_number_of_classes(name, sizes, build, learn):
    method = build(name, task_sizes=sizes)
    labels = {}
    loss = method.loss

    def spy(x, y):
        labels.setdefault(method.task, set()).update(y.tolist())
        return loss(x, y)

    method.loss = spy
    outcome = learn(method, tasks=len(sizes), iterations=20)
    ends = np.cumsum(sizes)
    for task, (end, size) in enumerate(zip(ends, sizes, strict=True), start=1):
        assert labels[task] == set(range(0 if name == "joint" else end - size, end))
        assert not any(outcome.correct[task - 1][end:])
        assert sum(outcome.correct[task - 1]) > 0
    assert sum(outcome.predicted) == 40


# The optimiser


def test_one_adam_goes_through_all_tasks_with_its_state(build, learn, monkeypatch):
    made = []

    class Spy(torch.optim.Adam):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            made.append(self)

    monkeypatch.setattr(torch.optim, "Adam", Spy)
    method = build("none")
    learn(method, tasks=3, iterations=5, learning_rate=0.003)
    (adam,) = made
    (group,) = adam.param_groups
    assert group["betas"] == (0.9, 0.999)
    assert group["lr"] == 0.003
    assert group["weight_decay"] == 0
    assert {id(p) for p in group["params"]} == {id(p) for p in method.parameters()}
    assert [int(adam.state[p]["step"]) for p in group["params"]] == [15] * 6


def test_training_takes_the_steps_of_adam(build, learn, new_samples):
    method = build("none")
    parameters = {name: p.detach().clone().requires_grad_() for name, p in method.network.named_parameters()}
    learn(method, tasks=2, iterations=3, learning_rate=0.01)

    samples, order = new_samples(), stream(0, "data order")
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in parameters.items()}
    step = 0
    for task in (1, 2):
        pool = ((samples.y == 2 * task - 2) | (samples.y == 2 * task - 1)).nonzero().flatten()
        shuffled = pool[torch.randperm(len(pool), generator=order)]
        for k in range(3):
            step += 1
            rows = shuffled[10 * k : 10 * k + 10]
            scores = torch.func.functional_call(method.network, parameters, samples.x[rows])[:, : 2 * task]
            loss = -torch.log_softmax(scores, 1)[range(10), samples.y[rows]].mean()
            gradients = torch.autograd.grad(loss, parameters.values())
            for (name, p), g in zip(parameters.items(), gradients, strict=True):
                first, second = moments[name]
                first.mul_(0.9).add_(0.1 * g)
                second.mul_(0.999).add_(0.001 * g**2)
                with torch.no_grad():
                    p -= 0.01 * (first / (1 - 0.9**step)) / ((second / (1 - 0.999**step)).sqrt() + 1e-8)
    for name, p in method.network.named_parameters():
        torch.testing.assert_close(p, parameters[name], rtol=1e-3, atol=1e-5)


# Testing


@pytest.mark.parametrize("name", ARMS)
def test_counts_of_correct_and_predicted_samples_are_consistent(name, build, learn, new_samples):
    outcome = learn(build(name), tasks=4, iterations=15)
    tested = np.bincount(new_samples(per_class=5, draw=1).y)
    assert tested.tolist() == [5] * 8
    correct = np.array(outcome.correct)
    assert correct.shape == (4, 8)
    assert (correct >= 0).all()
    assert (correct <= tested).all()
    for task in range(4):
        assert (correct[task, 2 * (task + 1) :] == 0).all()
        assert correct[task].sum() > 0
    assert sum(outcome.predicted) == 40
    assert (np.array(outcome.predicted) >= correct[-1]).all()


def test_counts_are_those_of_the_trained_weights(build, learn, new_samples, by_hand):
    method = build("bir")
    outcome = learn(method, tasks=3, iterations=15)
    samples = new_samples(per_class=5, draw=1)
    guesses = by_hand(method.network).scores(samples.x.numpy())[:, :6].argmax(1)
    seen = samples.y.numpy() < 6
    y, guesses = samples.y.numpy()[seen], guesses[seen]
    assert outcome.correct[-1] == np.bincount(y[y == guesses], minlength=8).tolist()
    assert outcome.predicted == np.bincount(guesses, minlength=8).tolist()


class Oracle(Method):
    """Scores each sample by its first input: that class, or for `stubborn` ones the last class of all."""

    def build_network(self):
        classes, stubborn = self.problem.classes, self.settings

        class Network(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = torch.nn.Parameter(torch.zeros(1))

            def forward(self, x):
                scores = torch.nn.functional.one_hot(x[:, 0].long(), classes).float() + 0 * self.weight
                scores[:, -1] += 10 * stubborn
                return scores

        return Network()


@pytest.mark.parametrize("stubborn", [False, True])
def test_only_the_classes_seen_so_far_can_be_guessed_and_are_tested(stubborn, new_problem):
    y = torch.tensor([0, 1, 1, 2, 3, 3, 3, 7])
    samples = Samples(y.float().unsqueeze(1).repeat(1, 6), y)
    method = Oracle(new_problem(), stubborn)
    method.begin_task(2)
    right = torch.diag(torch.tensor([1, 2, 1, 3, 0, 0, 0, 0]))
    assert torch.equal(trainer.confusion(method, samples, chunk=3), right)
    method.begin_task(4)
    right[7, 7] = 1
    stuck = torch.zeros(8, 8, dtype=torch.int64)
    stuck[:, 7] = torch.tensor([1, 2, 1, 3, 0, 0, 0, 1])
    assert torch.equal(trainer.confusion(method, samples), stuck if stubborn else right)


class NotesSometimes(Method):
    """Notes a value in some tasks, or in some steps of a task."""

    def __init__(self, problem, notes):
        super().__init__(problem, MethodSettings(method="none"))
        self.notes, self.steps_taken = notes, 0

    def loss(self, x, y):
        self.steps_taken += 1
        if self.notes(self):
            self.note("mine", torch.tensor(2.5))
        return super().loss(x, y)


def test_a_value_that_is_not_noted_in_a_task_is_zero_there(new_problem, learn):
    outcome = learn(NotesSometimes(new_problem(), lambda method: method.task != 2), tasks=3)
    assert outcome.instruments["mine"] == [2.5, 0, 2.5]
    outcome = learn(NotesSometimes(new_problem(), lambda method: method.task == 2), tasks=3)
    assert outcome.instruments["mine"] == [0, 2.5, 0]


def test_a_value_that_is_not_noted_in_every_step_is_refused(new_problem, learn):
    said = "notes classification in this step, and noted mine, classification in the first of the task"
    with pytest.raises(UserError, match=said):
        learn(NotesSometimes(new_problem(), lambda method: method.steps_taken == 1))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ((["a"], ["b"]), "notes b in this step, and noted a in"),
        (([], ["a"]), "notes a in this step, and noted nothing in"),
        ((["a"], []), "notes nothing in this step, and noted a in"),
        ((["a", "b"], ["b", "a"]), "notes b, a in this step, and noted a, b in"),
        ((["a"], ["a", "a"]), "notes a, a in this step, and noted a in"),
    ],
)
def test_other_values_than_in_the_first_step_of_a_task_are_refused(names, said):
    instruments = Instruments()
    first, second = names
    for name in first:
        instruments.note(name, torch.tensor(1.0))
    instruments.end_step()
    for name in second:
        instruments.note(name, torch.tensor(100.0))
    with pytest.raises(UserError, match=f"the method {said} the first of the task"):
        instruments.end_step()


class Normalised(Method):
    """A classifier with layers that do something else in use than in training."""

    def build_network(self):
        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.BatchNorm1d(self.problem.inputs),
            torch.nn.Dropout(0.5),
            torch.nn.Linear(self.problem.inputs, self.problem.classes),
        )


def test_tests_leave_running_statistics_alone_and_drop_nothing_out(new_problem, new_samples):
    method, samples = Normalised(new_problem(), None), new_samples()
    method.begin_task(4)
    method.network[2].eval()  # as its owner wants it
    before = [value.clone() for value in method.network.state_dict().values()]
    with torch.no_grad():
        scores = samples.x / torch.tensor(1 + 1e-5).sqrt() @ method.network[2].weight.T + method.network[2].bias
    expected = torch.zeros(8, 8, dtype=torch.int64)
    for own, assigned in zip(samples.y.tolist(), scores.argmax(1).tolist(), strict=True):
        expected[own, assigned] += 1
    assert torch.equal(trainer.confusion(method, samples, chunk=7), expected)
    assert all(torch.equal(*pair) for pair in zip(before, method.network.state_dict().values(), strict=True))
    assert [module.training for module in method.network] == [True, True, False]


def test_the_accuracy_reported_is_that_of_the_classes_seen_after_the_last_finished_task(build, learn):
    reports = []
    outcome = learn(build("none"), iterations=30, watch=reports.append)
    by_task = {r.task: r.accuracy for r in reports}
    assert by_task[1] is None
    for task in (2, 3):
        tested = 5 * 2 * (task - 1)
        assert by_task[task] == pytest.approx(100 * sum(outcome.correct[task - 2]) / tested)


def test_progress_is_reported_about_twenty_times_a_task_and_at_its_end(build, learn):
    reports = []
    learn(build("none"), tasks=2, iterations=50, watch=reports.append)
    for task in (1, 2):
        iterations = [r.iteration for r in reports if r.task == task]
        assert 20 <= len(iterations) <= 25
        assert iterations[-1] == 50
    assert {(r.tasks, r.iterations) for r in reports} == {(2, 50)}


def test_instruments_are_the_mean_per_step_of_each_task(build, learn):
    losses = []
    outcome = learn(build("none"), tasks=2, iterations=20, watch=lambda p: losses.append(p.loss))
    expected = [sum(losses[:20]) / 20, sum(losses[20:]) / 20]
    np.testing.assert_allclose(outcome.instruments["classification"], expected, rtol=1e-5)


def test_an_instrument_noted_twice_a_step_is_the_mean_of_both(build, learn):
    method = build("bir")
    reconstruction, note = [], method.note

    def listen(name, value):
        if name == "reconstruction":
            reconstruction.append(value.item())
        return note(name, value)

    method.note = listen
    outcome = learn(method, tasks=2, iterations=5)
    expected = [sum(reconstruction[:5]) / 5, sum(reconstruction[5:]) / 10]  # from task 2 current and replayed
    np.testing.assert_allclose(outcome.instruments["reconstruction"], expected, rtol=1e-5)


def test_an_instrument_that_starts_in_task_2_is_0_in_task_1(build, learn):
    outcome = learn(build("exaggeration"))
    for name in ("repulsion", "attraction", "distillation", "competing", "repelled"):
        values = outcome.instruments[name]
        assert len(values) == 3
        assert values[0] == 0
        assert values[2] > 0


# What goes wrong without stopping a run


class Overflowing(Method):
    """The moments of its optimiser are made infinite by hand when chosen tasks end."""

    infinite: ClassVar = {}  # task -> entries of the moments of the first layer's weights

    def end_task(self, x, y):
        for moments in list(self.adam.state.values())[:1]:
            moments["exp_avg_sq"].view(-1)[:3] = 1.0
            moments["exp_avg_sq"].view(-1)[: self.infinite.get(self.task, 0)] = math.inf

    def optimiser(self, learning_rate):
        self.adam = super().optimiser(learning_rate)
        return self.adam


@pytest.mark.parametrize("tasks", [{2: 3, 3: 1}, {2: 3}, {3: 2}, {1: 1}])
def test_moments_that_overflow_are_counted_from_the_task_on_and_told_once(tasks, new_problem, learn, capsys):
    method = Overflowing(new_problem(), MethodSettings(method="overflowing"))
    method.infinite = tasks
    weights = 6 * 12 + 12 + 12 * 12 + 12 + 12 * 8 + 8
    outcome = learn(method)
    assert outcome.instruments["infinite_moments"] == [tasks.get(task, 0) / weights for task in (1, 2, 3)]
    said = capsys.readouterr().err.splitlines()
    first = min(tasks)
    assert [line.startswith(f"in task {first} the squared gradients of ") for line in said] == [True]
    assert f" {100 * tasks[first] / weights:.2g} % of the weights" in said[0]


def test_a_run_without_infinite_moments_says_nothing_of_them(build, learn, capsys):
    assert "infinite_moments" not in learn(build("si")).instruments
    assert capsys.readouterr().err == ""


def test_an_optimiser_without_second_moments_is_left_alone():
    weight = torch.nn.Parameter(torch.ones(4))
    plain = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    assert trainer.infinite_share(plain) == 0
    weight.grad = torch.full((4,), math.inf)
    plain.step()
    assert trainer.infinite_share(plain) == 0


def test_a_gradient_whose_square_is_too_large_stops_its_weight_and_no_other():
    """1e22 fits into single precision, a thousandth of its square does not; the weight beside it goes on."""
    weight = torch.nn.Parameter(torch.zeros(2))
    adam = torch.optim.Adam([weight], lr=0.1)
    weight.grad = torch.tensor([1e22, 1.0])
    adam.step()
    assert trainer.infinite_share(adam) == 1 / 2
    before = weight.detach().clone()
    weight.grad = torch.ones(2)
    adam.step()
    assert (weight == before).tolist() == [True, False]


# When something is wrong


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_a_loss_that_is_no_number_any_more_stops_the_run_and_says_where(value, build, learn):
    method = build("none")
    loss = method.loss
    method.loss = lambda x, y: loss(x, y) * (value if method.task == 2 else 1)
    with pytest.raises(Diverged, match="task 2, iteration 1") as error:
        learn(method)
    assert (error.value.task, error.value.iteration, error.value.term) == (2, 1, "loss")
    assert error.value.method is method
    assert len(error.value.outcome.correct) == 1


def test_weights_that_run_away_stop_the_run(build, learn):
    with pytest.raises(Diverged, match="finite"):
        learn(build("bir-si"), iterations=20, learning_rate=1e25)


def test_a_weight_that_the_last_step_of_a_task_broke_stops_the_run(build, learn):
    method, steps = build("none"), []

    def hook(gradient):
        steps.append(gradient)
        return gradient * (math.inf if len(steps) == 24 else 1.0)  # after the loss of task 2's last step

    method.network.encoder1.weight.register_hook(hook)
    with pytest.raises(Diverged, match="a weight is not a finite number in task 2, iteration 12") as error:
        learn(method, tasks=2)
    assert len(error.value.outcome.correct) == 1
    assert math.isnan(error.value.loss)


def test_the_term_that_diverges_first_is_named_with_its_step_though_all_follow(build, learn):
    method = build("exaggeration", seed=1)
    calls, replayed_loss = [], method.replayed_loss

    def blow_up(replayed, target, vae):
        calls.append(method.task)
        factor = math.inf if len(calls) == 43 else 1.0
        method.settings = dataclasses.replace(method.settings, lambda_ra=0.1 * factor)
        note = method.note
        method.note = lambda name, value: note(name, value * (factor if name == "attraction" else 1.0))
        loss = replayed_loss(replayed, target, vae)
        del method.note
        return loss

    method.replayed_loss = blow_up
    with pytest.raises(Diverged) as error:
        learn(method, iterations=40, tasks=3)  # reports come every second step
    assert (error.value.task, error.value.iteration, error.value.term) == (3, 3, "attraction")


# Optimiser


def adam_by_hand(weight, gradients, per_task, state, rate=0.01):
    """Return the weights after each step, in float64 and from the formulas (Kingma & Ba, Algorithm 1)."""
    first = second = np.zeros_like(weight)
    path, count = [], 0
    for i, gradient in enumerate(gradients):
        if i % per_task == 0 and state != "kept":
            count = 0
            if state == "reset":
                first = second = np.zeros_like(weight)
        count += 1
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        weight = weight - rate * (first / (1 - 0.9**count)) / (np.sqrt(second / (1 - 0.999**count)) + 1e-8)
        path.append(weight)
    return np.array(path)


@pytest.mark.parametrize("state", ["kept", "moments", "reset"])
def test_adam_keeps_between_tasks_what_it_is_told_to(build, learn, state):
    method = build("none")
    layer = method.network.encoder1.weight
    start, weights, gradients = layer.detach().double().numpy().copy(), [], []

    def watch(progress):
        weights.append(layer.detach().double().numpy().copy())
        gradients.append(layer.grad.double().numpy().copy())

    learn(method, tasks=3, iterations=5, learning_rate=0.01, watch=watch, optimiser_state=state)
    assert len(weights) == 15
    assert np.allclose(weights, adam_by_hand(start, gradients, 5, state), rtol=0, atol=1e-6)
    others = {"kept", "moments", "reset"} - {state}
    assert not any(np.allclose(weights, adam_by_hand(start, gradients, 5, o), rtol=0, atol=1e-3) for o in others)


@pytest.mark.parametrize("state", ["moments", "reset"])
def test_what_adam_forgets_changes_nothing_in_the_only_task(build, learn, state):
    kept, other = build("bir-si"), build("bir-si")
    assert learn(kept, tasks=1) == learn(other, tasks=1, optimiser_state=state)
    for a, b in zip(kept.network.parameters(), other.network.parameters(), strict=True):
        assert torch.equal(a, b)
