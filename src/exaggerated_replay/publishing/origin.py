"""Where a study's numbers were made: code, versions, machines; and its params.yaml, without places of this machine."""

import platform
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, cast

from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of, read_json
from exaggerated_replay.git import git, why_unknown
from exaggerated_replay.planning.compose import spelt
from exaggerated_replay.planning.params import PARAMS
from exaggerated_replay.planning.study_plan import StudyPlan
from exaggerated_replay.strict_yaml import dump_yaml, parse_yaml

SOURCE = ("src", "workflow", "Snakefile")
GIVEN = re.compile(r"""([+~]*[A-Za-z_][\w.@/-]*=)?(["']?)(.*)\2""", re.DOTALL)
"""An override as `composed_with` has it, 'dataset.source="/home/me/mine.npz"', or a path alone: key, quote, path."""


def origin(study: Study, timings: Path, before: Path, made_from: str) -> dict[str, Any]:
    """Say with what a study's runs were computed, and at which commit all of it can be made again.

    Args:
        study: Plan and records.
        timings: Folder with seconds and hardware of each run; runs from elsewhere may not be in it.
        before: What was said the last time. Versions and seconds are those of the runs and not those of the last look
            at them: they stand as long as the records are the same. The commit stands until tables and figures are
            made from something else; their code is the commit's, and so is that of the runs, whose names hold it.
        made_from: Digest of all that decides the study's files.

    Returns:
        runs (digest over their records), made_from, commit, modified (tracked source files that differed from it),
        no_commit (why there is none), python and system of this machine, torch (of the runs), seconds (sum over the
        runs that were timed), timed (how many), hardware (name -> runs), unlike_pairs (see there).
    """
    runs = digest_of({run: record.written for run, record in study.records.items()})
    try:
        said: dict[str, Any] = read_json(before)
        if said["runs"] == runs:
            return said if said.get("made_from") == made_from else {**said, "made_from": made_from, **commit_here()}
    except (UserError, KeyError, TypeError):
        pass
    timed = {run: read_json(path) for run in study.records if (path := timings / f"{run}.json").is_file()}
    hardware = {run: said["hardware"] for run, said in timed.items()}
    return {
        "runs": runs,
        "made_from": made_from,
        **commit_here(),
        "python": platform.python_version(),
        "torch": ", ".join(sorted({record.torch for record in study.records.values()})),
        "system": platform.platform(),
        "seconds": round(sum(said["seconds"] for said in timed.values()), 1),
        "timed": len(timed),
        "hardware": dict(Counter(hardware.values())),
        "unlike_pairs": unlike_pairs(study.plan, hardware),
    }


def unlike_pairs(plan: StudyPlan, hardware: Mapping[str, str]) -> int:
    """Count the pairs of a run and the baseline's of its seed that were trained on different processors.

    These round differently, so that a difference within such a pair is not the treatment's alone.

    Args:
        plan: Which runs are compared.
        hardware: Run -> its processor; a run that it does not know is in no such pair.
    """
    by_seed = {
        cell.name: {run.seed: run.name for run in cell.runs if run.name in hardware} for cell in plan.cells.values()
    }
    pairs = {
        (run, base)
        for row in plan.rows
        if row.baseline
        for seed, run in by_seed[row.cell].items()
        if (base := by_seed[row.baseline].get(seed))
    }
    return sum(hardware[run] != hardware[base] for run, base in pairs)


def commit_here() -> dict[str, str | None]:
    """Return the commit of this code, what was changed since, and, where there is none, why: as provenance has it."""
    if reason := why_unknown():
        print(f"The commit of this study's code is not known: {reason}.", file=sys.stderr)
        return {"commit": None, "modified": None, "no_commit": reason}
    changes = git("status", "--porcelain", "--untracked-files=no", "--", *SOURCE).stdout.strip()
    return {"commit": git("rev-parse", "HEAD").stdout.strip(), "modified": changes, "no_commit": None}


def without_places(text: str) -> str:
    """Cut paths that lead out of the repository, as the text of params.yaml names them, down to the file's name.

    What identifies a user's file is its SHA-256, in the plan.
    """
    values = parse_yaml(text, PARAMS.name)
    cut = _cut(values)
    return text if cut == values else dump_yaml(cut)


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _cut(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_cut(inner) for inner in value]
    if not isinstance(value, str):
        return value
    key, quote, path = cast(re.Match[str], GIVEN.fullmatch(value)).groups(default="")
    if key and path.startswith(("[", "{")):
        return _cut_inside(value)
    name = re.split(r"[/\\]", path.rstrip("/\\"))[-1]
    return f"{key}{quote}{name}{quote}" if _leads_out(path) else value


def _cut_inside(override: str) -> str:
    """Cut the paths in an override whose value is a list or a mapping, such as a grid."""
    from hydra.core.override_parser.overrides_parser import OverridesParser  # half a second that few studies need
    from hydra.errors import HydraException

    try:
        value = OverridesParser.create().parse_override(override).value()
    except HydraException:  # it only looks like one
        return override
    cut = _cut(value)
    return override if cut == value else f"{override.partition('=')[0]}={spelt(cut)}"


def _leads_out(path: str) -> bool:
    absolute = PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()
    return absolute or path.startswith("~") or ".." in re.split(r"[/\\]", path)
