"""How what was learned is lost: accuracy on the first task, and on a task of any age (forgetting curves)."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from exaggerated_replay.analysis.study.scores import accuracy_matrix
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.accuracy_matrix import arms_shown
from exaggerated_replay.figures.colours import cell_colours, line_looks
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.marks import banded, of_seeds
from exaggerated_replay.figures.naming import cell_name
from exaggerated_replay.figures.sheet import key, panels
from exaggerated_replay.store.records import Record


def of_study(study: Study) -> Figure:
    """Draw what `arms_shown` chooses of a study: baseline and treatment, or every method."""
    colours = cell_colours(study.plan)
    names = {cell: cell_name(study.plan, cell) for cell in study.plan.cells}
    shown = arms_shown(study)
    return draw({names[cell]: runs for cell, runs in shown.items()}, {names[cell]: colours[cell] for cell in shown})


@house_style()
def draw(records: Mapping[str, Sequence[Record]], colours: Mapping[str, str]) -> Figure:
    """Draw accuracy, among the classes seen so far, over the tasks learned since.

    Args:
        records: Name -> the records of its runs, one per seed; all of the same number of tasks.
        colours: Name -> colour.

    Returns:
        A figure two columns wide; lines are means over seeds, bands 95 % intervals (Student's t). Left: the first
        task's test images after each task. Right: any task's, by the number of tasks learned after it (mean over
        tasks, within a seed first).
    """
    figure, ((left, right),) = panels(2.3, 2, sharey=True)
    looks = line_looks({arm: colours[arm] for arm in records})
    steps = np.linspace(1, 0, len(records)) if len(records) > 1 else [0.0]
    for above, (arm, runs) in zip(steps, records.items(), strict=True):
        matrices = [accuracy_matrix(*run.scored) for run in runs]
        after, age = (np.transpose([of(matrix) for matrix in matrices]) for of in (lambda matrix: matrix[:, 0], by_age))
        banded(left, dict(enumerate(after, start=1)), looks[arm], arm, above=above)
        banded(right, dict(enumerate(age)), looks[arm], arm, above=above)
    left.set_title("first task")
    left.set_xlabel("after task")
    left.set_ylabel("accuracy (%)")
    right.set_ylabel("" if left.get_subplotspec().is_last_row() else "accuracy (%)")
    right.set_title("every task, by its age")
    right.set_xlabel("tasks learned since")
    for axes in (left, right):
        axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        axes.set_ylim(bottom=0)
        axes.grid(axis="y")
    others = of_seeds(map(len, records.values()), band=True, single=False, margin=False)
    # Matplotlib's own search passes over names that begin with _.
    key(figure, [*left.lines, *others.values()], [*records, *others])
    return figure


def by_age(matrix: np.ndarray) -> np.ndarray:
    """Return the mean accuracy on a task k tasks after it was learned, for k = 0, 1, ...: means of the diagonals."""
    return np.array([np.diagonal(matrix, -age).mean() for age in range(len(matrix))])
