"""Parts of the methods' losses once more in numpy, and methods whose random draws are known."""

import dataclasses

import numpy as np
import torch
from scipy.special import expit, log_softmax, softmax

from exaggerated_replay.methods.bir.method import BrainInspiredReplay, Replayed


def fix(method, noise=None, replayed=None):
    """Make a method's random draws known: the same noise for both parts of a pass, the same replayed batch."""
    if noise is not None:
        again = method.problem.replay_batch if isinstance(method, BrainInspiredReplay) and method.earlier else 0
        method.noise = lambda rows, generator: torch.cat([noise[: rows - again], noise[:again]])
    if replayed is not None:
        method.replay = lambda: replayed


def noted(method):
    method.instruments.end_step()
    return method.instruments.means(1)


def normal(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape), dtype=torch.float32)


def some_replayed(bounded=True, rows=16, earlier=4, spread=1.5):
    x = normal(rows, 6, seed=1)
    asked = torch.arange(rows) % earlier
    return Replayed(torch.sigmoid(x) if bounded else x, spread * normal(rows, earlier, seed=2), asked)


def in_numpy(*tensors):
    return [tensor.detach().numpy().astype(np.float64 if tensor.is_floating_point() else int) for tensor in tensors]


def vector(tensors):
    return torch.cat([t.detach().flatten() for t in tensors])


def cross_entropy(scores, y):
    return -np.mean([log_softmax(row)[label] for row, label in zip(scores, y, strict=True)])


def distance(x, output, bounded):
    """Return D, averaged over features: (..., F), (..., F) -> (...)."""
    if bounded:
        p = expit(output)
        return -(x * np.log(p) + (1 - x) * np.log(1 - p)).mean(-1)
    return (0.5 * (x - output) ** 2).mean(-1)


def si_penalty(si):
    omega, theta, anchor = in_numpy(si.importance, vector(si.held), si.anchor)
    return si.strength * (omega * (theta - anchor) ** 2).sum()


def replayed_outputs(hand, replayed, noise, temperature=2.0):
    """Return z, q's mean and log-variance, x' (as decoder output) and soft target of a replayed batch."""
    x, scores, _ = in_numpy(*replayed)
    target = np.zeros((len(x), 8))
    target[:, : scores.shape[1]] = softmax(scores / temperature, axis=1)
    mean, log_variance, z = hand.encode(x, noise[: len(x)].double().numpy())
    output = hand.decode(z, target @ hand.w["gates.first"], target @ hand.w["gates.second"])
    return x, z, mean, log_variance, output, target


def exaggeration_by_hand(hand, replayed, noise, bounded, f, reading, means=None):
    """Return RR and RA by plain loops over samples and classes."""
    x, _, _, _, output, _ = replayed_outputs(hand, replayed, noise)
    p = softmax(in_numpy(replayed.scores)[0] / reading.temperature, axis=1)
    labels, classes = p.argmax(1), range(p.shape[1])
    if means is None:
        means = {c: x[labels == c].mean(0) for c in classes if (labels == c).any()}

    def far(c, i):
        if reading.distance == "squared" or (reading.distance == "model" and not bounded):
            d = distance(means[c], expit(output[i]) if bounded else output[i], bounded=False)
        else:
            d = distance(means[c] if bounded else expit(means[c]), output[i], bounded=True)
        return d * (1 if reading.reduction == "mean" else 6)

    pairs, passed = [], False
    for i, label in enumerate(labels):
        others = sorted((c for c in classes if c != label), key=lambda c: -p[i, c])
        if f == "none":
            rivals = others[:1]
        else:
            rivals = [c for c in others if p[i, c] > p[i, label] / f]
            rivals = rivals[:1] if reading.competitors == "runner_up" else rivals
        passed = passed or bool(rivals)
        entropy = -(p[i] * np.log(p[i])).sum()
        weight = {
            "off": lambda c: 1.0,
            "label": lambda c, i=i, label=label: p[i, label],
            "label_rival": lambda c, i=i, label=label: p[i, label] * p[i, c],
            "entropy": lambda c, entropy=entropy: 1 - entropy / np.log(len(classes)),
        }[reading.confidence]
        present = [(weight(c), far(c, i)) for c in rivals if c in means]
        if present:
            pairs.append(present)
    over_samples = np.sum if reading.reduction == "total" else np.mean
    plain = [np.mean([w * d for w, d in present]) for present in pairs]
    rr = {
        "mean_inverse": over_samples([np.mean([w / d for w, d in present]) for present in pairs]),
        "inverse_mean": 1 / over_samples(plain),
        "negative": -over_samples(plain),
    }[reading.repulsion]
    ra = over_samples([far(label, i) for i, label in enumerate(labels)])
    return rr, ra if passed or reading.attraction == "every" else 0.0, len(pairs)


def exaggeration_alone(method, x, y, rr, ra):
    """Return what the two weights add to the loss, all random draws being fixed."""

    def loss(rr, ra):
        method.settings = dataclasses.replace(method.settings, lambda_rr=rr, lambda_ra=ra)
        return method.loss(x, y).item()

    return loss(rr, ra) - loss(0.0, 0.0)
