"""Which files there are to be, by the milestone that they belong to."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exaggerated_replay.analysis.study.outputs import all_files
from exaggerated_replay.errors import UserError
from exaggerated_replay.places import ENCODER_WEIGHTS, RECORD, RUNS, WEIGHTS, WORKSPACE
from exaggerated_replay.planning.plan import Plan
from exaggerated_replay.planning.study_plan import Run

PACKS = WORKSPACE / "packs"  # a file for each job that has trained its runs, until these have been looked at


@dataclass(frozen=True)
class Milestones:
    """The files of a plan, as the rules name them."""

    plan: Plan

    @functools.cached_property
    def encoder(self) -> list[str]:
        """What training an encoder leaves behind; nothing where none is trained."""
        encoder = self.plan.encoder
        if encoder is None or encoder.images is None:
            return []
        return [str(encoder.directory / name) for name in (RECORD, ENCODER_WEIGHTS)]

    @functools.cached_property
    def published_encoder(self) -> list[str]:
        """An encoder that is fetched; nothing where none is."""
        encoder = self.plan.encoder
        return [str(encoder.download)] if encoder and encoder.download else []

    @functools.cached_property
    def study(self) -> list[Path]:
        """What is made from the records of all runs."""
        return all_files(self.plan)

    @functools.cached_property
    def records(self) -> list[str]:
        """The record of every run."""
        return [str(run.directory / RECORD) for run in self.plan.runs]

    @functools.cached_property
    def all(self) -> Mapping[str, list[str]]:
        """Every milestone -> its files."""
        models = [path for run in self.plan.runs for path in self.of_run(run.name)]
        metrics = [str(path) for path in self.study]
        data = [*(str(source.prepared) for source in self.plan.sources), *map(str, self.plan.splits)]
        return {
            "data": data,
            "encoder": self.encoder,
            "models": models,
            "metrics": metrics,
            "all": [*models, *metrics],
        }

    def of_run(self, run: str) -> list[str]:
        """Return the files of a run that there must be."""
        return [str(RUNS / run / name) for name in (RECORD, WEIGHTS)]

    def mark_of(self, run: str) -> str:
        """Return the file that says that the job of a run has trained it.

        Raises:
            UserError: The study has no such run.
        """
        if run not in self._packs:
            raise UserError(f"{RUNS / run} belongs to no run of this study: ask for one that `params.yaml` has")
        return str(PACKS / self._packs[run])

    def runs_of(self, pack: str) -> list[Run]:
        """Return the runs that one job trains.

        Raises:
            UserError: There is no such job.
        """
        if pack not in self.plan.packs:
            raise UserError(f"{PACKS / pack} is not a job of this study: it has those from 1 to {len(self.plan.packs)}")
        return self.plan.packs[pack]

    def of_pack(self, pack: str) -> list[str]:
        """Return the files of all runs that one job trains."""
        return [path for run in self.runs_of(pack) for path in self.of_run(run.name)]

    def read_by(self, pack: str) -> list[Path]:
        """Return what a job that trains runs reads: the data, and the splits of its runs."""
        return [self.plan.learned_from, *dict.fromkeys(map(self.plan.split_of, self.runs_of(pack)))]

    @functools.cached_property
    def _packs(self) -> dict[str, str]:
        return {run.name: pack for pack, runs in self.plan.packs.items() for run in runs}
