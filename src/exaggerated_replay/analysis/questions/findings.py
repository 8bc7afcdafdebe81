"""What a grid shows beyond its verdicts, by what it is asked; see `outputs.FINDINGS`."""

import pandas as pd

from exaggerated_replay.analysis.questions.closest import closest
from exaggerated_replay.analysis.questions.frontier import reach
from exaggerated_replay.analysis.questions.trends import trends
from exaggerated_replay.analysis.study.outputs import finding_file, findings_of
from exaggerated_replay.analysis.study.runs import Study
from exaggerated_replay.analysis.verdicts.rules import rules_of


def findings(study: Study) -> dict[str, pd.DataFrame]:
    """Return the tables of a study's findings, by where they lie in its folder."""
    plan, runs, rules = study.plan, study.runs, rules_of(study.plan)
    make = {
        "frontier": lambda grid: reach(plan, runs, grid, rules),
        "trends": lambda grid: trends(plan, runs, grid, rules),
        "closest": lambda grid: closest(plan, runs, grid),
    }
    return {finding_file(name, grid): make[name](grid) for grid, name in findings_of(plan).items()}
