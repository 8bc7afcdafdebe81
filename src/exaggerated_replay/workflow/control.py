"""One start of the workflow: params.yaml is read, all files are looked at once, and Snakemake is told what is wrong.

Snakemake runs what is missing. What is there and not what belongs there, it cannot see: that is forced. Times of files
count for nothing.
"""

import functools
import itertools
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from snakemake.io import ancient
from snakemake.logging import logger

from exaggerated_replay.analysis.study.outputs import more_files, study_files
from exaggerated_replay.aside import make_room
from exaggerated_replay.cli.errors import sentence_of
from exaggerated_replay.errors import UserError
from exaggerated_replay.gpus import visible_gpus
from exaggerated_replay.locks import at_work, hold_folder, is_held
from exaggerated_replay.places import CONF, RESULTS, SNAKEMAKE, store_folder
from exaggerated_replay.planning.compose import note_held
from exaggerated_replay.planning.drift import drift_warning_once
from exaggerated_replay.planning.dropped import check_nothing_dropped
from exaggerated_replay.planning.params import PARAMS, read_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.store.start import anew, heal, keep_and_fill, plan_path, write_plan
from exaggerated_replay.store.survey import Survey
from exaggerated_replay.workflow.milestones import PACKS, Milestones
from exaggerated_replay.workflow.names import Job, Workflow

MADE_FROM = {
    "verify": ("download",),
    "split": ("verify",),
    "pretrain": ("verify",),
    "features": ("verify", "pretrain", "download"),
    "train": ("verify", "features", "split"),
    "trained": ("train",),
    "study": ("trained",),
}
"""A kind of rule, the first word of its name -> the kinds whose files it reads."""

Paths = Iterable[Path | str]
ByWildcards = Callable[[Any], Paths]
Input = Callable[[Any], list[str]]


def and_what_follows(kinds: set[str]) -> set[str]:
    """Return some kinds of rules, and those that read what they make, at any remove."""
    found = set(kinds)
    for kind, sources in MADE_FROM.items():  # each stands after those that it reads
        if not found.isdisjoint(sources):
            found.add(kind)
    return found


@contextmanager
def one_sentence() -> Iterator[None]:
    """End with one sentence, status 2 and no traceback where the user can mend what is wrong."""
    try:
        yield
    except Exception as error:
        if (sentence := sentence_of(error)) is None:
            raise
        print(f"exaggerated-replay: {sentence}", file=sys.stderr)
        raise SystemExit(2) from None


