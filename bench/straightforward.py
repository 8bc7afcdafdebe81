"""Brain-inspired replay with SI, and RR and RA, written the way the field writes it: the benchmark's other side.

Images come from a Dataset through a DataLoader; the frozen convolutional layers run on every batch; current and
replayed samples pass one after the other; every loss is logged as a Python number in every step. Nothing is slowed
down on purpose, and nothing is done that the project's own implementation does not do: a unit test trains both on the
same data with the same noise and compares the losses step by step.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms

from exaggerated_replay.features.encoder import ConvEncoder
from exaggerated_replay.methods.exaggeration import Settings as ExaggerationArm
from exaggerated_replay.settings.run import RunSettings

IMAGE_VALUES = 3 * 32 * 32


class ImageDataset(Dataset):
    """uint8 images (N, 32, 32, 3) and their labels, one transformed image at a time."""

    def __init__(self, images: np.ndarray, labels: np.ndarray, mean: list[float], std: list[float]) -> None:
        self.images = images
        self.labels = labels
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


class Model(nn.Module):
    """Frozen convolutional layers, VAE with classifier, class prior and one decoder gate per class and unit."""

    def __init__(
        self, conv: ConvEncoder, features: int, units: int, latent: int, classes: int, gate_proportion: float
    ) -> None:
        super().__init__()
        self.conv = conv
        self.encoder1 = nn.Linear(features, units)
        self.encoder2 = nn.Linear(units, units)
        self.classifier = nn.Linear(units, classes)
        self.to_mean = nn.Linear(units, latent)
        self.to_log_variance = nn.Linear(units, latent, bias=False)
        self.decoder1 = nn.Linear(latent, units)
        self.decoder2 = nn.Linear(units, units)
        self.output = nn.Linear(units, features)
        self.prior_mean = nn.Parameter(torch.randn(classes, latent))
        self.prior_log_variance = nn.Parameter(torch.randn(classes, latent))
        self.register_buffer("gates1", (torch.rand(classes, units) >= gate_proportion).float())
        self.register_buffer("gates2", (torch.rand(classes, units) >= gate_proportion).float())

    def train(self, mode: bool = True) -> "Model":
        """Switch to training, all but the frozen convolutional layers."""
        super().train(mode)
        self.conv.eval()
        return self

    def extract(self, images: Tensor) -> Tensor:
        """Return the features of normalised images: (B, 3, 32, 32) -> (B, features)."""
        with torch.no_grad():
            return self.conv(images)

    def encode(self, x: Tensor) -> Tensor:
        """Return the last hidden layer: (B, features) -> (B, units)."""
        return F.relu(self.encoder2(F.relu(self.encoder1(x))))

    def classify(self, x: Tensor) -> Tensor:
        """Return the scores of all classes: (B, features) -> (B, classes)."""
        return self.classifier(self.encode(x))

    def decode(self, z: Tensor, gate1: Tensor, gate2: Tensor) -> Tensor:
        """Decode with a gate on each hidden layer: (B, latent), (B, units) twice -> (B, features)."""
        h = F.relu(gate1 * self.decoder1(z))
        h = F.relu(gate2 * self.decoder2(h))
        return self.output(h)

    def forward(self, x: Tensor, gate1: Tensor, gate2: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return reconstruction, scores, mean, log-variance and the z that was drawn."""
        h = self.encode(x)
        mean, log_variance = self.to_mean(h), self.to_log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        return self.decode(z, gate1, gate2), self.classifier(h), mean, log_variance, z

    @torch.no_grad()
    def sample(self, size: int, classes: int) -> Tensor:
        """Generate features of classes drawn uniformly from the first `classes`: (size, features)."""
        y = torch.randint(classes, (size,))
        noise = torch.randn(size, self.prior_mean.shape[1])
        z = self.prior_mean[y] + torch.exp(0.5 * self.prior_log_variance[y]) * noise
        return self.decode(z, self.gates1[y], self.gates2[y])


