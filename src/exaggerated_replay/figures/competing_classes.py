"""How the competitors of one replayed sample are chosen (Fig. 2)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecBase
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.colours import BASELINE, INK, MUTED, TREATMENT
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.sheet import SINGLE, key, sheet
from exaggerated_replay.places import WEIGHTS
from exaggerated_replay.settings.methods import method_names
from exaggerated_replay.store.records import is_complete
from exaggerated_replay.wording import significant

MOST_NAMED = 4
"""So many competitors are named and shown as pictures; more would not fit a column."""
DECADES = 3
"""The axis reaches so many powers of ten below the label's probability, or below the threshold."""


def of_study(study: Study, folder: Path) -> Figure | None:
    """Draw what a run of a study would replay; None where no run that exaggerates has its checkpoint here.

    Args:
        study: Its cell in focus comes first, if that exaggerates.
        folder: The study's folder, beside which `runs/` lies, or one inside it.
    """
    runs = next((runs for place in folder.absolute().parents[:2] if (runs := place / "runs").is_dir()), folder)
    for cell in sorted(study.plan.cells.values(), key=lambda cell: cell.name != study.plan.focus):
        if "f" not in cell.method or cell.method["method"] not in method_names():  # a file that is not here any more
            continue
        for run in cell.runs:
            directory, record = runs / run.name, study.records[run.name]
            if not (is_complete(directory) and record.counts):  # one that diverged shows nothing
                continue
            from exaggerated_replay.figures.competing_example import competing_example

            example = competing_example(record.written, directory / WEIGHTS)
            if example is None:  # f is something else to this method
                break
            # The last digits are those of this processor.
            return draw({**example, "probabilities": [significant(p) for p in example["probabilities"]]})
    return None


@house_style()
def draw(example: Mapping[str, Any]) -> Figure:
    """Draw Fig. 2: a replayed sample's class probabilities, its label, threshold and competitors.

    The axis is logarithmic: at f = 20 the threshold is a twentieth of the label's probability, too close to
    zero for a linear one. Bars that end below the axis do not show.

    Args:
        example: From `competing_example`: the probabilities [classes seen], label, f and competing classes and, for
            inputs that are images, the sample and the class means [height, width].

    Returns:
        A figure one column wide.
    """
    probabilities, label, f = np.asarray(example["probabilities"]), example["label"], example["f"]
    rivals = sorted(example["rivals"], key=lambda k: -probabilities[k])
    roles = {
        f"label {label}": (BASELINE, [label]),
        _competing(rivals): (TREATMENT, rivals),
        "other": (MUTED, sorted({*range(len(probabilities))} - {label, *rivals})),
    }
    pictures = _pictures(example, rivals)
    figure = sheet(SINGLE, 3.1 if pictures else 2.3)
    grid = figure.add_gridspec(2 if pictures else 1, 1, height_ratios=[1, 2.4] if pictures else None)
    axes = figure.add_subplot(grid[-1])
    for colour, classes in roles.values():
        axes.bar(classes, probabilities[classes], color=colour, width=0.8)
    p = probabilities[label]
    lowest = p if f == "none" else p / f
    if f == "none":
        axes.set_title("f = none: no threshold, the runner-up competes")
    else:
        axes.set_title(f"f = {f:g}: threshold p/f = {lowest:.2g}")
        axes.axhline(lowest, color=INK, linestyle="--", linewidth=0.9)
        axes.text(1.01, lowest, "p/f", transform=axes.get_yaxis_transform(), va="center")
    axes.set_yscale("log")
    axes.set_ylim(min(p / 10**DECADES, lowest / 3), 1)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.set_xlabel("class, in the order of being seen")
    axes.set_ylabel("softmax probability (log scale)")
    key(figure, [Patch(color=colour) for colour, _ in roles.values()], list(roles))
    if pictures:
        _strip(figure, grid[0].subgridspec(1, 2 + MOST_NAMED), pictures)
    return figure


def _competing(rivals: list[int]) -> str:
    if len(rivals) > MOST_NAMED:
        return f"{len(rivals)} competing"
    return f"competing: {', '.join(map(str, rivals))}" if rivals else "none competes"


def _pictures(example: Mapping[str, Any], rivals: list[int]) -> dict[str, tuple[str, list[list[float]]]]:
    """Collect what can be shown of the inputs: heading -> (colour, [height, width] in 0 to 1)."""
    if example["image"] is None:
        return {}
    shown = {"replayed\nsample": (INK, example["image"])}
    means = example["class_means"] or {}
    for k in [example["label"], *rivals[:MOST_NAMED]]:
        if str(k) in means:
            shown[f"mean of\nlabel {k}"] = (BASELINE if k == example["label"] else TREATMENT, means[str(k)])
    return shown


def _strip(figure: Figure, grid: GridSpecBase, pictures: Mapping[str, tuple[str, list[list[float]]]]) -> None:
    for place, (heading, (colour, pixels)) in enumerate(pictures.items()):
        axes = figure.add_subplot(grid[place])
        axes.imshow(pixels, cmap="gray_r", vmin=0, vmax=1)
        axes.set_title(heading, color=colour, loc="center", fontsize=7)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set(visible=True, color=colour)
