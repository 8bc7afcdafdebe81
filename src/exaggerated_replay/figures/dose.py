"""What exaggeration changes, over the weight with which it acts (dose-response)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from exaggerated_replay.analysis.questions.effects import effects
from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.style import (
    BASELINE,
    DOUBLE,
    INK,
    OTHERS,
    PANELS,
    TREATMENT,
    data_name,
    dots,
    house_style,
    key,
)
from exaggerated_replay.planning.study_plan import Cell

LOSSES = {(True, False): "RR alone", (False, True): "RA alone", (True, True): "RR and RA"}
LOOKS = {"RR alone": (OTHERS[3], "s"), "RA alone": (BASELINE, "D"), "RR and RA": (TREATMENT, "o")}
ASIDE = 1.35
PAPER_INPUTS = 1024
MARKS = {
    "means": paper.WEIGHT,
    "sums": paper.WEIGHT * PAPER_INPUTS,
    "totals": paper.WEIGHT * PAPER_INPUTS * paper.SIZE["replay_batch"],
}
"""The paper's weight of RA in units of the mean reconstruction, by what its sums are over at the paper's size."""


@house_style()
def draw(study: Study, grid: str) -> Figure:
    """Draw the paired differences of a grid over the weight of the exaggeration losses, each kind of loss a line.

    Args:
        study: Plan and records.
        grid: A grid that varies lambda_rr or lambda_ra.

    Returns:
        A figure two columns wide: means with 95 % intervals (Student's t), dots for single seeds. The paper's weight
        is marked under each reading of the sums in its equations.

    Raises:
        UserError: If the grid cannot be compared.
    """
    found = effects(study, grid)
    inputs = next(iter(study.records.values())).problem["inputs"]
    acting = {cell: weights(study.cell(cell), inputs) for cell in found["cell"].unique()}
    kinds = {cell: LOSSES.get((rr > 0, ra > 0)) for cell, (rr, ra) in acting.items()}
    found = found.assign(
        kind=found["cell"].map(kinds), weight=found["cell"].map({cell: ra or rr for cell, (rr, ra) in acting.items()})
    ).dropna(subset="kind")
    shown = [kind for kind in LOOKS if kind in set(found["kind"])]
    figure = Figure(figsize=(DOUBLE, 2.5), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for axes, (metric, title) in zip(panels, PANELS.items(), strict=True):
        axes.axhline(0, color=INK, linewidth=0.8, zorder=1)
        for number, kind in enumerate(shown):
            own = found[found["kind"] == kind]
            _line(axes, own["weight"], own[metric], kind, aside=ASIDE ** (number - (len(shown) - 1) / 2))
        axes.set_title(title, pad=13)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=8))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.grid(axis="y")
        for name, weight in MARKS.items():
            axes.axvline(weight, color=INK, linewidth=0.7, linestyle=":", zorder=1)
            axes.text(weight, 1.02, name, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=7)
    figure.supxlabel("weight of the loss, in units of the mean reconstruction loss (log scale)")
    panels[0].set_ylabel(f"difference on {data_name(study.plan)} (points)")
    handles = [Line2D([], [], color=LOOKS[kind][0], marker=LOOKS[kind][1], markersize=4) for kind in shown]
    handles.append(Line2D([], [], color=INK, linewidth=0.7, linestyle=":"))
    key(figure, handles, [*shown, "the paper's weight of RA, if its losses are means, sums or totals"])
    return figure


def weights(cell: Cell, inputs: int) -> tuple[float, float]:
    """Return the weights of RR and RA as they act, in units of the mean reconstruction loss.

    Sums over features make RA weigh as many times as much, and those over samples again. RR is inverted, and so as many
    times as little; but where each sample has its own inverse (`mean_inverse`), their sum over samples weighs more.
    """
    method = cell.method
    reading = method.get("reading") or {}
    reduction = reading.get("reduction", "mean")
    features = 1 if reduction == "mean" else inputs
    samples = cell.setting("training.replay_batch") if reduction == "total" else 1
    attracts = features * samples
    repels = {"mean_inverse": samples / features, "inverse_mean": 1 / attracts, "negative": attracts}
    rec = method.get("lambda_rec", 1) or 1
    rr, ra = method.get("lambda_rr", 0) / rec, method.get("lambda_ra", 0) / rec
    return rr * repels[reading.get("repulsion", "mean_inverse")], ra * attracts


def _line(axes: Axes, weight: pd.Series, difference: pd.Series, kind: str, *, aside: float) -> None:
    """Plot one kind of loss, its weights times `aside` so that lines of the same weights lie side by side."""
    colour, marker = LOOKS[kind]
    dots(axes, weight * aside, difference, colour)
    means = {x: estimate(difference[weight == x]) for x in sorted(set(weight))}
    centre = np.array([mean.mean for mean in means.values()])
    reach = np.nan_to_num([mean.high - mean.mean for mean in means.values()])
    axes.errorbar(
        aside * np.array(list(means)), centre, reach, color=colour, marker=marker, markersize=3.5, elinewidth=0.9
    )