def log_normal(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return log N(z; mean, exp(log_variance)), summed over the last dimension."""
    return -0.5 * (np.log(2 * np.pi) + log_variance + (z - mean) ** 2 / log_variance.exp()).sum(dim=-1)


def half_squared_error(x: Tensor, reconstruction: Tensor) -> Tensor:
    """Return the mean over features of 0.5 (x - x')^2: (B, features) twice -> (B,)."""
    return (0.5 * (x - reconstruction) ** 2).mean(dim=1)


def mixture_log_prior(model: Model, z: Tensor, target: Tensor, seen: int) -> Tensor:
    """Return log sum_c target_c p(z | c), measured against the largest component and clamped: (B,)."""
    log_priors = log_normal(z.unsqueeze(1), model.prior_mean[:seen], model.prior_log_variance[:seen])  # (B, seen)
    largest = log_priors.max(dim=1, keepdim=True).values
    mixture = (target * torch.exp(log_priors - largest)).sum(dim=1)
    return largest.squeeze(1) + torch.log(mixture.clamp(min=1e-40))


def exaggeration(scores: Tensor, x: Tensor, reconstruction: Tensor, f: float) -> tuple[Tensor, Tensor]:
    """Return RR (Eq. 4) and RA (Eq. 5): repulsion from the runner-up's mean, attraction to the own class's."""
    probabilities = F.softmax(scores, dim=1)
    label = probabilities.argmax(dim=1)
    runner_up = torch.full_like(label, -1)
    if scores.shape[1] > 1:
        (p_label, p_second), (_, second) = probabilities.topk(2, dim=1).values.T, probabilities.topk(2, dim=1).indices.T
        runner_up = torch.where(p_second > p_label / f, second, runner_up)

    means = {int(c): x[label == c].mean(dim=0) for c in label.unique()}
    attraction = half_squared_error(torch.stack([means[int(c)] for c in label]), reconstruction).mean()
    rows = [i for i, c in enumerate(runner_up.tolist()) if c in means]
    if not rows:
        return torch.zeros(()), attraction
    rivals = torch.stack([means[int(runner_up[i])] for i in rows])
    repulsion = (1 / half_squared_error(rivals, reconstruction[rows])).mean()
    return repulsion, attraction


class SynapticIntelligence:
    """Importance of the weights of encoder and classifier (Zenke et al., 2017), in loops over named parameters."""

    def __init__(self, model: Model, strength: float, damping: float) -> None:
        self.model, self.strength, self.damping = model, strength, damping
        self.path = {n: torch.zeros_like(p) for n, p in self.held()}
        self.omega = {n: torch.zeros_like(p) for n, p in self.held()}
        self.start = {n: p.detach().clone() for n, p in self.held()}
        self.before = {n: p.detach().clone() for n, p in self.held()}

    def held(self) -> list[tuple[str, nn.Parameter]]:
        """Return the parameters that are held."""
        held = ("encoder1", "encoder2", "classifier")
        return [(n, p) for n, p in self.model.named_parameters() if n.split(".")[0] in held]

    def penalty(self) -> Tensor:
        """Return c sum Omega (theta - theta_prev)^2."""
        losses = [(self.omega[n] * (p - self.start[n]) ** 2).sum() for n, p in self.held()]
        return self.strength * sum(losses)

    def after_step(self) -> None:
        """Add -g dtheta of the step just taken."""
        for n, p in self.held():
            self.path[n].add_(-p.grad * (p.detach() - self.before[n]))
            self.before[n] = p.detach().clone()

    def end_task(self) -> None:
        """Turn the path integral into importance."""
        for n, p in self.held():
            change = p.detach() - self.start[n]
            self.omega[n] += self.path[n] / (change**2 + self.damping)
            self.path[n].zero_()
            self.start[n] = p.detach().clone()


@dataclass
class Learner:
    """The model that learns, and what is kept beside it."""

    settings: RunSettings
    model: Model
    si: SynapticIntelligence | None
    previous: Model | None = None

    def step_loss(self, x: Tensor, y: Tensor, task: int) -> tuple[Tensor, dict[str, float]]:
        """Return the loss to minimise and, as numbers, everything that is logged.

        Args:
            x: (B, features) of the current batch.
            y: (B,) labels in order of being seen.
            task: Number of the task, from 1.
        """
        model, method, sizes = self.model, self.settings.method, self.settings.task_sizes
        seen, earlier = sum(sizes[:task]), sum(sizes[: task - 1])
        reconstruction, logits, mean, log_variance, z = model(x, model.gates1[y], model.gates2[y])
        reconstruction_loss = half_squared_error(x, reconstruction).mean()
        log_prior = log_normal(z, model.prior_mean[y], model.prior_log_variance[y])
        variational_loss = (log_normal(z, mean, log_variance) - log_prior).mean() / IMAGE_VALUES
        classification_loss = F.cross_entropy(logits[:, :seen], y)
        loss = method.lambda_rec * reconstruction_loss + variational_loss + classification_loss
        log = {
            "reconstruction": reconstruction_loss.item(),
            "variational": variational_loss.item(),
            "classification": classification_loss.item(),
        }

        if self.previous is not None:
            replayed_loss = self.replayed_loss(seen, earlier, log)
            loss = loss / task + (1 - 1 / task) * replayed_loss
        if self.si is not None:
            penalty = self.si.penalty()
            loss = loss + penalty
            log["penalty"] = penalty.item()
        log["loss"] = loss.item()
        return loss, log

    def replayed_loss(self, seen: int, earlier: int, log: dict[str, float]) -> Tensor:
        """Return the loss on what the previous model generates and scores."""
        model, method, temperature = self.model, self.settings.method, self.settings.method.temperature
        x = self.previous.sample(self.settings.training.replay_batch, earlier)
        with torch.no_grad():
            scores = self.previous.classify(x)[:, :earlier]
        target = F.softmax(scores / temperature, dim=1)
        reconstruction, logits, mean, log_variance, z = model(
            x, target @ model.gates1[:earlier], target @ model.gates2[:earlier]
        )
        target = torch.cat([target, torch.zeros(len(x), seen - earlier)], dim=1)

        reconstruction_loss = half_squared_error(x, reconstruction).mean()
        log_prior = mixture_log_prior(model, z, target, seen)
        variational_loss = (log_normal(z, mean, log_variance) - log_prior).mean() / IMAGE_VALUES
        log_probabilities = F.log_softmax(logits[:, :seen] / temperature, dim=1)
        distillation_loss = -(target * log_probabilities).sum(dim=1).mean() * temperature**2
        loss = method.lambda_rec * reconstruction_loss + variational_loss + distillation_loss
        log |= {
            "replayed reconstruction": reconstruction_loss.item(),
            "replayed variational": variational_loss.item(),
            "distillation": distillation_loss.item(),
        }
        if isinstance(method, ExaggerationArm):
            repulsion, attraction = exaggeration(scores, x, reconstruction, method.f)
            loss = loss + method.lambda_rr * repulsion + method.lambda_ra * attraction
            log |= {"repulsion": repulsion.item(), "attraction": attraction.item()}
        return loss


def new_learner(settings: RunSettings, conv: ConvEncoder) -> Learner:
    """Return a learner at its beginning. Weights are drawn as torch does, uniformly from +-1/sqrt(fan_in)."""
    method, sizes, classes = settings.method, settings.model, len(settings.class_order)
    features = conv(torch.zeros(1, 3, 32, 32)).shape[1]
    model = Model(conv.requires_grad_(False), features, sizes.units, sizes.latent, classes, method.gate_proportion)
    si = SynapticIntelligence(model, method.si.strength, method.si.damping) if method.si else None
    return Learner(settings, model, si)


def train(
    learner: Learner,
    dataset: ImageDataset,
    watch: Callable[[int, dict[str, float]], None] = lambda task, log: None,
) -> None:
    """Learn one task after the other. The model is not tested: that is not timed on either side.

    Args:
        learner: What learns.
        dataset: The training images, with labels in order of being seen.
        watch: Called after every step with the task and what was logged.
    """
    training, model = learner.settings.training, learner.model
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(trained, lr=training.learning_rate, betas=(0.9, 0.999))
    for task, size in enumerate(learner.settings.task_sizes, start=1):
        seen = sum(learner.settings.task_sizes[:task])
        own = np.flatnonzero((dataset.labels >= seen - size) & (dataset.labels < seen))
        loader = DataLoader(Subset(dataset, own), batch_size=training.batch, shuffle=True, drop_last=True)
        model.train()
        batches = iter(loader)
        for _ in range(training.iterations):
            try:
                images, y = next(batches)
            except StopIteration:
                batches = iter(loader)
                images, y = next(batches)
            optimiser.zero_grad()
            loss, log = learner.step_loss(model.extract(images), y, task)
            loss.backward()
            optimiser.step()
            if learner.si is not None:
                learner.si.after_step()
            watch(task, log)
        learner.previous = copy.deepcopy(model).eval()
        if learner.si is not None:
            learner.si.end_task()
