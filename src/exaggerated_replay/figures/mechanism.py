"""What the losses do inside the network: competing classes, similarity, replay and gradients, over tasks."""

from collections import Counter
from collections.abc import Mapping, Sequence
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
from exaggerated_replay.figures.style import INK, MUTED, cell_colours, cell_name, house_style, key, panels
from exaggerated_replay.planning.study_plan import StudyPlan

MOST = 4  # cells shown: more lines cannot be told apart
LINE: dict[str, Any] = {"markersize": 2.6, "linewidth": 1.2}
KINDS = (("-", "o"), ("--", "s"), (":", "D"), ("-.", "^"))
"""Lines and markers of cells that share their colour."""


def of_study(study: Study, folder: Path) -> Figure | None:
    """Draw the tables that lie in a study's folder; None where it has none of distances."""
    read = {path.stem: read_table(path) for path in folder.glob("mechanism/*.csv")}
    # Where a study was changed since, its tables may have cells of other names.
    tables = {name: table[table["cell"].isin(study.plan.cells)] for name, table in read.items()}
    return draw(study.plan, tables) if "distances" in tables else None


@house_style()
def draw(plan: StudyPlan, tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw the tables of mechanism: the cell in focus, and the cells that differ most from their baseline.

    Panels a, b and d show paired differences from the baseline's run of the same seed, length and strength, so that
    cells of several lengths can stand side by side; lines are means over seeds, bands 95 % confidence intervals.

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
    looks = looks_of(plan, chosen_cells(plan, tables))
    figure, axes_of_panels = panels(4.1, 3, 2)
    a, b, c, d, e, f = axes_of_panels.flat
    for axes, space, title in (
        (a, "hidden", "a  competing, hidden"),
        (b, "reconstruction", "b  competing, reconstructed"),
    ):
        there = tables["distances"]
        lines(axes, there[there["space"] == space], "task", "difference", looks)
        axes.set_title(title)
        axes.set_ylabel("change of distance / mean")
    lines(c, tables.get("similarity"), "task", "cka", looks)
    c.set_title("c  likeness of hidden layers")
    c.set_ylabel("CKA with the baseline")
    lines(d, tables.get("replay_quality"), "age", "difference", looks)
    d.set_title("d  replayed and real samples")
    d.set_ylabel("change of Fréchet distance")
    for axes, loss, title in ((e, "repulsion", "e  pull of repulsion"), (f, "attraction", "f  pull of attraction")):
        lines(axes, tables.get("gradients"), "task", f"{loss}_to_reconstruction", looks)
        axes.set_title(title)
        axes.set_ylabel("gradient / reconstruction's")
        if axes.lines:
            axes.set_yscale("log")
            axes.yaxis.minorticks_off()
    for axes, level in ((a, 0), (b, 0), (c, 1), (d, 0), (e, 1), (f, 1)):
        axes.set_xlabel("tasks learned since" if axes is d else "after task")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        if axes.lines:
            axes.axhline(level, color=INK if level == 0 else MUTED, linewidth=0.8, zorder=1)
        else:
            axes.text(0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center", color=INK)
            axes.set_yticks([])
    key(
        figure,
        [Line2D([], [], **look) for look in looks.values()],
        [cell_name(plan, cell) for cell in looks],
    )
    return figure


def chosen_cells(plan: StudyPlan, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Choose the cells to draw: the focus, then networks of its size, those of the first grid before others.

    Of several, those with the least similar hidden layers come first. What is its own baseline shows no difference.
    """
    distances = tables["distances"]
    changed = distances["space"].eq("reconstruction") & distances["difference"].notna()
    replaying = list(dict.fromkeys(distances.loc[changed, "cell"]))
    units = {cell: plan.cells[cell].setting("model.units") for cell in [plan.focus, *replaying]}
    final = tables["similarity"].groupby("cell")["cka"].last().to_dict() if "similarity" in tables else {}
    first = {row.cell for row in plan.grids[plan.order[0]]}

    def place(cell: str) -> tuple[bool, bool, bool, float]:
        return cell != plan.focus, units[cell] != units[plan.focus], cell not in first, final.get(cell, 1.0)

    return sorted(replaying, key=place)[:MOST]


def looks_of(plan: StudyPlan, cells: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Give each cell its colour, and a line and marker that tell it from others of the same colour."""
    colours, met = cell_colours(plan), Counter[str]()
    looks: dict[str, dict[str, Any]] = {}
    for cell in cells:
        line, marker = KINDS[met[colours[cell]]]
        looks[cell] = {**LINE, "color": colours[cell], "linestyle": line, "marker": marker}
        met[colours[cell]] += 1
    return looks


def lines(axes: Axes, table: pd.DataFrame | None, x: str, y: str, looks: Mapping[str, Mapping[str, Any]]) -> None:
    """Plot one column over another, a line per cell, with its interval as a band where the table has that of it.

    Ratios that are 0 are those of losses without weight, and left out; the first line is wide, so that it shows where
    another coincides.
    """
    if table is None or y not in table:
        return
    for number, (cell, look) in enumerate(looks.items()):
        own = table[(table["cell"] == cell) & table[y].notna()]
        own = own[own[y] != 0] if y.endswith("_to_reconstruction") else own
        if len(own):
            wide = {} if number else {"linewidth": 2.6, "markersize": 4.2}
            axes.plot(own[x], own[y], **{**look, **wide})
            if "low" in own and y in ("difference", "cka"):
                high = own["high"].clip(upper=1) if y == "cka" else own["high"]
                axes.fill_between(own[x], own["low"], high, color=look["color"], alpha=0.15, linewidth=0)