class Control:
    """What the rules ask, and what happens around them.

    Args:
        workflow: Snakemake's own.
        config: Snakemake's settings, empty unless somebody gave some.
    """

    def __init__(self, workflow: Workflow, config: Mapping[str, Any]) -> None:
        self.workflow = workflow
        self.started = time.monotonic()
        self.lock: IO[bytes] | None = None  # held as long as this run lives
        self.looked = False
        self.damaged = False  # whether something is wrong from which other things follow
        with one_sentence():
            if config:
                raise UserError(
                    "settings are read from params.yaml alone: change it there, or compose it, instead of --config"
                )
            self.values, params = read_params(PARAMS)
            if workflow.is_main_process:
                check_nothing_dropped(CONF, self.values)
            self.plan = make_plan(params)
        self.files = Milestones(self.plan)
        self.study = RESULTS / self.plan.study.name

    # ------------------------------------------------------------ what rules ask

    @functools.cached_property
    def plan_file(self) -> str:
        """The plan, as the jobs read it."""
        return str(plan_path(self.plan))

    def reads(self, kind: str, paths: Paths | ByWildcards, makes: Paths | ByWildcards) -> Input:
        """Return an input function, by which Snakemake runs what is missing, wrong or forced, and what follows.

        Snakemake asks no job that comes after a forced one whether it has a reason of its own: it has one if its input
        is made again and not `ancient`. So where something is wrong, a job that must run takes its input as it is, and
        one that is right is cut off from what comes before it.

        Args:
            kind: Of the rule.
            paths: What its jobs read, or a function that returns that for a job's wildcards.
            makes: What they make, likewise.
        """

        def files(wildcards: Any) -> list[str]:
            self.look()
            with one_sentence():
                read, made = (
                    [str(path) for path in (some(wildcards) if callable(some) else some)] for some in (paths, makes)
                )
            if not self.workflow.is_main_process:
                return read
            read = [path for path in read if not self._comes_from_the_store(path)]
            if kind in self.again or not self._forced.isdisjoint(made):
                return read
            if self.survey.missing(made):
                return read if self.damaged else [ancient(path) for path in read]
            return [] if self.damaged else [ancient(path) for path in read if self._is_right(path)]

        return files

    def milestone(self, name: str) -> Input:
        """Return an input function: all files of a milestone."""

        def files(wildcards: Any) -> list[str]:
            self.look()
            return [path for path in self.files.all[name] if not self._comes_from_the_store(path)]

        return files

    def gpus_of_a_job(self, wildcards: Any) -> int:
        """Return how many GPUs a job asks for that computes on one: none where there is none, or none is wanted."""
        return int(self._on_gpu)

    def seed_by_seed(self, wildcards: Any) -> int:
        """Return the priority of a training job."""
        return self.plan.seeds_after(self.files.runs_of(wildcards.pack))

    # ------------------------------------------------------------ before the first job, and after the last one

    @functools.cached_property
    def survey(self) -> Survey:
        """What is wrong with all files; who only looks also looks into the store."""
        return Survey(self.plan, self.files.study, None if self.works else store_folder())

    @property
    def works(self) -> bool:
        """Whether jobs are to run, and this is no dry run, summary or report."""
        return self.workflow.executor_plugin is not None and not (self.workflow.dryrun or self.workflow.touch)

    @functools.cached_property
    def again(self) -> set[str]:
        """The kinds of rules all of whose jobs run because somebody forces them, or something that they follow from."""
        if self.workflow.dag_settings.forceall:
            return {"download", *MADE_FROM}
        rules = {name for name in self._forced if not self.survey.maker(name)}
        makers = {maker for name in self._forced if (maker := self.survey.maker(name))}
        after = {kind for maker in makers for kind in and_what_follows({maker}) - {maker}}
        return and_what_follows({rule.partition("_")[0] for rule in rules} | after)

    def look(self) -> None:
        """Look at everything, when Snakemake asks for the first input, and force what is there and wrong.

        Before a run that works, what is in the way is moved aside, finished runs are kept and brought back, and the
        plan is written. Whoever only looks changes nothing.
        """
        if self.looked or not self.workflow.is_main_process:
            return
        self.looked = True
        with one_sentence():
            self.survey.check_folders()
            if self.works:
                self.lock = hold_folder(SNAKEMAKE, logger.warning)
            elif is_held(SNAKEMAKE):
                said = at_work(SNAKEMAKE)
                logger.warning(said[:1].upper() + said[1:])  # `capitalize` would take the capitals from its command
            if drift := drift_warning_once(CONF, self.values, note=self.works):
                logger.warning(drift)
            spoilt = [*self.survey.spoilt()]
            if self.works:
                text = PARAMS.read_text(encoding="utf-8")
                write_plan(self.plan, text)
                note_held(text)
                ours = {*study_files(self.plan), *more_files(self.plan)}
                lines = (make_room(self.study, ours), heal(self.survey), keep_and_fill(self.plan))
                for line in itertools.chain(*lines):
                    logger.warning(line)
                shutil.rmtree(PACKS, ignore_errors=True)
                self.survey.forget()
        forced = {*self.survey.missing(spoilt), *self._old_marks()}
        self.workflow.dag.forcefiles.update(forced)
        self.damaged = not forced <= {*map(str, self.files.study)}  # from which nothing follows

    def begin(self) -> None:
        """Take out finished runs that somebody forces: their jobs would find them finished."""
        if not self.works:  # as with --touch, which makes nothing anew
            return
        names = {name for job in self.workflow.dag.needrun_jobs() if self._is_forced(job) for name in self._runs(job)}
        with one_sentence():
            for line in anew(sorted(names)):
                logger.warning(line)

    def finish(self) -> None:
        """Make sure that all that was asked for is there, and show what came out."""
        asked = self.workflow.dag_settings
        targets = set() if asked.until or asked.omit_from else {*(asked.targets or {"all"})}
        self.survey.forget()
        with one_sentence():
            wrong = self.survey.missing(path for name in sorted(targets) for path in self.files.all.get(name, []))
            if wrong:
                raise UserError(
                    f"{wrong[0]}: {self.survey.wrong(wrong[0])}, although every job ended well: start again"
                )
            if targets & {"all", "metrics"}:
                table = self.study / "tables" / f"{self.plan.order[0]}.md"
                print(f"\n{table.read_text(encoding='utf-8')}")
                print(f"{self.study}/ holds this table, the others and the figures.")
        print(f"Done in {time.monotonic() - self.started:.0f} s.", flush=True)

    # ------------------------------------------------------------ details

    @functools.cached_property
    def _on_gpu(self) -> bool:
        return self.plan.compute.device != "cpu" and (self.workflow.non_local_exec or bool(visible_gpus()))

    @property
    def _forced(self) -> set[str]:
        """The rules and files that somebody forces."""
        asked = self.workflow.dag_settings
        return {*asked.forcerun, *(asked.targets if asked.forcetargets else ())}

    def _is_forced(self, job: Job) -> bool:
        forced = self._forced
        return self.workflow.dag_settings.forceall or job.rule.name in forced or not forced.isdisjoint(job.output)

    def _runs(self, job: Job) -> list[str]:
        """Return the runs that a job makes."""
        match job.rule.name:
            case "train":
                return [run.name for run in self.files.runs_of(job.wildcards.pack)]
            case "trained":
                return [job.wildcards.run]
        return []

    def _is_right(self, path: str) -> bool:
        """Tell whether a file is there and right; a mark that an earlier start left counts for nothing."""
        return Path(path).parent != PACKS and self.survey.wrong(path) is None

    def _comes_from_the_store(self, path: str) -> bool:
        """Tell whether a file is not here, but in the store: a run that works brings it back at its start."""
        return self.workflow.is_main_process and not os.path.exists(path) and self.survey.wrong(path) is None

    def _old_marks(self) -> Iterator[str]:
        """Return marks of earlier starts that say of a job that it has trained its runs, which are not all there."""
        for pack in self.plan.packs:
            mark = PACKS / pack
            if mark.exists() and self.survey.missing(self.files.of_pack(pack)):
                yield str(mark)
