"""First classes against all classes, over the strength of consolidation: does an effect lie beyond the trade-off?"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from exaggerated_replay.analysis.questions.effects import levels
from exaggerated_replay.analysis.statistics.paired import estimate
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.colours import INK, arm_colours, line_looks
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.marks import WITHIN, of_seeds
from exaggerated_replay.figures.naming import arm_name, data_name
from exaggerated_replay.figures.sheet import SINGLE, key, sheet, short_number
from exaggerated_replay.planning.questions import STRENGTH

ROOM = 0.1
"""Of the picture's width or height between two names of c: of those that are nearer, only the first is written."""
CORNERS = np.array([(-1, -1), (1, 1), (1, -1), (-1, 1)])
"""Where a name may stand beside its point: to the left or right of it, below or above it."""
NAME = np.array([0.08, 0.05])
"""From a point to the middle of its name, of the picture's width and height."""


@house_style()
def draw(study: Study, grid: str) -> Figure:
    """Draw accuracy on the first 20 % of classes against accuracy on all of them, a line per arm over c.

    Args:
        study: Plan and records; its baseline's frontier is drawn.
        grid: A grid that varies the strength c of synaptic intelligence, for the baseline too.

    Returns:
        A figure one column wide: means over seeds with 95 % intervals (Student's t) on both axes, arrows from the
        baseline to the others at the same c. What lies in the shaded part, the baseline reaches or exceeds on both axes
        at some c, or by lot between two: an effect counts beyond it.

    Raises:
        UserError: If the grid is unknown, or a cell has no run.
    """
    found = levels(study, grid)
    baseline = study.plan.study.baseline
    arms = sorted(found["arm"].unique(), key=lambda arm: (arm != baseline, arm))
    colours = arm_colours(study.plan)
    looks = line_looks({arm: colours[arm] for arm in arms})
    points = found.assign(c=found[STRENGTH].astype(float)).groupby(["arm", "c"])[["overall", "first20"]]
    means, reach = points.mean(), points.agg(_reach).fillna(0)
    figure = sheet(SINGLE, 3.1)
    axes = figure.subplots()
    for arm in arms:
        line, (right, up) = means.loc[arm], reach.loc[arm].to_numpy().T
        across: dict[str, Any] = {"fmt": "none", "ecolor": colours[arm], "elinewidth": 0.7, "alpha": 0.55}
        axes.errorbar(line["overall"], line["first20"], up, right, **across)
        axes.plot(line["overall"], line["first20"], **looks[arm], markersize=4, linewidth=0.9)
    axes.set_xlabel(f"accuracy, all classes of {data_name(study.plan)} (%)")
    axes.set_ylabel("accuracy, first 20 % of classes (%)")
    axes.grid()
    axes.margins(0.14)
    axes.set(xlim=(max(0, axes.get_xlim()[0]), None), ylim=(max(0, axes.get_ylim()[0]), None))
    if baseline in arms:
        _same_strength(axes, means, baseline)
        _shade(axes, outline(means.loc[baseline].to_numpy()))
    lines = [Line2D([], [], **look, markersize=4) for look in looks.values()]
    others = of_seeds(points.size(), single=False, margin=False)
    others[f"reached by {arm_name(study.plan, baseline)}, by its means"] = Patch(**WITHIN)
    key(figure, [*lines, *others.values()], [*(arm_name(study.plan, arm) for arm in looks), *others])
    return figure


def _reach(values: pd.Series) -> float:
    """Return how far the 95 % interval of a mean reaches to each side; nan where there is none."""
    found = estimate(values)
    return found.high - found.mean


def undominated(points: np.ndarray) -> np.ndarray:
    """Return those of the points [n, 2] that no other exceeds on both axes, from left to right."""
    kept: list[np.ndarray] = []
    for point in points[np.lexsort((points[:, 1], points[:, 0]))][::-1]:
        if not kept or point[1] > kept[-1][1]:
            kept.append(point)
    return np.array(kept[::-1])


def outline(points: np.ndarray) -> np.ndarray:
    """Return the corners, from left to right, of what points [n, 2] and straight lines between them reach."""
    kept: list[np.ndarray] = []
    for point in undominated(points):
        while len(kept) > 1 and np.linalg.det([kept[-1] - kept[-2], point - kept[-1]]) >= 0:  # no turn to the right
            kept.pop()
        kept.append(point)
    return np.array(kept)


def apart(points: np.ndarray, least: float) -> list[int]:
    """Return which of the points [n, 2], in their order, lie at least so far from the last one returned."""
    kept: list[int] = []
    for number, point in enumerate(points):
        if not kept or np.linalg.norm(point - points[kept[-1]]) >= least:
            kept.append(number)
    return kept


def freest(point: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the corner of a point [2] at which its name lies farthest from the others [n, 2], itself left out."""
    others = others[(others != point).any(axis=1)]
    distances = np.linalg.norm((point + CORNERS * NAME)[:, None] - others, axis=2)
    return CORNERS[distances.min(axis=1).argmax()]


def _same_strength(axes: Axes, means: pd.DataFrame, baseline: str) -> None:
    """Name the c of the baseline's points, and lead from each to what the other arms make of it."""
    base = means.loc[baseline]
    arrow = {"arrowstyle": "-|>", "mutation_scale": 5, "color": INK, "lw": 0.6, "shrinkA": 3, "shrinkB": 3}
    spans = np.ptp([axes.get_xlim(), axes.get_ylim()], axis=1)
    places = base.to_numpy() / spans
    lines = [(places[:-1] + places[1:]) / 2]  # a name should cover no line either
    for arm in means.index.unique("arm").drop(baseline):
        for c, *place in means.loc[arm].itertuples():
            if c in base.index:
                axes.annotate("", tuple(place), tuple(base.loc[c]), arrowprops=arrow)
                lines.append([(place + base.loc[c].to_numpy()) / 2 / spans])
    taken = np.concatenate([means.to_numpy() / spans, *lines])
    for number in apart(places, ROOM):
        right, up = freest(places[number], taken)
        name = short_number(base.index[number])
        axes.annotate(
            name if number else f"c = {name}",
            tuple(base.iloc[number]),
            (4 * right, 3 * up),
            textcoords="offset points",
            ha="left" if right > 0 else "right",
            va="bottom" if up > 0 else "top",
            fontsize=7,
            path_effects=[withStroke(linewidth=1.6, foreground="white")],
        )


def _shade(axes: Axes, best: np.ndarray) -> None:
    """Shade all that the points, and lines between them, reach or exceed on both axes, without a change of the axes."""
    (left, _), (bottom, _) = limits = axes.get_xlim(), axes.get_ylim()
    x, y = np.r_[left, best[:, 0]], np.r_[best[0, 1], best[:, 1]]
    axes.fill_between(x, bottom, y, **WITHIN, zorder=0)
    axes.set(xlim=limits[0], ylim=limits[1])
