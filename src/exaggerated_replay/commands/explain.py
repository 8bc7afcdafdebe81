"""Where a number comes from: from a cell of a table to its runs, from a run to all that decided it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exaggerated_replay.analysis.study.scores import METRICS, scores
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import read_json
from exaggerated_replay.places import RECORDS, RUNS, TIMINGS, WEIGHTS
from exaggerated_replay.planning.runs import difference_told, values_of
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.settings.nested import differences, flat
from exaggerated_replay.store.keeping import has_more, sealed_records
from exaggerated_replay.store.lines import read_records
from exaggerated_replay.store.records import Record, is_complete
from exaggerated_replay.wording import did_you_mean


def explain(plan: StudyPlan, name: str, results: Path, store: Path) -> str:
    """Say what produced a cell of the plan, or a run; and of a run that is still to be trained, why.

    A study whose records cannot be read is named on stderr, and left out.

    Args:
        plan: Which cells and runs there are to be.
        name: A cell (`rr-ra-f5`), a run (`bir-s0-1a2b3c4d5e`, also as a path), or a run's digest.
        results: The results folder.
        store: Where every finished run is kept.

    Returns:
        Lines of text.

    Raises:
        UserError: There is no such cell or run.
    """
    finished = records_at_hand(results, store)
    if name in plan.cells:
        return _cell(plan, name, finished)
    known = [*plan.named, *(run for run in finished if run not in plan.named)]
    asked = Path(name).name
    found = [run for run in known if asked in (run, run.rpartition("-")[2])]
    if not found:
        hint = did_you_mean(name, [*plan.cells, *known], f"the cells are {', '.join(plan.cells)}")
        raise UserError(f"{name} is neither a cell of the plan nor a run: {hint}")
    return _run(plan, found[0], finished, results, store)


def records_at_hand(results: Path, store: Path) -> dict[str, Record]:
    """Return the record of each finished run: from its directory, from the store, or from the folder of a study."""
    found: dict[str, Record] = {}
    for path in sorted(results.glob(f"*/{RECORDS}")):
        try:
            found |= read_records(path)
        except UserError as error:  # of a study that nobody asked about
            print(error, file=sys.stderr)
    return found | sealed_records(store) | sealed_records(results / RUNS.name)


def _cell(plan: StudyPlan, name: str, finished: Mapping[str, Record]) -> str:
    cell = plan.cells[name]
    baseline = plan.baselines.get(name)
    lines = [
        f"{name}: arm {cell.arm}, {len(cell.runs)} seeds, "
        + (f"compared with {baseline}" if baseline else "compared with nothing"),
        *_settings(cell.config),
        "  runs",
    ]
    for run in cell.runs:
        record = finished.get(run.name)
        lines.append(f"    {run.name}  {_scores(record) if record else 'not trained yet'}")
    if waiting := [run for run in cell.runs if run.name not in finished]:
        lines += [f"  {waiting[0].name} is not trained yet", *_nearest(values_of(waiting[0].settings), finished)]
    return "\n".join(lines)


def _run(plan: StudyPlan, name: str, finished: Mapping[str, Record], results: Path, store: Path) -> str:
    directory = results / RUNS.name / name
    directory = store / name if has_more(store / name, directory) else directory
    cells = [cell.name for cell in plan.cells.values() for run in cell.runs if run.name == name]
    lines = [f"{name}: " + (f"of the cells {', '.join(cells)}" if cells else "not named by the plan")]
    if name in finished:
        record = finished[name]
        lines += _settings(record.settings)
        timing = results / TIMINGS.name / f"{name}.json"
        timed = read_json(timing) if timing.is_file() else {"seconds": None, "hardware": "hardware not known here"}
        seconds = f"{timed['seconds']:.1f} s, " if timed["seconds"] is not None else ""
        lines += [
            f"  computed  {seconds}{record.device}, torch {record.torch}, {timed['hardware']}",
            f"  scores    {_scores(record)}",
            f"  {_checkpoint(directory)}",
        ]
        return "\n".join(lines)
    settings = values_of(plan.named[name].settings)
    lines += [*_settings(settings), "  not trained yet", *_nearest(settings, finished)]
    return "\n".join(lines)


def _checkpoint(directory: Path) -> str:
    if not (directory / WEIGHTS).is_file():
        return "finished, without its checkpoint: the tables need none, `snakemake models` trains it again"
    if not is_complete(directory):
        return f"damaged: {directory / WEIGHTS} is not the checkpoint that its record names"
    return "finished, with its checkpoint: it will not be trained again while the plan names it"


def _nearest(settings: Mapping[str, Any], finished: Mapping[str, Record]) -> list[str]:
    """Compare with the finished run of the same method that differs in the fewest settings."""
    method = settings["method"]["method"]
    others = {run: record.settings for run, record in finished.items() if record.settings["method"]["method"] == method}
    if not others:
        return [f"  no run of the method {method} is finished here"]
    differing = {run: differences(settings, other) for run, other in others.items()}
    nearest = min(differing, key=lambda run: len(differing[run]))
    told = (difference_told(key, settings, others[nearest]) for key in sorted(differing[nearest]))
    return [f"  the nearest finished run is {nearest}; it differs in", *(f"    {line}" for line in told)]


def _settings(settings: Mapping[str, Any]) -> list[str]:
    return ["  settings", *(f"    {key} = {value}" for key, value in flat(settings).items())]


def _scores(record: Record) -> str:
    if not record.counts:
        return record.status
    of_run = scores(*record.scored)
    return "  ".join(f"{key} {of_run[key]:.2f} %" for key in METRICS)
