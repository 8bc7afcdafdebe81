"""How good generated samples are, class by class, in the space of the inputs (features, where an encoder made them)."""

import torch
from torch import Tensor

NEIGHBOURS = 3  # k of precision and recall


class RealSamples:
    """Real samples of each class, and what of their side of the comparison never changes."""

    def __init__(self, x: Tensor, neighbours: int = NEIGHBOURS) -> None:
        """Take m samples of each of C classes, (C, m, inputs), and the number k of neighbours."""
        self.x = x
        self.neighbours = neighbours
        self.variance, self.mean = torch.var_mean(x, 1, correction=0)  # (C, inputs) each
        self.radii = radii(x, neighbours)  # (C, m)
        self.centre = self.mean.unsqueeze(1)

    def frechet(self, generated: Tensor) -> Tensor:
        """Return the Frechet distance between Gaussians with *diagonal* covariances, of each class.

        |m1 - m2|^2 + sum (s1 - s2)^2, with means and standard deviations over samples, summed over the inputs. Full
        covariances cannot be told from a few dozen samples.

        Args:
            generated: (S, n, inputs), n samples of each of the first S classes.

        Returns:
            (S,), in squared units of the inputs.
        """
        variance, mean = torch.var_mean(generated, 1, correction=0)
        real_mean, real_variance = self.mean[: len(mean)], self.variance[: len(mean)]
        return (mean - real_mean).square().sum(1) + (variance.sqrt() - real_variance.sqrt()).square().sum(1)

    def precision_recall(self, generated: Tensor) -> tuple[Tensor, Tensor]:
        """Return precision and recall of each class (Kynkaanniemi et al., 2019).

        Precision is the share of generated samples that lie no further from some real sample than that one's k-th
        real neighbour does; recall the same with the two sets exchanged.

        Args:
            generated: (S, n, inputs), n samples of each of the first S classes.

        Returns:
            Twice (S,), from 0 to 1; nan where a set has no more than k samples.
        """
        seen = len(generated)
        # About the class's mean, because distances are taken by way of squares, which lose digits far from zero.
        between = torch.cdist(generated - self.centre[:seen], self.x[:seen] - self.centre[:seen])  # (S, n, m)
        precision = share_within(between, self.radii[:seen])
        recall = share_within(between.transpose(1, 2), radii(generated, self.neighbours))
        return precision, recall


def radii(samples: Tensor, neighbours: int) -> Tensor:
    """Return each sample's distance to its k-th neighbour of the same class: (C, n, inputs) -> (C, n)."""
    if samples.shape[1] <= neighbours:
        return samples.new_full(samples.shape[:2], torch.nan)
    centred = samples - samples.mean(1, keepdim=True)
    return torch.cdist(centred, centred).kthvalue(neighbours + 1, dim=2).values  # the first is the sample itself


def share_within(distances: Tensor, radii: Tensor) -> Tensor:
    """Return the share of rows that lie within some column's radius: (C, n, m), (C, m) -> (C,)."""
    within = (distances <= radii.unsqueeze(1)).any(2).float().mean(1)
    return torch.where(radii.isnan().any(1), torch.nan, within)
