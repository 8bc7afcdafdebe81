"""Accuracy against the number of iterations per task, and what the losses change of it (Fig. 3)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exaggerated_replay.analysis.questions.effects import effects
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.words import TITLES
from exaggerated_replay.figures.colours import arm_colours, line_looks
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.marks import ALL_ZERO, banded, dots, means, of_seeds, shade_margin
from exaggerated_replay.figures.naming import arm_name, data_name
from exaggerated_replay.figures.sheet import below, key, log_axis, panels
from exaggerated_replay.planning.study_plan import StudyPlan

LENGTH = "training.iterations"
Looks = Mapping[str, Mapping[str, Any]]
"""Arm -> its look; see `line_looks`."""


@house_style()
def draw(study: Study, grid: str) -> Figure:
    """Draw Fig. 3: first 20 %, first 50 % and overall accuracy over iterations, each arm a line; differences below.

    Lines are means over seeds, bands and bars their 95 % confidence intervals (Student's t), dots single seeds.

    Args:
        study: Plan and records.
        grid: A grid whose cells differ in their iterations.

    Returns:
        A figure two columns wide; without any difference, the upper row alone.

    Raises:
        UserError: If the grid is unknown, a cell has no run, or a pair shares no seed or mixes devices.
    """
    changed = effects(study, grid)
    cells = [study.cell(row.cell) for row in study.plan.grid(grid)]
    lengths = {cell.name: cell.setting(LENGTH) for cell in cells}
    found = pd.concat(study.cell_runs(cell.name).assign(arm=cell.arm, iterations=lengths[cell.name]) for cell in cells)
    looks = line_looks({arm: colour for arm, colour in arm_colours(study.plan).items() if arm in set(found["arm"])})
    figure, rows = panels(*((3.7, len(TITLES), 2) if len(changed) else (2.4, len(TITLES))), sharex=True)
    _accuracies(rows[0], study.plan, found, looks)
    if len(changed):
        _differences(rows[1], study.plan, changed.assign(iterations=changed["cell"].map(lengths)), looks)
    nothing = len(changed) and changed[[*TITLES]].eq(0).to_numpy().all()
    lengths_said = "iterations per task (log scale)"
    below(figure, f"{lengths_said}\n{ALL_ZERO}" if nothing else lengths_said)
    lines = {line.get_label(): line for line in rows[0][0].lines}
    names = [arm_name(study.plan, arm) for arm in looks]
    others = of_seeds(found.groupby(["arm", "iterations"])["overall"].count(), band=True, margin=len(changed) > 0)
    key(figure, [*(lines[name] for name in names), *others.values()], [*names, *others])
    return figure


def _accuracies(row: Sequence[Axes], plan: StudyPlan, found: pd.DataFrame, looks: Looks) -> None:
    """Plot what each arm reached, a panel for each metric."""
    for axes, (metric, title) in zip(row, TITLES.items(), strict=True):
        for k, (arm, look) in enumerate(looks.items()):
            own = found[found["arm"] == arm]
            dots(axes, own["iterations"], own[metric], look["color"], aside=5 * (k - (len(looks) - 1) / 2))
            of_length = dict(iter(own.groupby("iterations")[metric]))
            banded(axes, of_length, look, arm_name(plan, arm), above=len(looks) - 1 - k)
        axes.set_title(title)
        log_axis(axes, found["iterations"])
        axes.margins(x=0.08)
        axes.grid(axis="y")
    row[0].set_ylabel(f"accuracy on {data_name(plan)} (%)")


def _differences(row: Sequence[Axes], plan: StudyPlan, changed: pd.DataFrame, looks: Looks) -> None:
    """Plot what each arm changes, on one scale."""
    for axes, metric in zip(row, TITLES, strict=True):
        axes.sharey(row[0])
        shade_margin(axes, plan.rules.margins.of(metric))
        for arm in changed["arm"].unique():
            own = changed[changed["arm"] == arm]
            dots(axes, own["iterations"], own[metric], looks[arm]["color"], aside=5)
            means(axes, own["iterations"], own[metric], looks[arm])
        axes.grid(axis="y")
    row[0].set_ylabel("difference\n(percentage points)")
