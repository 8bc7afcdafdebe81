"""Where things lie, and what files are called: each said once."""

import os
from pathlib import Path

CONF = Path("conf")  # what params.yaml is composed from
RAW = Path("data/raw")  # a folder for each data set, with the files as they were downloaded
ENCODERS = RAW / "encoders"  # as they are published
RESULTS = Path("results")
RUNS = RESULTS / "runs"  # of the plan, and of others until `prune`; DVC's, which may empty it
STORE = Path(".store")  # every finished run; neither Git's nor DVC's
TIMINGS = RESULTS / "timings"  # seconds and hardware, apart from the runs
SNAKEMAKE = Path(".snakemake")  # Snakemake's own folder
WORKSPACE = Path(".training")  # unfinished work, written plans, what was moved aside
HELD = WORKSPACE / "params.json"  # what params.yaml held when it was composed or run the last time, and in which commit
DRIFT = WORKSPACE / "drift.json"  # how that differs from conf/
FOCUS = RESULTS / "focus"  # what DVC plots, of the cell in focus
INDEX = RESULTS / "index.html"  # of the reports of all studies
METHODS = "methods/"  # before the name of a method of the user's own, among the places of a plan
RESERVED = ("runs", "focus", "focus.json", "timings", INDEX.name)
"""Names in results/ that no study can have."""

PLAN = "plan.json"  # of a study: its cells, which runs they have, and what these are compared with
RECORDS = "records.jsonl"  # of a study: the record of every run, a line each
PROVENANCE = "provenance.json"  # of a study: where and from what it was made
MANIFEST = "sha256.json"  # of a study: what its files hold, by digest
UNFINISHED = ".unfinished"  # in a study's folder: what is being written; it stays where that was interrupted
MARKS = (PLAN, RECORDS, PROVENANCE, MANIFEST, UNFINISHED)
"""Each of them tells that the workflow has written into a folder, whatever stands in it."""
RECORD = "record.json"  # of a run: settings, counts, instruments; complete without the weights
WEIGHTS = "model.safetensors"
STATE = "state.safetensors"  # what an interrupted run goes on from, until it is finished
EPOCHS = "epochs.safetensors"  # what an interrupted training of an encoder resumes from
TRACES = "traces.safetensors"  # small arrays kept at task ends, where there are any
ENCODER_WEIGHTS = "encoder.safetensors"

DIGITS = 10
"""Of a digest, in names: among a million, two share them with a chance of one in three."""


EXPERIMENT, OF_CHECKOUT = "DVC_EXP_BASELINE_REV", "DVC_ROOT"
"""In the environment of what runs for `dvc exp run`: the commit that it starts from, and the checkout that asked."""


def checkout() -> Path:
    """Return the checkout that work is done for: this folder, or the one of which DVC made a copy for an experiment."""
    asked = Path(os.environ[OF_CHECKOUT]) if {EXPERIMENT, OF_CHECKOUT} <= os.environ.keys() else Path()
    return Path() if asked.resolve() == Path.cwd() else asked


def is_experiments_copy() -> bool:
    """Tell whether this is the copy in which `dvc exp run --temp` or `--queue` runs an experiment."""
    return "/.dvc/tmp/exps/" in Path.cwd().as_posix()


def store_folder() -> Path:
    """Return where every finished run is kept, for this folder and for the copies that DVC makes of it."""
    return checkout() / STORE


def workspace_folder() -> Path:
    """Return where unfinished work stands and what was moved aside lies, likewise: DVC deletes its copies."""
    return checkout() / WORKSPACE


def digests_file() -> Path:
    """Return where digests of large files are remembered: in the user's cache, because a plan changes no checkout."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    # Of a user without a home, ~ stays as it is: below / nobody may make it, so that nothing is remembered.
    return Path("/", home, "exaggerated-replay", "digests.json")
