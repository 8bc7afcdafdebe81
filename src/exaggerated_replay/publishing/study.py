"""A study's folder: all that is made from the records of its runs, by one job."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from exaggerated_replay.analysis.mechanism.kept import cells_as_before, completed
from exaggerated_replay.analysis.mechanism.tables import mechanism_tables
from exaggerated_replay.analysis.questions import closest, frontier, trends
from exaggerated_replay.analysis.questions.layout import write
from exaggerated_replay.analysis.study.outputs import (
    LEARNING,
    MECHANISM,
    PLOTS,
    all_files,
    declared,
    finding_file,
    findings_of,
    git_files,
    mechanism_file,
    more_files,
    study_files,
)
from exaggerated_replay.analysis.study.provenance import provenance
from exaggerated_replay.analysis.study.study import Study, load_study, open_study
from exaggerated_replay.analysis.study.tables import as_csv, computed_csv, measured_csv, runs_csv
from exaggerated_replay.analysis.study.tasks import learning_table
from exaggerated_replay.analysis.verdicts.table import verdicts
from exaggerated_replay.errors import UserError
from exaggerated_replay.figures.catalogue import draw_all
from exaggerated_replay.files import read_json, write_json, write_text
from exaggerated_replay.places import FOCUS, PLAN, PROVENANCE, RECORDS, RESULTS, RUNS, TIMINGS
from exaggerated_replay.planning.params import PARAMS
from exaggerated_replay.planning.plan import Plan
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.planning.versions import check_version
from exaggerated_replay.publishing.folder import written_together
from exaggerated_replay.publishing.origin import commit_here, origin, without_places
from exaggerated_replay.publishing.plots import plot_tables
from exaggerated_replay.publishing.summary import focus, summary
from exaggerated_replay.report.page import write_report
from exaggerated_replay.report.readme import write_readme
from exaggerated_replay.store import manifest
from exaggerated_replay.store.lines import Line, write_lines

Part = Callable[[Study, Path], None]
"""Writes more into a study's folder than its numbers."""
PARTS: Sequence[Part] = (draw_all, write_readme, write_report)
"""In this order: pages show the figures."""
ANSWERS = {"closest": closest.answer, "frontier": frontier.answer, "trends": trends.answer}
"""What makes the table of a question that verdicts do not answer, by the table's name."""


def publish(plan: Plan, params: str) -> None:
    """Write a study's folder and what DVC plots of it; last the manifest, without which nothing of it counts as made.

    Args:
        plan: Which runs the study is made of.
        params: The text of the params.yaml that asked for them.

    Raises:
        UserError: A record is missing.
    """
    folder = RESULTS / plan.study.name
    sources = manifest.made_from(plan.to_dict())
    write_study(plan, params, folder, made_from=sources)
    for plot in PLOTS:
        write_text(FOCUS / plot, (folder / plot).read_text(encoding="utf-8"))
    more = [path for name in more_files(plan) if (path := folder / name).is_file()]
    manifest.write_manifest(folder, sources, map(str, [*all_files(plan), *more]))


def write_study(plan: StudyPlan, params: str, folder: Path, parts: Sequence[Part] = PARTS, *, made_from: str) -> None:
    """Write the folder of a study from the records of its runs: whole or not at all.

    A record that is not in results/runs/ any more is taken from the study's folder.

    Only what changed is written, so that times of files stay. What an earlier plan of the same folder declared and this
    one does not is removed; what no plan declares is never touched. The figures of the cell in focus also go to
    `results/focus.json`, under keys that do not depend on the cell.

    Args:
        plan: Which runs the study is made of.
        params: The text of the params.yaml that asked for them.
        folder: The study's folder, for example results/default.
        parts: What else to write.
        made_from: Digest of all that decides the folder's content.

    Raises:
        UserError: A record is missing.
    """
    study = load_study(plan, RUNS, folder / RECORDS)
    facts = origin(study, TIMINGS, folder / PROVENANCE, made_from)
    traced = mechanism_tables(plan, RUNS)
    _write(study, folder, parts, facts, without_places(params), traced, _before(folder))
    _write_if_new(RESULTS / "focus.json", focus(study))


