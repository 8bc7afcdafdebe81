"""Which comparisons are judged together, and how sure one must therefore be of each.

A comparison of two cells belongs to one family, whatever grids hold it: that of the paper's Table 1 if it is there, or
else of the first grid that lists it, in the order of params.yaml. Every other grid quotes the verdict that it has
there. Each interval of a family of k comparisons has confidence 1 - alpha / k (Bonferroni), so that all of them hold
the truth together, at every look, with a chance of at least 1 - alpha.
"""

from collections import Counter
from dataclasses import dataclass

from exaggerated_replay.analysis.study import paper
from exaggerated_replay.analysis.study.scores import METRICS
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.settings.rules import RulesSettings


@dataclass(frozen=True)
class Family:
    """Comparisons that are judged together.

    Attributes:
        grid: Which grid they belong to; nothing where they belong to none.
        comparisons: As how many they are judged, each metric counted: as many as there are, or as the rules ask for.
    """

    grid: str
    comparisons: int

    def alpha(self, rules: RulesSettings) -> float:
        """Return one minus the confidence of each interval."""
        return rules.alpha / self.comparisons


def families(plan: StudyPlan) -> dict[tuple[str, str], Family]:
    """Return every comparison of a plan, (cell, baseline), with its family."""
    table1 = paper.table1_grid(plan)
    homes: dict[tuple[str, str], str] = {}
    for grid in sorted(plan.order, key=lambda grid: grid != table1):
        for row in plan.grids[grid]:
            if row.baseline:
                homes.setdefault((row.cell, row.baseline), grid)
    pairs = Counter(homes.values())
    return {pair: _family(plan, grid, pairs[grid]) for pair, grid in homes.items()}


def family_of(plan: StudyPlan, cell: str, baseline: str) -> Family:
    """Return the family of any two cells, whichever is the baseline; what no grid compares is a family of its own."""
    found = families(plan)
    return found.get((cell, baseline)) or found.get((baseline, cell)) or _family(plan, "", 1)


def _family(plan: StudyPlan, grid: str, pairs: int) -> Family:
    return Family(grid, max(pairs * len(METRICS), plan.rules.comparisons))
