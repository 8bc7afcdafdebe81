"""The paired comparison of any two cells of a study, for the terminal."""

import difflib

import pandas as pd
from tabulate import tabulate

from exaggerated_replay.analysis.study.pairs import MEANS, cell_runs, paired_runs
from exaggerated_replay.analysis.study.runs import Study
from exaggerated_replay.analysis.verdicts.table import judge, rules_of, sentence
from exaggerated_replay.analysis.words import PARTS
from exaggerated_replay.errors import UserError


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
    for cell in (baseline, treatment):
        if cell not in study.plan["cells"]:
            close = difflib.get_close_matches(cell, study.plan["cells"], n=3)
            hint = f"did you mean {' or '.join(close)}?" if close else f"choose two of {', '.join(study.plan['cells'])}"
            raise UserError(f"{cell} is not a cell of the study {study.plan['study']['name']}: {hint}")
    if baseline == treatment:
        raise UserError(f"{baseline} cannot be compared with itself: name two cells")
    treated, _ = paired_runs(study.plan, study.runs, treatment, baseline)
    own = {cell: cell_runs(study.plan, study.runs, cell) for cell in (baseline, treatment)}
    judged = judge(study.plan, study.runs, [(treatment, baseline)])
    rules = rules_of(study.plan)
    level = f"{100 * (1 - rules.alpha):g} %"
    rows = [
        {
            "": PARTS[row["metric"]],
            **{cell: f"{runs[row['metric']].mean():.2f}" for cell, runs in own.items()},  # without those that diverged
            "difference": f"{row['difference']:+.2f}",
            f"{level} interval": _interval(row, ""),
            "anytime-valid": _interval(row, "anytime_"),
            "p": f"{row['p_holm']:.3f}",
            "better": f"{round(row['improvement'] * row['seeds'], 1):g} of {row['seeds']}",
            "verdict": row["verdict"],
        }
        for _, row in judged.iterrows()
    ]
    return "\n".join(
        [
            f"{treatment} against {baseline}: {len(treated)} seeds, accuracy in percent, differences in points",
            "",
            tabulate(rows, headers="keys", tablefmt="simple", disable_numparse=True),
            "",
            *(sentence(row, rules) for _, row in judged.iterrows()),
            MEANS,
            f"p: exact sign-flip test, adjusted for {len(judged)} metrics (Holm). Anytime-valid intervals hold however "
            "often one looks and adds seeds.",
        ]
    )


def _interval(row: pd.Series, kind: str) -> str:
    low, high = row[f"{kind}low"], row[f"{kind}high"]
    return f"{low:+.2f} to {high:+.2f}" if abs(low) < float("inf") else "too few seeds"
