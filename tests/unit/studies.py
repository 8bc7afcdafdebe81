"""Studies made up for tests: of a plan, and of records or a table of runs, a test says what matters to it alone."""

from dataclasses import asdict, replace
from pathlib import Path

import yaml

from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.methods.none import Settings as Nothing
from exaggerated_replay.planning.looks import looks_of
from exaggerated_replay.planning.study_plan import Cell, EncoderFacts, Row, Run, StudyPlan, used_arms
from exaggerated_replay.settings.arms import Appearance
from exaggerated_replay.settings.data import DatasetSettings
from exaggerated_replay.settings.rules import RulesSettings
from exaggerated_replay.settings.run import ModelSettings, RunSettings, TrainingSettings
from exaggerated_replay.settings.study import StudyOutline
from exaggerated_replay.store.records import Record, sealed

ROOT = Path(__file__).parents[2]
PAPERS = {"tasks": 10, "class_order": None}
MODEL = {"units": 10, "latent": 5}
TRAINING = {"iterations": 60, "batch": 8, "replay_batch": 8, "learning_rate": 0.001}
RUN = RunSettings(
    **{"data": "d" * 64, "image_values": 1, "code": "core 1, none 1", "tasks": [[0], [1]], "seed": 0},
    **{"model": ModelSettings(**MODEL), "training": TrainingSettings(**TRAINING)},
    **{"method": Nothing(method="none"), "threads": 1, "precision": "fp32"},
)
OUTLINE = {"name": "mine", "baseline": "bir-si", "treatment": "rr-ra", "seeds": 1}
OUTLINE |= {"acting": {}, "published_strength": 1e8, "lengths": []}
LOOKS = {
    arm: {key: values[key] for key in ("label", "colour")}
    for arm, values in yaml.safe_load((ROOT / "conf" / "arms.yaml").read_text(encoding="utf-8"))["arms"].items()
}
"""What conf/arms.yaml calls its arms, and their colours."""


def planned(plan):
    """A plan from the parts of its file that are given; a run is known by its directory, or by its digest alone."""
    dataset = {"name": "digits", "source_name": None, "sha256": "d" * 64, **plan.get("dataset", {})}
    sha256, source = dataset.pop("sha256"), dataset.pop("source_name")
    common = {"reader": "digits", "files": {"raw": ""}, "tasks": 2, "classes": 4, "image_values": 4}
    facts = {"sha256": "e" * 64, "architecture": "conv5", "image_size": None, "deviation": None}
    facts |= {"pretraining": None, "published": None}
    grids = {
        name: tuple(Row(row.get("cell", ""), row.get("settings", {}), row.get("baseline")) for row in rows)
        for name, rows in plan.get("grids", {}).items()
    }
    known = plan.get("runs", {})
    outline = StudyOutline(**{**OUTLINE, **plan.get("study", {})})
    cells = {
        name: Cell(
            name,
            cell.get("arm", name),
            {"dataset": PAPERS, "model": {}, "training": {}, "method": {}, **cell.get("config", {})},
            tuple(run(known, seed, one) for seed, one in enumerate(cell.get("runs", []))),
        )
        for name, cell in plan.get("cells", {}).items()
    }
    arms = used_arms(cells.values(), outline)
    appearances = {arm: Appearance(**(LOOKS.get(arm) or {}) | plan.get("arms", {}).get(arm, {})) for arm in arms}
    return StudyPlan(
        dataset=DatasetSettings(**{**common, **({"files": {}} if source else {}), **dataset}, source=source),
        sha256=sha256,
        data=plan.get("data", sha256),
        encoded_by=EncoderFacts(**{**facts, **plan["encoder"]}) if plan.get("encoder") else None,
        model=ModelSettings(**{**MODEL, **plan.get("model", {})}),
        training=TrainingSettings(**{**TRAINING, **plan.get("training", {})}),
        study=outline,
        rules=RulesSettings(**plan.get("rules", {})),
        focus=plan.get("focus", ""),
        order=tuple(plan.get("order", grids)),
        grids=grids,
        cells=cells,
        arms=looks_of(appearances, arms),
    )


def run(known, number, described):
    """A run of a cell, with what the plan knows of its settings."""
    seed = described.get("seed", number)
    name = Path(described["directory"]).name if "directory" in described else f"x-s{seed}-{plain(described['digest'])}"
    return Run(name, replace(RUN, **{"seed": seed, **known.get(name, {})}))


def plain(digest):
    """A digest without dashes, since a run's name ends in it after the last of them."""
    return digest.replace("-", ".")


def made(plan, runs=None, records=None):
    """A study of a plan and a table of its runs, or the records that the table is made of."""
    study = Study(
        plan if isinstance(plan, StudyPlan) else planned(plan),
        {name: of if isinstance(of, Record) else Record.of(whole(of)) for name, of in (records or {}).items()},
    )
    if runs is not None:
        vars(study)["runs"] = runs.assign(digest=runs["digest"].map(plain))
    return study


def whole(record):
    """A sealed record with the parts that a test has no word of."""
    diverged = record.get("diverged")
    return sealed(
        {
            "counts": None if diverged else {"correct": [[1, 0], [1, 1]], "tested": [1, 1], "predicted": [1, 1]},
            "environment": {"device": "cpu", "torch": "2.0"},
            "problem": {"inputs": 4, "classes": 5, "bounded": True},
            "instruments": {},
            "sha256": {},
            **record,
            "settings": {**asdict(RUN), **record.get("settings", {})},
            "diverged": diverged and {"iteration": 7, "term": "repulsion", "loss": "inf", **diverged},
        }
    )
