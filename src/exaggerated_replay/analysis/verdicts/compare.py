"""The paired comparison of any two cells of a study, for the terminal."""

import pandas as pd
from tabulate import tabulate

from exaggerated_replay.analysis.study.pairs import MEANS
from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.analysis.verdicts.table import judge, sentence
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
    if baseline == treatment:
        raise UserError(f"{baseline} cannot be compared with itself: name two cells")
    treated, _ = study.pair(treatment, baseline)
    own = {cell: study.cell_runs(cell) for cell in (baseline, treatment)}
    judged = judge(study, [(treatment, baseline)])
    rules = study.plan.rules
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
