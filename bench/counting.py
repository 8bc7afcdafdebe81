"""How much arithmetic one training step needs, and how many bytes it must move, from the sizes of the model alone.

A product of (m, k) and (k, n) counts 2 m k n operations. What is counted is what the method asks for, not what an
implementation does: gates of a known label are looked up, not multiplied; the gradient of the inputs is not needed.
"""

from dataclasses import dataclass

from exaggerated_replay.methods.exaggeration import Settings as ExaggerationArm
from exaggerated_replay.settings.run import RunSettings

FLOAT = 4  # bytes


@dataclass(frozen=True)
class StepSizes:
    """What the cost of one step of brain-inspired replay depends on. All are counts."""

    inputs: int
    units: int
    latent: int
    classes: int
    batch: int
    replay_batch: int  # 0 in the first task
    seen: int  # classes, the current task's included
    earlier: int  # classes, the current task's not included
    si: bool
    exaggeration: bool

    @property
    def rows(self) -> int:
        """Samples that the model that learns sees in a step."""
        return self.batch + self.replay_batch

    @property
    def encoder(self) -> int:
        """Weights of the two hidden encoder layers."""
        return self.inputs * self.units + self.units**2

    @property
    def classifier(self) -> int:
        """Weights of the classifier."""
        return self.units * self.classes

    @property
    def decoder(self) -> int:
        """Weights of the decoder."""
        return self.latent * self.units + self.units**2 + self.units * self.inputs

    @property
    def network(self) -> int:
        """Weights of all linear layers."""
        return self.encoder + self.classifier + 2 * self.units * self.latent + self.decoder

    @property
    def held(self) -> int:
        """Weights and biases that synaptic intelligence holds."""
        return self.encoder + self.classifier + 2 * self.units + self.classes

    @property
    def parameters(self) -> int:
        """Everything that is learned: weights, biases, and the means and log-variances of the prior."""
        biases = 2 * self.units + self.classes + self.latent + 2 * self.units + self.inputs
        return self.network + biases + 2 * self.classes * self.latent


def sizes_of(settings: RunSettings, inputs: int, classes: int, task: int) -> StepSizes:
    """Return the sizes of a step in task `task` (from 1) of a run of brain-inspired replay."""
    per_task = classes // settings.tasks
    return StepSizes(
        inputs=inputs,
        units=settings.model.units,
        latent=settings.model.latent,
        classes=classes,
        batch=settings.training.batch,
        replay_batch=settings.training.replay_batch if task > 1 else 0,
        seen=task * per_task,
        earlier=(task - 1) * per_task,
        si=settings.method.si is not None,
        exaggeration=isinstance(settings.method, ExaggerationArm),
    )


def sizes_by_task(settings: RunSettings, inputs: int, classes: int) -> list[StepSizes]:
    """Return the sizes of a step in each task of a run."""
    return [sizes_of(settings, inputs, classes, task) for task in range(1, settings.tasks + 1)]


def products(sizes: StepSizes) -> dict[str, int]:
    """Return the floating-point operations of a step's matrix products, by purpose.

    - forward: encoder, classifier, latent mean and log-variance, decoder, for current and replayed samples; and the
      mixture of the earlier classes' gates, for replayed ones and two layers.
    - backward: the gradient of every weight, and that of every layer's input but the first's.
    - replay: generation by the previous model's decoder, scoring by its encoder and classifier.
    - exaggeration: sums over each class of the batch, distances of all pairs of mean and reconstruction, and the
      gradient of the latter by the reconstruction.
    """
    s = sizes
    replayed_decoder_and_scores = s.decoder + s.encoder + s.classifier
    pairs = s.replay_batch * s.earlier * s.inputs
    return {
        "forward": 2 * (s.rows * s.network + 2 * s.replay_batch * s.earlier * s.units),
        "backward": 2 * s.rows * (2 * s.network - s.inputs * s.units),
        "replay": 2 * s.replay_batch * replayed_decoder_and_scores,
        "exaggeration": 2 * 3 * pairs if s.exaggeration else 0,
    }


def gated_off(sizes: StepSizes, proportion: float) -> float:
    """Return the operations of a step's products whose factor a context gate has set to zero, on average over gates.

    Where the class is known (current samples forward and backward, generation) a share `proportion` of the units of
    both hidden decoder layers is off. Replayed samples go through a mixture of gates, which switches nothing off.
    """
    s, on = sizes, 1 - proportion
    needed = on * s.latent * s.units + on**2 * s.units**2 + on * s.units * s.inputs
    return 2 * (3 * s.batch + s.replay_batch) * (s.decoder - needed)


def elementwise(sizes: StepSizes) -> dict[str, int]:
    """Return the least operations of a step outside matrix products, by purpose (a square root counts as one).

    - adam: 13 per parameter: 3 for the mean of the gradient, 4 for that of its square, 3 for the denominator
      (square root, correction, epsilon), 3 for the step.
    - si: 10 per held weight: 4 for the penalty's value, 3 for its gradient, 3 for the path integral.
    - prior: 11 per replayed sample, seen class and latent variable: 5 for the density, 6 for its gradients.
    - activation: per row and hidden unit, 2 forward and 2 backward for bias and rectification; for gates 1 and 1.
    """
    s = sizes
    return {
        "adam": 13 * s.parameters,
        "si": 10 * s.held if s.si else 0,
        "prior": 11 * s.replay_batch * s.seen * s.latent,
        "activation": s.rows * s.units * (4 * 4 + 2 * 2),
    }


def fewest_bytes(sizes: StepSizes) -> dict[str, int]:
    """Return the bytes that a step must at least move to and from memory, by purpose.

    All is float32, and every array is too large for the caches but lives through one pass over it.

    - weights: read once forward and once backward, gradients written once; the previous model's read once.
    - adam: gradient, weight and two moments read, the latter three written.
    - si: importance, anchor and path read, path written, while Adam has weight and gradient at hand.
    - activations: the inputs and what each layer puts out, written once, read by the next layer and once backward.
    """
    s = sizes
    widths = s.inputs + 2 * s.units + s.classes + 2 * s.latent + s.latent + 2 * s.units + s.inputs
    previous = (s.decoder + s.encoder + s.classifier) if s.replay_batch else 0
    return {
        "weights": FLOAT * (3 * s.parameters + previous),
        "adam": FLOAT * 7 * s.parameters,
        "si": FLOAT * 4 * s.held if s.si else 0,
        "activations": FLOAT * 3 * s.rows * widths,
    }
