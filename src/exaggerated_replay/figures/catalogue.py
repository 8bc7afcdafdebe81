"""Which figures a study has, and drawing them all in one go.

Choosing costs nothing: modules that draw are imported when they draw.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exaggerated_replay.analysis.folder import keep
from exaggerated_replay.analysis.outputs import IMAGE_KINDS
from exaggerated_replay.places import PROVENANCE
from exaggerated_replay.planning.drawing import kinds_of

if TYPE_CHECKING:
    from exaggerated_replay.analysis.runs import Study

FROM_SETTINGS = ("architecture",)
FROM_MORE = ("competing_classes", "mechanism")
"""Figures that need more than records: a checkpoint, or tables of traces."""


def figures_of(plan: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Choose the figures of a study.

    Args:
        plan: As `plan.json` holds it.

    Returns:
        Name of each figure -> its kind, which is its module, and the grid that it shows.
    """
    methods = [cell["config"]["method"] for cell in plan["cells"].values()]
    chosen: dict[str, tuple[str, str | None]] = {name: (name, None) for name in ("accuracy_matrix", "forgetting")}
    if any("gate_proportion" in method for method in methods):
        chosen["architecture"] = ("architecture", None)
    return chosen | {grid: (kind, grid) for grid, kind in kinds_of(plan).items()}


def figure_files(plan: Mapping[str, Any]) -> list[str]:
    """Return the files of a study's figures, relative to its folder."""
    return [f"figures/{figure}.{kind}" for figure in figures_of(plan) for kind in IMAGE_KINDS]


def draw_all(study: "Study", folder: Path) -> None:
    """Draw every figure of a study and save it as `figures/NAME.{png,pdf,svg}` below a folder.

    The figures that need more than records stay as they were where that is not here. Where no run reached its end,
    each says so.
    """
    from exaggerated_replay.analysis.runs import FINISHED
    from exaggerated_replay.figures.style import nothing, save

    ended = study.runs["status"].eq(FINISHED).any()

    def draw(name: str, kind: str, shown: Any) -> None:
        drawing = import_module(f"exaggerated_replay.figures.{kind}")
        figure = drawing.of_study(study, shown) if ended or kind in FROM_SETTINGS else nothing()
        if figure is None:
            keep(folder, f"figures/{name}.*", PROVENANCE, "runs")
        else:
            save(figure, [folder / "figures" / f"{name}.{image}" for image in IMAGE_KINDS])

    for name, (kind, grid) in figures_of(study.plan).items():
        draw(name, kind, grid)
    for kind in FROM_MORE if ended else ():
        draw(kind, kind, folder)
