# Read params.yaml, work out the plan, and settle what Snakemake cannot know by itself.

from pathlib import Path
from shlex import quote

from snakemake.logging import logger

from exaggerated_replay.compose import drift
from exaggerated_replay.errors import UserError
from exaggerated_replay.learning.devices import gpus
from exaggerated_replay.params import check_params
from exaggerated_replay.plan import make_plan, save_plan
from exaggerated_replay.records import RECORD, WEIGHTS
from exaggerated_replay.results.inventory import IMAGE_KINDS, PLOTS, TABLE_KINDS
from exaggerated_replay.runlock import clear_stale_locks

PLAN_FILE = "results/plan.json"

try:
    PLAN = make_plan(check_params(config))
    save_plan(PLAN, Path(PLAN_FILE))
    DRIFT = drift(Path("conf"), config) if workflow.is_main_process else []
except UserError as error:
    raise SystemExit(f"exaggerated-replay: {error}") from None  # one sentence, no traceback

if DRIFT:
    logger.warning(
        f"params.yaml differs from conf/ in: {', '.join(DRIFT)}. What params.yaml says is used; "
        "`exaggerated-replay compose` writes it from conf/ again."
    )

if workflow.is_main_process:
    RUN_LOCK = clear_stale_locks(Path(".snakemake"))

# On one machine without a GPU, training jobs are limited by cores alone. With GPUs the pool is theirs, unless
# --resources says otherwise: an unbounded pool would start every job at once.
ON_GPU = PLAN.params.compute.device != "cpu" and (bool(gpus()) or workflow.non_local_exec)
if ON_GPU and "gpu" not in workflow.global_resources and workflow.local_exec:
    workflow.register_resource("gpu", len(gpus()) * PLAN.params.compute.slots_per_gpu)


wildcard_constraints:
    seed=r"\d+",
    grid=r"[^/]+",
