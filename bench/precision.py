"""`python -m bench.precision`: what TF32 and bf16 do to accuracy, on finished runs of params.yaml, seed by seed.

A GPU does the rounding itself. On a CPU it is emulated: the operands of matrix products are rounded (for bf16 the
product as well), sums are fp32. The order in which a GPU adds up is not emulated.
"""

import argparse
import dataclasses
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tabulate import tabulate
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.ceilings import cores
from exaggerated_replay.analysis.scores import scores, task_sizes
from exaggerated_replay.analysis.selection import METRICS
from exaggerated_replay.analysis.statistics import estimate, paired
from exaggerated_replay.data.splits import class_order
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.learning.experiment import labelled, run_experiment, to_device
from exaggerated_replay.learning.job import counts_of, load_inputs
from exaggerated_replay.planning.params import PARAMS, read_params
from exaggerated_replay.planning.plan import Plan, Run, make_plan
from exaggerated_replay.store.records import RECORD

PRECISIONS = ("tf32", "bf16")
DROPPED_BITS = 13  # of fp32's 23 bits of fraction, TF32 keeps 10


def to_tf32(x: Tensor) -> Tensor:
    """Round single-precision numbers to TF32's 10 bits of fraction, to nearest, ties to even; other types stay."""
    if x.dtype != torch.float32:
        return x
    bits = x.contiguous().view(torch.int32)
    half = (1 << (DROPPED_BITS - 1)) - 1 + ((bits >> DROPPED_BITS) & 1)
    return ((bits + half) & -(1 << DROPPED_BITS)).view(torch.float32)


class EmulatedTensorCores(TorchDispatchMode):
    """Matrix products, forward and backward, as tensor cores take them: single precision as TF32, bf16 summed in fp32.

    A CPU multiplies bf16 twenty times slower than fp32; the products of such numbers are exact in fp32.
    """

    def __torch_dispatch__(self, operator: Any, types: Any, arguments: Any = (), named: Any = None) -> Any:
        """Run one operator."""
        if operator not in (torch.ops.aten.mm.default, torch.ops.aten.addmm.default):
            return operator(*arguments, **(named or {}))
        *bias, a, b = arguments
        if a.dtype == torch.bfloat16:
            return operator(*(x.float() for x in arguments), **(named or {})).bfloat16()
        return operator(*bias, to_tf32(a), to_tf32(b), **(named or {}))


def retrain(run: Run, precision: str, learned_from: Path) -> dict[str, float]:
    """Train a run once more with another precision, and return its scores."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    prepared = load_inputs(learned_from)
    samples = labelled(to_device(prepared, device), prepared, class_order(prepared.classes, run.seed))
    settings = dataclasses.replace(run.settings, precision=precision)
    with EmulatedTensorCores() if device.type == "cpu" else nullcontext():
        _, outcome = run_experiment(settings, prepared, samples, device, lambda progress: None)
    record = {"settings": {"tasks": settings.tasks}, "counts": counts_of(outcome, samples[1], prepared.classes)}
    return scores(record["counts"], task_sizes(record))


def measure(plan: Plan, cells: list[str], processes: int) -> list[dict[str, str]]:
    """Train the runs of some cells in every precision, and compare them with the workflow's own.

    Args:
        plan: With `compute.precision` fp32, and these cells trained.
        cells: Their names.
        processes: That train at the same time.

    Returns:
        One row per cell and precision: in percentage points, the mean difference and its 95 % interval over seeds.

    Raises:
        UserError: There is no such cell, it is not trained, or was not trained in fp32.
    """
    if plan.params.compute.precision != "fp32":
        raise UserError("compute.precision must be fp32: the other precisions are compared with it")
    if unknown := [cell for cell in cells if cell not in plan.cells]:
        raise UserError(f"the plan has no cell {unknown[0]}: choose among {', '.join(plan.cells)}")
    before = {cell: by_seed([read_json(run.directory / RECORD) for run in plan.cells[cell].runs]) for cell in cells}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = {
            (cell, precision): {
                run.seed: pool.submit(retrain, run, precision, plan.learned_from) for run in plan.cells[cell].runs
            }
            for cell in cells
            for precision in PRECISIONS
        }
        rows = []
        for (cell, precision), runs in waiting.items():
            after = pd.DataFrame({seed: run.result() for seed, run in runs.items()}).T
            rows.append({"cell": cell, "precision": precision, **differences(after, before[cell])})
            print("bench:", *rows[-1].values(), file=sys.stderr, flush=True)
    return rows


def by_seed(records: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the scores of records, indexed by seed."""
    rows = [scores(record["counts"], task_sizes(record)) for record in records]
    return pd.DataFrame(rows, index=[record["settings"]["seed"] for record in records])


def differences(after: pd.DataFrame, before: pd.DataFrame) -> dict[str, str]:
    """Return the row of a comparison as texts, from scores of both sides by seed."""
    row = {"seeds": str(len(after))}
    for metric in METRICS:
        found, level = paired(after[metric], before[metric]), estimate(before[metric]).mean
        row[metric] = f"{found.mean:+.2f} ({found.low:+.2f} to {found.high:+.2f}) on {level:.1f}"
    return row


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.precision", description=__doc__)
    parser.add_argument("cells", nargs="+", help="cells of the plan, all of whose runs are finished")
    parser.add_argument("--processes", type=int, default=cores(), help="that train at once (%(default)s)")
    args = parser.parse_args()
    try:
        rows = measure(make_plan(read_params(PARAMS)[1]), args.cells, args.processes)
    except UserError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    print(tabulate(rows, headers="keys", tablefmt="github", disable_numparse=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
