"""Small arrays that a run keeps at task ends: what explains its accuracy, for a few percent of its time at most.

`TaskEndObserver.traces()` names them, with C classes of the problem, T finished tasks, and S classes seen after task t:

| key | shape | what it is |
| --- | --- | --- |
| `confusion` | (C, C) int32 | all test samples of the final model: rows their classes, columns the classes assigned |
| `gradient.TERM` | (T,) float32 | norm of the gradient of a term of the loss at the end of each task, see `probe.py` |
| `gram.t` | (N (N+1)/2,) float16 | hidden layer after task t: centred inner products of up to 100 test samples |
| `distance.inputs` | (C (C-1)/2,) float16 | distances between the class means of test samples |
| `distance.hidden.t` | (S (S-1)/2,) float16 | the same in the hidden layer after task t |
| `distance.latent.t`, `distance.reconstruction.t` | (S (S-1)/2,) float16 | the same in the two other spaces |
| `competition.t` | (S, S) int16 | imagined samples by label (rows) and rival (columns), see `replay.py` |
| `inverse_distance` | (T, 5) float32 | 1/D of repelled samples: quantiles 5, 25, 50, 75 and 95 % |
| `agreement` | (T, C) float16 | share of imagined samples whose label is the class asked for |
| `frechet`, `precision`, `recall` | (T, C) float16 | quality of imagined samples of each class, see `quality.py` |

What float16 cannot hold, as distances between features of large values, is float32.

Tasks and labels count in order of being seen, tasks from 1; what does not exist (a term in a task without replay, a
class not yet seen) is nan. Symmetric matrices are their upper triangles row by row, distances without the diagonal.
Gradients of TERMs exist for every method that takes steps, hidden layers for networks that have one, the latent
space, reconstructions and imagined samples for brain-inspired VAEs.
"""

import copy
import functools

import torch
from torch import Tensor
from torch.nn import functional as F

from exaggerated_replay.learning.method import Method, State, evaluating
from exaggerated_replay.learning.networks import BrainInspiredVAE, Classifier
from exaggerated_replay.learning.run import Samples
from exaggerated_replay.learning.trainer import confusion
from exaggerated_replay.streams import stream
from exaggerated_replay.training.observation.geometry import centred_gram, class_distances, spaces
from exaggerated_replay.training.observation.probe import gradient_norms
from exaggerated_replay.training.observation.quality import RealSamples
from exaggerated_replay.training.observation.replay import (
    agreement,
    competition_counts,
    imagine,
    inverse_distances,
)

EACH = 40  # imagined and real samples of each class that are compared
FOR_GRADIENTS = 64  # samples of the current task, beside a replay batch of the run's own size
FOR_MEANS = 20  # test samples of each class whose mean stands for the class
FOR_GRAM = 100  # test samples in all whose inner products are kept
PAPERS_F = 20.0  # for methods that have none


