"""Which figure shows what: from a figure's kind to its module and the files it is drawn from."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from exaggerated_replay.analysis.scores import cell_records
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures import (
    accuracy_matrix,
    architecture,
    comparison,
    competing_classes,
    convergence,
)


def draw(kind: str, plan: dict[str, Any], runs: pd.DataFrame, grid: str | None) -> Figure:
    """Draw one of the figures of `Plan.figures`.

    Args:
        kind: The figure's module.
        plan: results/plan.json.
        runs: results/runs.csv.
        grid: The grid shown, for the kinds that show one.

    Raises:
        UserError: There is no such kind.
    """
    cells = plan["cells"]
    match kind:
        case "comparison":
            return comparison.draw(plan, runs, grid)
        case "convergence":
            return convergence.draw(plan, runs, grid)
        case "accuracy_matrix":
            arms = [plan["study"]["baseline"], plan["study"]["treatment"]]
            shown = {arm: cell_records(cells[arm]) for arm in arms if arm in cells}
            return accuracy_matrix.draw(shown or {name: cell_records(cell) for name, cell in cells.items()})
        case "competing_classes":
            candidates = [cell for cell in cells.values() if "f" in cell["config"]["method"]]
            focused = [cell for cell in candidates if cell is cells[plan["focus"]]]
            return competing_classes.draw(cell_records((focused or candidates)[0])[0])
        case "architecture":
            candidates = [cell for cell in cells.values() if "gate_proportion" in cell["config"]["method"]]
            config, record = candidates[-1]["config"], cell_records(candidates[-1])[0]
            return architecture.draw(
                inputs=record["problem"]["inputs"],
                units=config["model"]["units"],
                latent=config["model"]["latent"],
                classes=record["problem"]["classes"],
                gate_proportion=config["method"]["gate_proportion"],
                bounded=record["problem"]["bounded"],
            )
    raise UserError(f"there is no kind of figure called {kind!r}: the kinds are the modules of figures/")
