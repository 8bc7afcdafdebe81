# Read params.yaml, work out the plan, and settle what Snakemake cannot know by itself. Parsing changes nothing.

import functools
import itertools
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

import snakemake.jobs
import snakemake.workflow
from snakemake.logging import ColorizingTextHandler, logger
from snakemake.persistence.file import FilePersistence
from snakemake_interface_logger_plugins.common import LogEvent

# The source beside this file is what runs, here and in the jobs, whichever copy of the repository was installed:
# `dvc exp run --temp` and `--queue` work in a copy with the code as it was when the experiment was queued.
SOURCE = str(Path(workflow.basedir, "src").resolve())
sys.path.insert(0, SOURCE)
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [SOURCE, os.getenv("PYTHONPATH")])))

from exaggerated_replay.analysis.study.outputs import all_files, figures_of, first_grid, more_files, study_files
from exaggerated_replay.cli.errors import sentence_of
from exaggerated_replay.cli.output import name_the_user, show_anything
from exaggerated_replay.planning.compose import drift_warning
from exaggerated_replay.planning.dropped import check_nothing_dropped, note_held
from exaggerated_replay.errors import UserError
from exaggerated_replay.devices import gpus
from exaggerated_replay.locks import at_work, hold_folder, is_held
from exaggerated_replay.places import DIGITS, RESULTS, store_folder
from exaggerated_replay.planning.params import PARAMS, read_params
from exaggerated_replay.planning.plan import make_plan
from exaggerated_replay.store.aside import make_room
from exaggerated_replay.store.records import ENCODER_WEIGHTS, RECORD, WEIGHTS
from exaggerated_replay.store.start import heal, keep_and_fill, plan_path, write_plan
from exaggerated_replay.store.survey import FOCUS, Survey

show_anything()
name_the_user()

SNAKEMAKE = Path(".snakemake")
CAPTIONS = Path(SOURCE, "exaggerated_replay/report/captions")


class Elsewhere(FilePersistence):
    """Snakemake's bookkeeping of a dry run, in a folder that goes with it: Snakemake would make its own anyway."""

    def __init__(self, *args, **kwargs):
        self.folder = tempfile.TemporaryDirectory()
        super().__init__(*args, **{**kwargs, "path": Path(self.folder.name)})


async def unchecked(job):
    """Let a dry run name outputs that cannot be written, as in a checkout that is only to be read."""


if workflow.output_settings.dryrun:
    snakemake.workflow.FilePersistence = Elsewhere
    snakemake.jobs.Job.check_protected_output = unchecked


def brief(record):
    """Let Snakemake name three files of a job, not hundreds, and not those that were only to be updated."""
    for kind in ("input", "output"):
        files = getattr(record, kind, None)
        if isinstance(files, list) and len(files) > 3:
            setattr(record, kind, [*files[:3], f"and {len(files) - 3} more"])
    return not str(record.msg).startswith("Cannot restore ")


if not workflow.output_settings.verbose:
    logger.addFilter(brief)


class Stopped:
    """Keeps from the screen what Snakemake says of jobs that ended because they were asked to; its log has it.

    Such a job has said itself that its work is saved. What went wrong for another reason is shown.
    """

    ENDED = re.compile(
        r"returned non-zero exit status (130|143)\.|died with <Signals\.SIG(INT|TERM)"  # as a shell and Python say it
    )

    def __init__(self):
        self.asked = False
        self.ended = []  # what was said of each job
        self.failed = False  # whether one failed by itself

    def __call__(self, record):
        event = getattr(record, "event", None)
        if not self.asked or event not in (LogEvent.ERROR, LogEvent.JOB_ERROR):
            return True
        said = record.getMessage()
        if event == LogEvent.JOB_ERROR:
            stopped = any(str(record.shellcmd) in command for command in self.ended)
        elif record.exception == "WorkflowError":  # that not all jobs came to their end
            stopped = self.ended and not self.failed
        else:
            stopped = self.ENDED.search(said) is not None
            self.ended += [said] if stopped else []
        self.failed |= not stopped
        return not stopped


STOPPED = Stopped()
if workflow.is_main_process and not workflow.output_settings.verbose:
    for handler in logger.handlers:
        if isinstance(handler, ColorizingTextHandler):  # the screen
            handler.addFilter(STOPPED)


def refuse(sentence):
    """End with one sentence and no traceback."""
    print(f"exaggerated-replay: {sentence}", file=sys.stderr)
    raise SystemExit(2)


if workflow.is_main_process and (workflow.config_settings.config or workflow.config_settings.configfiles):
    refuse("settings are read from params.yaml alone: change it there, or compose it, instead of --config")

try:
    VALUES, PARAMETERS = read_params(PARAMS)
    if workflow.is_main_process:
        check_nothing_dropped(Path("conf"), VALUES)
    PLAN = make_plan(PARAMETERS)
    DRIFT = drift_warning(Path("conf"), VALUES) if workflow.is_main_process else ""
except (UserError, OSError) as error:
    refuse(sentence_of(error))

if DRIFT:
    logger.warning(DRIFT)

config.update(VALUES)  # for the captions of the report
PLAN_FILE = str(plan_path(PLAN))
STUDY = RESULTS / PLAN.study.name
FIGURES = figures_of(PLAN)
STUDY_FILES = all_files(PLAN)
SURVEY = Survey(PLAN, STUDY_FILES, store_folder() if workflow.output_settings.dryrun else None)
STARTED = time.monotonic()


