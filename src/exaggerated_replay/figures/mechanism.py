"""What the losses do inside the network: competing classes, similarity, replay and gradients, over tasks."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.study.tables import read_table
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures.colours import INK, MUTED, cell_colours, line_looks
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.marks import of_seeds
from exaggerated_replay.figures.naming import cell_name
from exaggerated_replay.figures.sheet import key, panels
from exaggerated_replay.planning.study_plan import StudyPlan

MOST = 4  # cells shown: more lines cannot be told apart
LINE: dict[str, Any] = {"markersize": 2.6, "linewidth": 1.2}
FIRST: dict[str, Any] = {"markersize": 4.2, "linewidth": 2.6}
"""The look of the first line, which shows where another coincides."""
RATIO = "_to_reconstruction"
"""How the columns end that are drawn on a logarithmic axis."""
PLACES = {"task": "after task", "age": "tasks learned since"}
"""What lines go over: column -> label of the axis."""


class Panel(NamedTuple):
    """What one panel shows.

    Attributes:
        title: Its letter and title.
        label: Of its y axis.
        table: Of mechanism.
        y: The column that is drawn.
        unchanged: Its value where nothing changes, which has a line.
        x: The column that it is drawn over, one of `PLACES`.
        space: Of which space alone, where the table has several.
    """

    title: str
    label: str
    table: str
    y: str
    unchanged: float
    x: str = "task"
    space: str = ""


APART, PULL = "change of relative distance", "norm / that of reconstruction"
PANELS = (
    Panel("a  competing classes, hidden", APART, "distances", "difference", 0, space="hidden"),
    Panel("b  competing classes, output", APART, "distances", "difference", 0, space="reconstruction"),
    Panel("c  similarity of hidden layers", "CKA with the baseline", "similarity", "cka", 1),
    Panel("d  replayed and real samples", "change of Fréchet distance", "replay_quality", "difference", 0, x="age"),
    Panel("e  gradient of repulsion", PULL, "gradients", f"repulsion{RATIO}", 1),
    Panel("f  gradient of attraction", PULL, "gradients", f"attraction{RATIO}", 1),
)


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
    figure, axes_of_panels = panels(4.25, 3, 2)
    for axes, panel in zip(axes_of_panels.flat, PANELS, strict=True):
        _panel(axes, panel, tables.get(panel.table), looks)
    distances = tables["distances"]
    bands = of_seeds(distances.loc[distances["cell"].isin(looks), "seeds"], band=True, single=False, margin=False)
    lines_shown = [Line2D([], [], **look) for look in looks.values()]
    key(figure, [*lines_shown, *bands.values()], [*(cell_name(plan, cell) for cell in looks), *bands])
    return figure


def _panel(axes: Axes, panel: Panel, table: pd.DataFrame | None, looks: Mapping[str, Mapping[str, Any]]) -> None:
    """Draw a panel; one without any line says so."""
    there = table[table["space"] == panel.space] if table is not None and panel.space else table
    lines(axes, there, panel.x, panel.y, looks)
    axes.set_title(panel.title)
    if not axes.lines:
        axes.text(0.5, 0.5, "nothing to show", transform=axes.transAxes, ha="center", color=INK)
        axes.set_axis_off()
        return
    axes.set_ylabel(panel.label)
    axes.set_xlabel(PLACES[panel.x])
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.axhline(panel.unchanged, color=MUTED if panel.unchanged else INK, linewidth=0.8, zorder=1)
    if panel.y.endswith(RATIO):
        _ratio_axis(axes)


def _ratio_axis(axes: Axes) -> None:
    """Set a logarithmic y axis for all that is drawn already; a linear one where that would have one mark."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 10 * low:
        axes.set_yscale("linear")
    elif high < 100 * low:  # powers of ten alone would be one mark or two
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.minorticks_off()


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
    """Give each cell its colour, and a marker and stroke that tell it from others; the first is wide."""
    colours = cell_colours(plan)
    looks = line_looks({cell: colours[cell] for cell in cells})
    return {cell: {**look, **(LINE if number else FIRST)} for number, (cell, look) in enumerate(looks.items())}


def lines(axes: Axes, table: pd.DataFrame | None, x: str, y: str, looks: Mapping[str, Mapping[str, Any]]) -> None:
    """Plot one column over another, a line per cell, with its interval as a band where the table has that of it.

    Ratios that are 0 are those of losses without weight, and left out.
    """
    if table is None or y not in table:
        return
    for cell, look in looks.items():
        own = table[(table["cell"] == cell) & table[y].notna()]
        own = own[own[y] != 0] if y.endswith(RATIO) else own
        if len(own):
            axes.plot(own[x], own[y], **look)
            if "low" in own and y in ("difference", "cka"):
                ends = own[["low", "high"]].clip(0, 1) if y == "cka" else own[["low", "high"]]
                axes.fill_between(own[x], ends["low"], ends["high"], color=look["color"], alpha=0.15, linewidth=0)
