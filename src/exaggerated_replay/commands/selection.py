"""The command `select`: settings chosen on validation data, then tried on test data with seeds nothing was chosen on.

Each round writes the candidates that are left and their seeds into params.yaml and lets the workflow train them, so
that an interrupted command goes on when it is given once more. At the end params.yaml holds the study on test data.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pandas as pd
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from exaggerated_replay.analysis.statistics.race import Race, race
from exaggerated_replay.analysis.study.scores import METRICS, PLACES
from exaggerated_replay.analysis.study.study import finished_so_far, open_study
from exaggerated_replay.analysis.study.tables import as_csv
from exaggerated_replay.commands.compare import compare
from exaggerated_replay.commands.decide import run_workflow, short_seeds
from exaggerated_replay.data.facts import classes_of, image_values_of
from exaggerated_replay.errors import UserError
from exaggerated_replay.files import write_text
from exaggerated_replay.places import RESULTS, RUNS, store_folder
from exaggerated_replay.planning.cells import Cells, default_config
from exaggerated_replay.planning.checking import check
from exaggerated_replay.planning.compose import compose_values, spelt, write_params
from exaggerated_replay.planning.drift import drift, options
from exaggerated_replay.planning.params import PARAMS, check_params, read_params
from exaggerated_replay.planning.runs import Common
from exaggerated_replay.settings.nested import follow, holder_of
from exaggerated_replay.settings.study import Params, Seeds, StudySettings
from exaggerated_replay.strict_yaml import parse_yaml

CHOICE, TEST = "selection", "selected"
"""Names of the studies on validation and on test data."""
OURS = ("study.name", "study.seeds", "study.grids", "study.figures", "study.treatment", "focus", "dataset.validation")
"""Settings that both studies have of their own."""


@dataclass(frozen=True)
class Candidate:
    """One combination of the settings that are tried."""

    arm: str
    settings: Mapping[str, str]  # dotted key -> value, as Hydra reads it

    def row(self, against: str | None = None) -> str:
        """Return the row of a grid that makes this cell, compared with what `against` says, or with nothing."""
        parts = [f"arm: [{self.arm}]", *(f"{key}: [{value}]" for key, value in self.settings.items())]
        return f"{{{', '.join(parts)}, against: {{{against or f'arm: {self.arm}'}}}}}"


def select(
    sweeps: Sequence[str],
    seeds: str,
    test_seeds: str,
    metric: str,
    validation: float,
    workflow: Sequence[str],
    conf: Path,
) -> str:
    """Choose among settings on validation data, and compare the winner with the baseline on test data.

    Args:
        sweeps: The arm and its settings, such as arm=er and method.memory_per_class=10,20 in Hydra's syntax of sweeps.
        seeds: Of the validation data, at most.
        test_seeds: Of the test data.
        metric: What decides: first20, first50 or overall.
        validation: Share of each class's training samples that is held out.
        workflow: The command that trains, without its target: `snakemake --cores all`.
        conf: The folder conf/.

    Returns:
        What was chosen, and how it compares.

    Raises:
        UserError: Seeds are none, one is among both, a sweep is none, or the workflow fails.
    """
    if metric not in METRICS:
        raise UserError(f"--metric is {metric!r}: choose one of {', '.join(METRICS)}")
    base, candidates = asked(conf), candidates_of(sweeps)
    held_out = [*base, f"dataset.validation={validation}"]
    first = study_of(CHOICE, [candidate.row() for candidate in candidates], [0], candidates[0].arm)
    params = check_params(compose_values(conf, [*held_out, *first]))
    chosen_on = seeds_of(params.study, seeds, "--seeds")
    tried_on = seeds_of(params.study, test_seeds, "--test-seeds")
    if both := sorted({*chosen_on} & {*tried_on}):
        raise UserError(
            f"seed {both[0]} is among --seeds and --test-seeds: what was chosen on a seed looks better there, so give "
            "the test seeds of their own"
        )
    named = named_candidates(params, candidates)

    def run(names: Sequence[str], some: Sequence[int]) -> tuple[pd.DataFrame, float]:
        rows = [named[name].row() for name in names]
        overrides = [*held_out, *study_of(CHOICE, rows, some, names[0]), "+study.figures={sweep: convergence}"]
        plan = write_params(conf, overrides, PARAMS)
        run_workflow([*workflow, "models"])
        study = finished_so_far(plan, RUNS, store=store_folder())
        own = study.runs[study.runs["cell"].isin(names)]
        return own.pivot(index="seed", columns="cell", values=metric), study.one_image[metric]

    rules = params.rules
    found = race([*named], chosen_on, run, rules.alpha, rules.g, rules.margins.of(metric))
    winner, best = found.winner, named[found.winner]
    row = best.row(against_baseline(params, best))
    overrides = [*base, "dataset.validation=null", *study_of(TEST, [row], tried_on, winner)]
    plan = write_params(conf, [*overrides, f"study.treatment={best.arm}"], PARAMS)
    run_workflow([*workflow, "metrics"])
    folder = RESULTS / plan.study.name
    write_text(folder / "selection.csv", as_csv(table(found, metric)))
    baseline = plan.grids["sweep"][0].baseline
    compared = compare(open_study(folder), str(baseline), winner)
    return f"{told(found, metric, len(chosen_on), folder)}\n\n{compared}"


def asked(conf: Path) -> list[str]:
    """Return what params.yaml was composed with and what was set in it since, but for what a selection says itself.

    Raises:
        UserError: params.yaml is not valid, or conf/ cannot be composed.
    """
    values, _ = read_params(PARAMS)
    given = values.get("composed_with")
    given = options(conf, values) if given is None else given
    since = [
        f"++{key}={spelt(follow(values, key))}" if holder_of(values, key) else f"~{key}" for key in drift(conf, values)
    ]
    return [override for override in [*given, *since] if not override.lstrip("~+").startswith(OURS)]


def candidates_of(sweeps: Sequence[str]) -> list[Candidate]:
    """Return every combination of the values of some sweeps.

    Raises:
        UserError: A sweep cannot be read, no arm is named, or there is nothing to choose from.
    """
    axes: dict[str, list[str]] = {}
    for sweep in sweeps:
        try:
            override = OverridesParser.create().parse_override(sweep)
            swept = override.is_sweep_override()
            axes[override.get_key_element()] = (
                [*override.sweep_string_iterator()] if swept else [override.get_value_element_as_str()]
            )
        except HydraException as error:
            raise UserError(f"{sweep} is not a sweep: write it as method.strength=1,10,100 ({error})") from None
    arms = axes.pop("arm", [])
    if not arms:
        raise UserError("nothing says what to choose for: name an arm, as in arm=er")
    found = [
        Candidate(arm, dict(zip(axes, values, strict=True)))
        for arm in arms
        for values in itertools.product(*axes.values())
    ]
    if len(found) < 2:
        raise UserError(
            "there is one candidate and nothing to choose: give a setting several values, as in model.units=50,100"
        )
    return found


def named_candidates(params: Params, candidates: Sequence[Candidate]) -> dict[str, Candidate]:
    """Return the candidates by the names of their cells; the grid has a row for each.

    Raises:
        UserError: An arm or a setting does not exist, or two candidates are the same.
    """
    found: dict[str, Candidate] = {}
    cells = Cells(Common(params, "", classes_of(params.dataset), image_values_of(params.dataset)), {})
    for candidate, values in zip(candidates, params.study.grids["sweep"], strict=True):
        (row,) = cells.grid("sweep", [values])
        if row.cell in found:
            raise UserError(f"two candidates are both {row.cell}: name each value once")
        found[row.cell] = candidate
    return found


def study_of(name: str, rows: Sequence[str], seeds: Sequence[int], focus: str) -> list[str]:
    """Return the overrides that make a study of one grid."""
    grids = f"+study.grids={{sweep: [{', '.join(rows)}]}}"
    return [
        f"study.name={name}",
        f"study.seeds={short_seeds(seeds)}",
        "~study.grids",
        grids,
        "~study.figures",
        f"focus={spelt(focus)}",
    ]


def against_baseline(params: Params, winner: Candidate) -> str:
    """Return what the winner is compared with: the baseline as it is, whatever the winner was set to."""
    baseline = params.study.baseline
    config = default_config(params, baseline)
    own = {key: follow(config, key) for key in winner.settings if holder_of(config, key)}
    return ", ".join([f"arm: {baseline}", *(f"{key}: {spelt(value)}" for key, value in own.items())])


def seeds_of(study: StudySettings, text: str, option: str) -> list[int]:
    """Return the seeds that an option gives as study.seeds would, one by one.

    Raises:
        UserError: The study cannot have these seeds.
    """
    try:
        seeds = check(cast(Any, Seeds), parse_yaml(text, "seeds"), "seeds")
        return replace(study, seeds=seeds).seed_list
    except (UserError, ValueError) as error:
        raise UserError(f"{option}: {str(error).removeprefix('params.yaml: ')}") from None


def table(found: Race, metric: str) -> pd.DataFrame:
    """Return what is known of every candidate: a row each, the winner first."""
    order = [*found.left, *reversed([*found.dropped])]
    rows = [(name, len(found.scores[name]), found.scores[name].mean(), found.dropped.get(name, "")) for name in order]
    return pd.DataFrame(rows, columns=["cell", "seeds", metric, "dropped"]).round(PLACES)


def told(found: Race, metric: str, seeds: int, folder: Path) -> str:
    """Say what was chosen, at what cost and how surely."""
    every = seeds * len(found.scores)
    sure = (
        "no other is shown to be better by what matters"
        if found.decided
        else f"not decided: {', '.join(found.left[1:])} may be better, and the seeds are used up"
    )
    return (
        f"{table(found, metric).to_markdown(index=False)}\n\n{found.winner} is chosen by its mean {metric} on "
        f"validation data ({sure}), after {found.runs} of {every} runs; see {folder}/selection.csv. On test data:"
    )