class TaskEndObserver:
    """Looks at a run when a task ends. It draws from a random stream of its own and touches nothing of the run."""

    def __init__(self, test_set: Samples, seed: int) -> None:
        """Take the run's test set, labels in order of being seen, and its seed."""
        self.test_set = test_set
        self.generator = stream(seed, "observation", test_set.x.device)
        self.tests = torch.bincount(test_set.y)
        self.by_class = torch.argsort(test_set.y, stable=True).split(self.tests.tolist())
        self.method: Method | None = None
        self.gradients: list[dict[str, float]] = []  # per task
        self.stacked: dict[str, list[Tensor]] = {}  # one row per task
        self.single: dict[str, Tensor] = {}

    def first_of_each(self, classes: int, each: int) -> tuple[Tensor, Tensor]:
        """Return the first test samples of each of the first classes, class by class: (N, inputs), (N,)."""
        rows = torch.cat([own[:each] for own in self.by_class[:classes]])
        return self.test_set.x[rows], self.test_set.y[rows]

    def task_end(self, method: Method, task: int, x: Tensor, y: Tensor) -> None:
        """Look at a method that has just learned a task, before it gets ready for the next.

        Args:
            method: The method; its previous model is still the one that was replayed in this task.
            task: Number of the task, from 1.
            x: (N, inputs) training samples of the task.
            y: (N,) their labels.
        """
        self.method = method
        if method.steps(1):
            batch = min(len(x), FOR_GRADIENTS)
            rows = torch.randint(len(x), (batch,), generator=self.generator, device=x.device)
            self.gradients.append(gradient_norms(method, x[rows], y[rows]))
        with torch.no_grad(), evaluating(method):
            if isinstance(network := method.network, Classifier):
                self.look_at_classes(method, network, task)
            if isinstance(network, BrainInspiredVAE):
                self.look_at_replay(method, network, task)

    def look_at_classes(self, method: Method, network: Classifier, task: int) -> None:
        """Note where the network puts the classes seen, and how alike it makes samples of all classes."""
        likelihood = method.problem.likelihood
        samples, labels = self.first_of_each(method.seen, FOR_MEANS)
        for space, values in spaces(network, samples, labels, likelihood).items():
            self.keep(f"distance.{space}.{task}", compact(class_distances(values, labels, method.seen)))
        samples, _ = self.first_of_each(method.problem.classes, max(1, FOR_GRAM // method.problem.classes))
        self.keep(f"gram.{task}", centred_gram(network.hidden(samples[:FOR_GRAM])).half())

    def look_at_replay(self, method: Method, network: BrainInspiredVAE, task: int) -> None:
        """Note what the network would replay of the classes seen, and how good it is."""
        f, likelihood = factor_of(method), method.problem.likelihood
        imagined = imagine(network, method.seen, EACH, likelihood, self.generator)
        self.keep(f"competition.{task}", competition_counts(imagined, f).short())
        self.stack(
            "inverse_distance",
            inverse_distances(network, imagined, f, method.problem.replay_batch, likelihood, self.generator),
        )
        self.stack("agreement", self.of_all_classes(agreement(imagined)))
        generated = imagined.x.view(method.seen, EACH, -1)
        precision, recall = self.real.precision_recall(generated)
        quality = {"frechet": self.real.frechet(generated), "precision": precision, "recall": recall}
        for name, values in quality.items():
            self.stack(name, self.of_all_classes(values))

    @functools.cached_property
    def real(self) -> RealSamples:
        """Test samples of every class, as many of each."""
        each = min(EACH, int(self.tests.min()))
        samples, _ = self.first_of_each(len(self.tests), each)
        return RealSamples(samples.view(len(self.tests), each, -1))

    def of_all_classes(self, values: Tensor) -> Tensor:
        """Put nan for the classes that are not seen yet: (S,) -> (C,)."""
        return compact(F.pad(values, (0, len(self.tests) - len(values)), value=torch.nan))

    def keep(self, name: str, value: Tensor) -> None:
        """Note an array of this task alone."""
        self.single[name] = value.cpu()

    def stack(self, name: str, row: Tensor) -> None:
        """Note a task's row of an array."""
        self.stacked.setdefault(name, []).append(row.cpu())

    def state(self) -> State:
        """Return what was noted so far and where the random stream is."""
        noted = {"gradients": self.gradients, "stacked": self.stacked, "single": self.single}
        return {**copy.deepcopy(noted), "generator": self.generator.get_state()}

    def restore(self, state: State) -> None:
        """Go on from what `state` returned."""
        self.generator.set_state(state["generator"])
        noted = copy.deepcopy(state)
        self.gradients, self.stacked, self.single = noted["gradients"], noted["stacked"], noted["single"]

    @torch.no_grad()
    def traces(self) -> dict[str, Tensor]:
        """Return all that was noted, on the CPU; the confusion matrix is taken of the last method seen, now."""
        found = dict(self.single)
        found |= {name: torch.stack(rows) for name, rows in self.stacked.items()}
        terms = dict.fromkeys(name for norms in self.gradients for name in norms)
        for name in terms:
            found[f"gradient.{name}"] = torch.tensor([norms.get(name, torch.nan) for norms in self.gradients])
        if self.method is not None:
            found["confusion"] = confusion(self.method, self.test_set).int()
            if isinstance(self.method.network, Classifier):
                samples, labels = self.first_of_each(len(self.tests), FOR_MEANS)
                found["distance.inputs"] = compact(class_distances(samples, labels, len(self.tests)))
        return {name: value.cpu().contiguous() for name, value in sorted(found.items())}


def compact(values: Tensor) -> Tensor:
    """Return values in half precision, or as they are where that cannot hold one of them."""
    half = values.half()
    return half if torch.equal(half.isinf(), values.isinf()) else values


def factor_of(method: Method) -> float | None:
    """Return the factor f that decides who competes: the method's own, or the paper's for one that has none."""
    return getattr(method, "repulsion_factor", PAPERS_F)
