"""The paired comparison of any two cells of a study, for the terminal."""

import numpy as np
from tabulate import tabulate

from exaggerated_replay.analysis.study.study import Study, finished_so_far
from exaggerated_replay.analysis.verdicts.families import family_of
from exaggerated_replay.analysis.verdicts.sentences import beside, confidence, sentence
from exaggerated_replay.analysis.verdicts.table import judge
from exaggerated_replay.analysis.words import MEANS, PARTS, between, counted, points
from exaggerated_replay.errors import UserError
from exaggerated_replay.places import RECORDS, RESULTS, RUNS, store_folder
from exaggerated_replay.planning.study_plan import StudyPlan

TOO_FEW = "too few seeds"


def study_so_far(plan: StudyPlan) -> Study:
    """Return the runs of a plan that are finished, here or in the folder of its study.

    Raises:
        UserError: There is none.
    """
    name = plan.study.name
    study = finished_so_far(plan, RUNS, RESULTS / name / RECORDS, store_folder())
    if not study.records:
        raise UserError(f"no run of the study {name} is finished yet: run the workflow, or name a study with --study")
    return study


def compare(study: Study, baseline: str, treatment: str) -> str:
    """Say by how much a cell differs from another, seed by seed, and what follows from it.

    Args:
        study: Whose runs count; those that are not finished yet are left out.
        baseline: A cell.
        treatment: The cell that is compared with it: differences are treatment minus baseline.

    Returns:
        A table, a row per metric, and its verdicts in words.

    Raises:
        UserError: There is no such cell, or the two share no finished seed.
    """
    if baseline == treatment:
        raise UserError(f"{baseline} cannot be compared with itself: name two cells")
    plan = study.plan
    treated, _ = study.pair(treatment, baseline)
    own = {cell: study.cell_runs(cell) for cell in (baseline, treatment)}
    judged = judge(study, treatment, baseline)
    family = family_of(plan, treatment, baseline)
    valid = f"anytime-valid, {confidence(family.alpha(plan.rules))}"
    rows = [
        {
            "": PARTS[row["metric"]],
            **{cell: f"{runs[row['metric']].mean():.2f}" for cell, runs in own.items()},  # without those that diverged
            "difference": points(row["difference"]) if np.isfinite(row["difference"]) else "no pair",
            "95 % interval": between(row["low"], row["high"]) or TOO_FEW,
            valid: between(row["valid_low"], row["valid_high"]) or TOO_FEW,
            "verdict": ", ".join(filter(None, [row["verdict"], beside(row)])),
        }
        for _, row in judged.iterrows()
    ]
    among = f"the grid {family.grid}" if family.grid else "no grid of the study, judged by themselves"
    return "\n".join(
        [
            f"{treatment} against {baseline}: {len(treated)} seeds, accuracy in percent, differences in points",
            "",
            tabulate(rows, headers="keys", tablefmt="simple", disable_numparse=True),
            "",
            *(sentence(plan, row) for _, row in judged.iterrows()),
            MEANS,
            f"Verdicts follow from the anytime-valid intervals, which hold however often one looks and adds seeds, for "
            f"all {counted(family.comparisons, 'comparison')} of {among}, together.",
        ]
    )
