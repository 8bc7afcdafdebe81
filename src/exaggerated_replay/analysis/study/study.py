"""A study as it is read: its plan, the records of its runs, and which of these are compared with which."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from exaggerated_replay.analysis.study.scores import METRICS, PERCENT, finished, images
from exaggerated_replay.analysis.study.tables import runs_table
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import PLAN, RECORD, RECORDS
from exaggerated_replay.planning.study_plan import Cell, StudyPlan
from exaggerated_replay.store.keeping import sealed_records
from exaggerated_replay.store.lines import read_records
from exaggerated_replay.store.records import Record, read_record
from exaggerated_replay.wording import did_you_mean


@dataclass(frozen=True)
class Study:
    """A plan and the records of its runs.

    Attributes:
        plan: Which cells there are, and what each is compared with.
        records: Run -> record.
    """

    plan: StudyPlan
    records: Mapping[str, Record]

    @functools.cached_property
    def runs(self) -> pd.DataFrame:
        """One row per cell and seed; see `runs_table`."""
        return runs_table(self.plan, self.records)

    @functools.cached_property
    def one_image(self) -> dict[str, float]:
        """How many percentage points one test image is, by metric: the most over the runs, 0 without any."""
        tested = [record.counts["tested"] for record in self.records.values() if record.counts]
        return {metric: max((PERCENT / images(one, metric) for one in tested), default=0.0) for metric in METRICS}

    def cell(self, name: str) -> Cell:
        """Return a cell.

        Raises:
            UserError: There is none of that name.
        """
        if name not in self.plan.cells:
            hint = did_you_mean(name, self.plan.cells, f"choose among {', '.join(self.plan.cells)}")
            raise UserError(f"{name} is not a cell of the study {self.plan.study.name}: {hint}")
        return self.plan.cells[name]

    def cell_runs(self, cell: str) -> pd.DataFrame:
        """Select the runs of a cell.

        Returns:
            Its rows of `runs`, indexed and sorted by seed; a run that diverged has no accuracies (nan).

        Raises:
            UserError: None of the cell's runs is there, or a seed occurs twice.
        """
        own = self.runs[self.runs["cell"] == self.cell(cell).name]
        if own.empty:
            raise UserError(f"no run of cell '{cell}' is in the runs table: finish its runs first")
        if own["seed"].duplicated().any():
            seed = own.loc[own["seed"].duplicated(), "seed"].iloc[0]
            raise UserError(f"seed {seed} occurs twice in cell '{cell}': keep one run per seed and cell")
        return own.set_index("seed").sort_index()

    def pair(self, cell: str, baseline: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Select the runs of a cell and of its baseline that can be compared.

        Where one run of a pair diverged, both are left out: `left_out` counts these seeds.

        Returns:
            The runs of the cell and of the baseline at their common seeds, both indexed by seed.

        Raises:
            UserError: They have no seed in common, were computed on different classes of device, or learned from
                different arrays.
        """
        treated, base = self._at_common_seeds(cell, baseline)
        kept = finished(treated) & finished(base)
        treated, base = treated[kept], base[kept]
        both = pd.concat([treated, base]).sort_values("device", kind="stable")
        if both["device"].nunique() > 1:
            # Rounding differs between devices and grows over training: such a pair shares its seed in name only.
            first = both.iloc[[0, -1]]
            which = " and ".join(f"{row['device']} (as {row['cell']}, seed {seed})" for seed, row in first.iterrows())
            raise UserError(
                f"cells '{cell}' and '{baseline}' mix runs computed on {which}: compute both on one class of device"
            )
        learned_from = [self._arrays(name) for name in (cell, baseline)]
        for seed in treated.index:
            if len({arrays.get(seed) for arrays in learned_from}) > 1:
                raise UserError(
                    f"cells '{cell}' and '{baseline}' learned from different arrays at seed {seed}, as where an "
                    "encoder was trained on two machines: `exaggerated-replay verify` names the runs to train again"
                )
        return treated, base

    def _arrays(self, cell: str) -> dict[int, str]:
        """Return the digest of what each of a cell's runs learned from, by seed."""
        runs = self.plan.cells[cell].runs
        return {run.seed: self.records[run.name].digests.get("data", "") for run in runs if run.name in self.records}

    def left_out(self, cell: str, baseline: str) -> int:
        """Count the common seeds of a cell and its baseline at which either of the two runs diverged."""
        treated, base = self._at_common_seeds(cell, baseline)
        return int((~(finished(treated) & finished(base))).sum())

    def _at_common_seeds(self, cell: str, baseline: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        treated, base = self.cell_runs(cell), self.cell_runs(baseline)
        seeds = treated.index.intersection(base.index)
        if seeds.empty:
            raise UserError(
                f"cells '{cell}' and '{baseline}' have no finished seed in common: finish more of their runs, or give "
                "both the same seeds"
            )
        return treated.loc[seeds], base.loc[seeds]

    def ended(self, cell: str) -> list[Record]:
        """Return the records of a cell's runs that did not diverge, one per seed."""
        every = [self.records[run.name] for run in self.plan.cells[cell].runs]
        return [record for record in every if record.counts]


def load_study(plan: StudyPlan, runs: Path, kept: Path | None = None) -> Study:
    """Read the record of every run of a plan.

    Args:
        plan: The plan.
        runs: The folder of run directories.
        kept: A study's file of records, for runs that are not there.

    Raises:
        UserError: A record is in neither of them, or broken.
    """
    study = finished_so_far(plan, runs, kept)
    for run in sorted(plan.named.keys() - study.records.keys()):
        raise UserError(f"{runs / run / RECORD} is missing: run the workflow to make it")
    return study


def finished_so_far(plan: StudyPlan, runs: Path, kept: Path | None = None, store: Path | None = None) -> Study:
    """Read the records that are there, and leave the runs out that are not: of a study that is still at work.

    Args:
        plan: The plan.
        runs: The folder of run directories.
        kept: A study's file of records, for runs that are not there; it is read only where there are some.
        store: Where every finished run is kept, for those that are in neither.

    Raises:
        UserError: A record is broken.
    """
    here = {run: read_record(runs / run / RECORD) for run in plan.named if (runs / run / RECORD).is_file()}
    lacking = plan.named.keys() - here.keys()
    in_file = read_records(kept) if lacking and kept and kept.is_file() else {}
    there = {run: in_file[run] for run in lacking & in_file.keys()}
    in_store = sealed_records(store, lacking - there.keys()) if store else {}
    records = dict(sorted((here | there | in_store).items()))
    cells = {
        name: replace(cell, runs=tuple(run for run in cell.runs if run.name in records))
        for name, cell in plan.cells.items()
    }
    return Study(replace(plan, cells=cells), records)


def open_study(folder: Path) -> Study:
    """Read a study from its folder alone, for example `results/default`.

    Raises:
        UserError: There is no such study, or a record is missing.
    """
    if not (folder / PLAN).is_file():
        others = sorted(path.parent.name for path in folder.parent.glob(f"*/{PLAN}"))
        hint = f"choose one of {', '.join(others)}" if others else "run the workflow to make one"
        raise UserError(f"{folder} is not the folder of a study: {did_you_mean(folder.name, others, hint)}")
    records = read_records(folder / RECORDS)
    settings = {run: record.settings for run, record in records.items()}
    plan = StudyPlan.from_dict(read_json(folder / PLAN), settings, folder / PLAN)
    return Study(plan, {run: records[run] for run in sorted(plan.named)})


def read_study(folder: Path | str) -> pd.DataFrame:
    """Return the runs of a study, for a notebook: `read_study("results/default")`.

    Returns:
        One row per cell and seed; see `runs_table`.

    Raises:
        UserError: There is no such study, or a record is missing.
    """
    return open_study(Path(folder)).runs
