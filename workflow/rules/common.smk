# Read params.yaml, work out the plan, and settle what Snakemake cannot know by itself.

import os
import sys
from pathlib import Path
from shlex import quote

from snakemake.logging import logger

# The source beside this file is what runs, here and in the jobs, whichever copy of the repository was installed:
# `dvc exp run --temp` and `--queue` work in a copy with the code as it was when the experiment was queued.
SOURCE = str(Path(workflow.basedir, "src").resolve())
sys.path.insert(0, SOURCE)
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [SOURCE, os.getenv("PYTHONPATH")])))

from exaggerated_replay.planning.compose import drift_warning
from exaggerated_replay.errors import UserError
from exaggerated_replay.devices import gpus
from exaggerated_replay.planning.params import check_params
from exaggerated_replay.planning.plan import make_plan, save_plan
from exaggerated_replay.store.records import RECORD, WEIGHTS
from exaggerated_replay.analysis.outputs import IMAGE_KINDS, PLOTS, TABLE_KINDS
from exaggerated_replay.store.lock import hold_folder, holder

PLAN_FILE = "results/plan.json"

try:
    PLAN = make_plan(check_params(config))
    save_plan(PLAN, Path(PLAN_FILE))
    DRIFT = drift_warning(Path("conf"), config) if workflow.is_main_process else ""
except UserError as error:
    raise SystemExit(f"exaggerated-replay: {error}") from None  # one sentence, no traceback

if DRIFT:
    logger.warning(DRIFT)

if workflow.is_main_process:
    RUN_LOCK = hold_folder(Path(".snakemake"))
    if RUN_LOCK is None:  # whether this one may go on, because it only looks, Snakemake decides
        logger.warning(
            f"Another run is working in this folder ({holder(Path('.snakemake'))}): wait until it ends, or stop it."
        )

# On one machine without a GPU, training jobs are limited by cores alone. With GPUs the pool is theirs, unless
# --resources says otherwise: an unbounded pool would start every job at once.
ON_GPU = PLAN.params.compute.device != "cpu" and (bool(gpus()) or workflow.non_local_exec)
if ON_GPU and "gpu" not in workflow.global_resources and workflow.local_exec:
    workflow.register_resource("gpu", len(gpus()) * PLAN.params.compute.slots_per_gpu)


wildcard_constraints:
    seed=r"\d+",
    grid=r"[^/]+",