@functools.cache
def begin():
    """Do what precedes the first job, when Snakemake asks for the first input; tell whether jobs are to be chosen.

    Of a run at work, only what is not right yet is in the graph, so that neither file times nor what Snakemake
    remembers decide anything. Whoever asks for a summary, a graph or a report sees everything.
    """
    if not workflow.is_main_process or workflow.executor_plugin is None:
        return False
    try:
        SURVEY.check_folders()
    except UserError as error:
        refuse(error)
    workflow.dag.ignore_incomplete = True
    workflow.dag_settings.rerun_triggers = frozenset()
    if workflow.dryrun or workflow.touch:
        if is_held(SNAKEMAKE):
            logger.warning(at_work(SNAKEMAKE).capitalize())
    else:
        try:
            workflow.run_lock = hold_folder(SNAKEMAKE, logger.warning)
            write_plan(PLAN)
            note_held(VALUES)
            ours = {*study_files(PLAN), *more_files(PLAN)}
            for line in itertools.chain(make_room(STUDY, ours), heal(SURVEY), keep_and_fill(PLAN)):
                logger.warning(line)
        except (UserError, OSError) as error:
            refuse(sentence_of(error))
        SURVEY.forget()
    workflow.dag.forcefiles.update(map(str, SURVEY.spoilt()))
    return True


def missing(paths):
    """Return an input function: those of the files that have to be made first."""
    paths = [str(path) for path in paths]
    return lambda wildcards: SURVEY.missing(paths) if begin() else [ancient(path) for path in paths]


def asked(milestone):
    """Return an input function: what is missing of a milestone; all of it where nothing is, so that nothing is done.

    Of all, that is what lies here: for a dry run, runs may be right that only the store has.
    """
    first = missing(MILESTONES[milestone])
    return lambda wildcards: first(wildcards) or [
        ancient(path) for path in MILESTONES[milestone] if os.path.exists(path)
    ]


def stop_jobs(*_):
    """Pass a request to stop on to the jobs, which save what they have; Snakemake alone would wait until they end."""
    STOPPED.asked = True
    for process in [*shell._processes.values()]:
        process.terminate()
    workflow.scheduler.exit_gracefully()


def interrupt(*arguments):
    """Note that Ctrl-C was pressed, which reaches the jobs by itself."""
    STOPPED.asked = True
    signal.default_int_handler(*arguments)


def finish():
    """Make sure that all that was asked for is there, and show what came out."""
    SURVEY.forget()
    asked = [*(workflow.dag_settings.targets or {"all"})]
    wanted = [path for target in asked for path in MILESTONES.get(target, [])]
    wrong = SURVEY.missing(wanted)
    if wrong:
        refuse(f"{wrong[0]}: {SURVEY.wrong(wrong[0])}, although every job ended well: start again")
    if {"all", "metrics"} & {*asked}:
        table = STUDY / "tables" / f"{first_grid(PLAN)}.md"
        print(f"\n{table.read_text(encoding='utf-8')}\n{STUDY}/ holds this table, the others and the figures.")
    print(f"Done in {time.monotonic() - STARTED:.0f} s.", flush=True)


# On one machine without a GPU, training jobs are limited by cores alone. With GPUs the pool is theirs, unless
# --resources says otherwise: an unbounded pool would start every job at once.
GPUS = gpus() if PLAN.compute.device != "cpu" else []
ON_GPU = PLAN.compute.device != "cpu" and (bool(GPUS) or workflow.non_local_exec)
if ON_GPU and "gpu" not in workflow.global_resources and workflow.local_exec:
    workflow.register_resource("gpu", len(GPUS) * PLAN.compute.slots_per_gpu)

PREPARED = [str(source.prepared) for source in PLAN.sources]
SPLITS = [str(path) for path in PLAN.splits]
ENCODER = PLAN.encoder
TRAINED_ENCODER = (
    [str(ENCODER.directory / name) for name in (RECORD, ENCODER_WEIGHTS)] if ENCODER and ENCODER.images else []
)
PUBLISHED_ENCODER = [str(ENCODER.download)] if ENCODER and ENCODER.download else []
RUNS = [str(run.directory / name) for run in PLAN.runs for name in (RECORD, WEIGHTS)]
RECORDS = [str(run.directory / RECORD) for run in PLAN.runs]
METRICS = [str(path) for path in STUDY_FILES]
FOCUSED = [str(FOCUS / name) for name in (RECORD, WEIGHTS)]
MILESTONES = {
    "data": [*PREPARED, *SPLITS],
    "encoder": TRAINED_ENCODER,
    "models": RUNS,
    "focus": FOCUSED,
    "metrics": METRICS,
    "all": [*RUNS, *FOCUSED, *METRICS],
}


def shown(file):
    """Mark what the report shows, with its caption."""
    path, stem = str(file), file.stem
    match file.parent.name, file.suffix:
        case "tables", ".csv":
            return report(path, caption=f"{CAPTIONS}/table.rst", category="Tables", labels={"table": stem})
        case "provenance", _:
            labels = {"table": f"the runs behind {stem}"}
            return report(path, caption=f"{CAPTIONS}/provenance.rst", category="Tables", labels=labels)
        case "print", ".png":
            caption = f"{CAPTIONS}/{FIGURES[stem][0].name}.rst"
            return report(path, caption=caption, category="Figures", labels={"figure": stem.replace("_", " ")})
    return path