def rewrite_study(folder: Path, parts: Sequence[Part] = PARTS) -> list[str]:
    """Write a study's folder again from what Git keeps of it; nothing outside of it is read, but for a checkpoint.

    Where today's code writes other bytes, the folder is today's code's, and its provenance names that commit: who
    rebuilds the study takes its params.yaml and its code from the same place. But a commit that cannot make the
    study's runs takes nobody's place.

    Returns:
        Which of the files that Git keeps came out with other bytes than they had.

    Raises:
        UserError: It is no study's folder, or what lies there is damaged.
    """
    study = open_study(folder)
    kept = [folder / name for name in git_files(study.plan)]
    before = _contents(kept)
    params = (folder / PARAMS.name).read_text(encoding="utf-8")
    facts = read_json(folder / PROVENANCE)
    _write(study, folder, parts, facts, params, {}, study)
    if _contents(kept) != before:
        _write(study, folder, parts, {**facts, **_commit_of_today(study, folder)}, params, {}, study)
    after = _contents(kept)
    return [str(path) for path in kept if before.get(path) != after.get(path)]


def _commit_of_today(study: Study, folder: Path) -> dict[str, str | None]:
    """Return the commit of today's code; nothing where there is none, or where that code does not make the runs."""
    try:
        for run in study.plan.runs:
            check_version(run.name, run.settings.method.method, run.settings.code)
    except UserError:  # another version, or a method that is not here
        told = "today's code does not make its runs, so its provenance goes on naming the commit of its runs"
        print(f"{folder}: {told}.", file=sys.stderr)
        return {}
    here = commit_here()
    return here if here["commit"] else {}


def _contents(files: Iterable[Path]) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in files if path.is_file()}


def _write(
    study: Study,
    folder: Path,
    parts: Sequence[Part],
    facts: Mapping[str, Any],
    params: str,
    traced: Mapping[str, pd.DataFrame],
    before: Study | None,
) -> None:
    """Write the folder, in which the study `before` may lie."""
    plan = study.plan
    ours = declared(folder) | {*study_files(plan), *more_files(plan)}
    with written_together(folder, ours) as fresh:
        write_json(fresh / PLAN, StudyPlan.to_dict(plan))
        write_json(fresh / PROVENANCE, facts)
        write_text(fresh / PARAMS.name, params)
        write_lines(fresh / RECORDS, [Line(run, record.written) for run, record in study.records.items()])
        write_text(fresh / "runs.csv", runs_csv(study.runs))
        write_json(fresh / "metrics.json", summary(study.runs))
        write_text(fresh / "verdicts.csv", computed_csv(verdicts(study)))
        for grid, name in findings_of(plan).items():
            write_text(fresh / finding_file(name, grid), computed_csv(ANSWERS[name](study, grid)))
        write_text(fresh / LEARNING, as_csv(learning_table(study)))
        for name, table in plot_tables(study).items():
            write_text(fresh / "plots" / f"{name}.csv", as_csv(table))
        for grid in plan.grids:
            write(fresh / "tables", study, grid)
            listed = provenance(study, grid)
            write_text(fresh / "provenance" / f"{grid}.csv", as_csv(listed))
        for name, text in _mechanism(study, folder, traced, before).items():
            write_text(fresh / name, text)
        for part in parts:
            part(study, fresh)


def _mechanism(study: Study, folder: Path, traced: Mapping[str, pd.DataFrame], before: Study | None) -> dict[str, str]:
    """Return the tables of mechanism: with rows that the folder has, where these hold and their traces are not here."""
    holding = cells_as_before(study, before) if before else set()
    tables = {}
    for name in MECHANISM:
        file = mechanism_file(name)
        today = measured_csv(traced[name]) if name in traced else ""
        if table := completed(today, _text(folder / file), holding, study.plan.cells):
            tables[file] = table
    return tables


def _text(file: Path) -> str:
    """Return what a file says; nothing where it is not there, or no text."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _before(folder: Path) -> Study | None:
    """Return the study that lies in a folder, as far as there is one and it can be read."""
    try:
        return open_study(folder)
    except UserError:
        return None


def _write_if_new(target: Path, value: Any) -> None:
    try:
        if read_json(target) == value:
            return
    except UserError:
        pass
    write_json(target, value)
