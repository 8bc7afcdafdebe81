"""What the losses do inside the network: competing classes, similarity, replay and gradients, over tasks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.study.tables import read_table
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures.style import (
    BASELINE,
    DOUBLE,
    INK,
    MUTED,
    OTHERS,
    TREATMENT,
    cell_name,
    house_style,
    key,
)
from exaggerated_replay.planning.study_plan import StudyPlan

MOST = 5  # cells shown: more lines cannot be told apart
LINE: dict[str, Any] = {"marker": "o", "markersize": 2.6, "linewidth": 1.2}


def of_study(study: Study, folder: Path) -> Figure | None:
    """Draw the tables that lie in a study's folder; None where it has none of distances."""
    tables = {path.stem: read_table(path) for path in folder.glob("mechanism/*.csv")}
    return draw(study.plan, tables) if "distances" in tables else None


@house_style()
def draw(plan: StudyPlan, tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the tables of mechanism: the baseline, the cell in focus, and the cells that differ most from the baseline.

    Solid lines are means over seeds, bands 95 % confidence intervals where a table has one of what is drawn. Panels
    a and b also have, dashed, the pairs of classes that do not compete.

    Args:
        plan: The plan of the study.
        tables: From `mechanism_tables`.

    Returns:
        A figure two columns wide with six panels; one that has nothing to show says so.

    Raises:
        UserError: If there is no table of distances: no run of the study left traces of a replaying network.
    """
    if "distances" not in tables:
        raise UserError("no run of the study has traces of what it replays: train its runs again to have some")
    colours = chosen_cells(plan, tables)
    figure = Figure(figsize=(DOUBLE, 4.1), layout="constrained")
    a, b, c, d, e, f = figure.subplots(2, 3).flat
    for axes, space, title in (
        (a, "hidden", "a  competing, hidden layer"),
        (b, "reconstruction", "b  competing, reconstructed"),
    ):
        in_space = tables["distances"][tables["distances"]["space"] == space]
        lines(axes, in_space, "task", "competing", colours)
        lines(axes, in_space, "task", "others", colours, linestyle="--", marker="", linewidth=0.8)
        axes.set_title(title)
        axes.set_ylabel("distance / mean of all")
    interval(c, tables.get("similarity"), "task", "cka", colours)
    c.set_title("c  likeness of hidden layers")
    c.set_ylabel("CKA with the baseline")
    lines(d, tables.get("replay_quality"), "age", "frechet", colours)
    d.set_title("d  replayed and real samples")
    d.set_ylabel("Fréchet distance")
    for axes, loss, title in ((e, "repulsion", "e  pull of repulsion"), (f, "attraction", "f  pull of attraction")):
        lines(axes, tables.get("gradients"), "task", f"{loss}_to_reconstruction", colours)
        axes.set_title(title)
        axes.set_ylabel("gradient / reconstruction's")
        if axes.lines:
            axes.set_yscale("log")
            axes.yaxis.minorticks_off()
            axes.axhline(1, color=MUTED, linewidth=0.8, zorder=1)
    for axes in figure.axes:
        axes.set_xlabel("tasks learned since" if axes is d else "after task")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        if not axes.lines:
            axes.text(0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center", color=INK)
            axes.set_yticks([])
    entries = {cell_name(plan, cell): {"color": colour} | LINE for cell, colour in colours.items()}
    entries |= {"pairs that do not compete (a, b)": {"color": INK, "linestyle": "--", "linewidth": 0.8}}
    handles = [Line2D([], [], **look) for look in entries.values()]
    key(figure, handles, list(entries))
    return figure


def chosen_cells(plan: StudyPlan, tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Choose the cells to draw, and give each a colour.

    Beside baseline and focus: networks of the focus's size first, then those with the least similar hidden layers.
    """
    distances = tables["distances"]
    replaying = list(dict.fromkeys(distances.loc[distances["space"] == "reconstruction", "cell"]))
    focus = plan.focus
    baseline = next((row.baseline for row in plan.rows if row.cell == focus and row.baseline), plan.study.baseline)
    shown = {baseline: BASELINE, focus: TREATMENT}
    shown = {cell: colour for cell, colour in shown.items() if cell in replaying}
    others = [cell for cell in replaying if cell not in shown]
    units = {cell: plan.cells[cell].setting("model.units") for cell in [focus, *others]}
    final = tables["similarity"].groupby("cell")["cka"].last().to_dict() if "similarity" in tables else {}
    others.sort(key=lambda cell: (units[cell] != units[focus], final.get(cell, 1.0)))
    return shown | dict(zip(others[: MOST - len(shown)], OTHERS, strict=False))


def lines(axes: Axes, table: pd.DataFrame | None, x: str, y: str, colours: Mapping[str, str], **look: Any) -> None:
    """Plot one column over another, a line per cell; the first is wide, so that it shows where another coincides.

    Values that are 0 are those of losses without weight, and left out.
    """
    if table is None or y not in table:
        return
    for number, (cell, colour) in enumerate(colours.items()):
        own = table[(table["cell"] == cell) & table[y].notna() & (table[y] != 0)]
        if len(own):
            wide = {} if number else {"linewidth": 3.2, "markersize": 4.6}
            axes.plot(own[x], own[y], color=colour, **(LINE | wide | look))


def interval(axes: Axes, table: pd.DataFrame | None, x: str, y: str, colours: Mapping[str, str]) -> None:
    """Plot lines with their intervals `low` to `high` as bands, up to 1."""
    if table is None:
        return
    for cell, colour in colours.items():
        own = table[table["cell"] == cell]
        axes.fill_between(own[x], own["low"], own["high"].clip(upper=1), color=colour, alpha=0.15, linewidth=0)
    lines(axes, table, x, y, colours)
