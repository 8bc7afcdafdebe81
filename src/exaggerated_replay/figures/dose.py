"""What exaggeration changes, over the weight with which it acts (dose-response)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullLocator

from exaggerated_replay.analysis.questions.effects import effects
from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.words import TITLES
from exaggerated_replay.figures.colours import INK, arm_colours, line_looks
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.marks import dots, means, of_seeds, shade_margin
from exaggerated_replay.figures.naming import arm_name, data_name
from exaggerated_replay.figures.sheet import below, key, panels
from exaggerated_replay.planning.questions import DOSES
from exaggerated_replay.planning.study_plan import Cell, StudyPlan

BOTH = "RR and RA (RA's weight)"
LOSSES = {(True, False): "RR alone", (False, True): "RA alone", (True, True): BOTH}
MARKERS = {"RR alone": "s", "RA alone": "D", BOTH: "o"}
MARK: dict[str, Any] = {"color": INK, "linewidth": 0.7, "linestyle": ":"}
"""The look of a weight of the paper's."""
ASIDE = 1.35
PAPER_INPUTS = 1024
MARKS = {
    "means": paper.WEIGHT,
    "sums": paper.WEIGHT * PAPER_INPUTS,
    "totals": paper.WEIGHT * PAPER_INPUTS * paper.SIZE["training.replay_batch"],
}
"""The paper's weight of RA in units of the mean reconstruction, by what its sums are over at the paper's size."""


class Line(NamedTuple):
    """Cells that differ in nothing but the weight of their losses.

    Attributes:
        name: Which losses they have, and of which arm most of them are where another line has the same losses.
        look: In the colour of that arm, with a marker for the losses.
        effects: What they change, seed by seed, with the weight that acts.
    """

    name: str
    look: Mapping[str, Any]
    effects: pd.DataFrame


@house_style()
def draw(study: Study, grid: str) -> Figure:
    """Draw the paired differences of a grid over the weight of the exaggeration losses, each kind of loss a line.

    Args:
        study: Plan and records.
        grid: A grid that varies lambda_rr or lambda_ra.

    Returns:
        A figure two columns wide: means with 95 % intervals (Student's t), dots for single seeds. Where the
        paper speaks of the study, its weight of RA is marked under each reading of the sums in its equations; that of
        RR would stand elsewhere.

    Raises:
        UserError: If the grid cannot be compared.
    """
    found = effects(study, grid)
    inputs = next(iter(study.records.values())).problem["inputs"]
    acting = {cell: weights(study.cell(cell), inputs) for cell in found["cell"].unique()}
    kinds = {cell: LOSSES.get((rr > 0, ra > 0)) for cell, (rr, ra) in acting.items()}
    found = found.assign(
        kind=found["cell"].map(kinds),
        rest=found["cell"].map({cell: json.dumps(study.cell(cell).without(*DOSES), sort_keys=True) for cell in acting}),
        weight=found["cell"].map({cell: ra or rr for cell, (rr, ra) in acting.items()}),
    ).dropna(subset="kind")
    lines = _lines(study.plan, found)
    marks = MARKS if paper.speaks_of(study.plan) and {*found["kind"]} != {"RR alone"} else {}
    figure, ((*axes_of_metrics,),) = panels(2.5, len(TITLES), sharex=True, sharey=True)
    for axes, (metric, title) in zip(axes_of_metrics, TITLES.items(), strict=True):
        axes.set_title(title, pad=13 if marks else None)
        shade_margin(axes, study.plan.rules.margins.of(metric))
        _panel(axes, lines, metric)
        for name, weight in marks.items():
            axes.axvline(weight, **MARK, zorder=1)
            axes.text(weight, 1.02, name, transform=axes.get_xaxis_transform(), ha="center", va="bottom", fontsize=7)
    unit = "in units of the mean reconstruction loss"
    below(figure, f"weight of the loss, {unit} (log scale), on {data_name(study.plan)}")
    axes_of_metrics[0].set_ylabel("difference (percentage points)")
    _key(figure, lines, marked=bool(marks))
    return figure


def _lines(plan: StudyPlan, found: pd.DataFrame) -> list[Line]:
    """Return the lines, each named with its arm where another is of the same kind."""
    parts = [
        (kind, own["arm"].mode()[0], own)
        for kind in MARKERS
        for _, own in found[found["kind"] == kind].groupby("rest", sort=False)
    ]
    kinds, colours = [kind for kind, *_ in parts], arm_colours(plan)
    names = [kind if kinds.count(kind) == 1 else f"{kind}, {arm_name(plan, arm)}" for kind, arm, _ in parts]
    looks = line_looks({name: colours[arm] for name, (_, arm, _) in zip(names, parts, strict=True)})
    return [
        Line(name, looks[name] | {"marker": MARKERS[kind]}, own)
        for name, (kind, _, own) in zip(names, parts, strict=True)
    ]


def _panel(axes: Axes, lines: Sequence[Line], metric: str) -> None:
    """Plot one metric of every line over the logarithm of the weight."""
    for number, (_, look, own) in enumerate(lines):
        aside = ASIDE ** (number - (len(lines) - 1) / 2)
        dots(axes, own["weight"] * aside, own[metric], look["color"])
        means(axes, own["weight"], own[metric], look, aside=aside)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(numticks=8))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="y")


def _key(figure: Figure, lines: Sequence[Line], *, marked: bool) -> None:
    """Explain the lines, and what is marked."""
    others = of_seeds(count for line in lines for count in line.effects.groupby("weight").size())
    if marked:
        others["the paper's weight of RA for means, sums, totals"] = Line2D([], [], **MARK)
    handles = [Line2D([], [], **line.look, markersize=4) for line in lines]
    key(figure, [*handles, *others.values()], [*(line.name for line in lines), *others])


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
