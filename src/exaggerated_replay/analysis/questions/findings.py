"""What a grid shows beyond its verdicts: the tables of those questions that have one."""

from importlib import import_module

import pandas as pd

from exaggerated_replay.analysis.study.outputs import finding_file, findings_of
from exaggerated_replay.analysis.study.study import Study


def findings(study: Study) -> dict[str, pd.DataFrame]:
    """Return the tables of a study's findings, by where they lie in its folder: each by the module of its name."""
    return {
        finding_file(name, grid): import_module(f"{__package__}.{name}").answer(study, grid)
        for grid, name in findings_of(study.plan).items()
    }
