"""params.yaml: composed, compared with conf/, planned."""

import json
from pathlib import Path

import click

from exaggerated_replay.cli.options import PATH, asked_plan
from exaggerated_replay.places import CONF


@click.command()
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
def compose(overrides: tuple[str, ...]) -> None:
    """Compose params.yaml from conf/.

    For example with dataset=mnist study.seeds=3 reading=paper. Without arguments, everything takes its default.
    """
    from exaggerated_replay.figures.letters import remarks_on_letters
    from exaggerated_replay.places import RECORD, RESULTS, store_folder
    from exaggerated_replay.planning.compose import write_params
    from exaggerated_replay.planning.params import PARAMS
    from exaggerated_replay.planning.remarks import remarks_on_arms, remarks_on_data, remarks_on_samples
    from exaggerated_replay.store.estimate import time_told
    from exaggerated_replay.store.replaced import remarks_on_results

    plan = write_params(CONF, list(overrides), PARAMS)
    places = {name: (run.directory, store_folder() / name) for name, run in plan.named.items()}
    new = [name for name, both in places.items() if not any((place / RECORD).is_file() for place in both)]
    name = plan.study.name
    print(f"{PARAMS}: the study {name}, {len(plan.cells)} cells, {len(plan.runs)} runs, {len(new)} of them new")
    remarks = [*remarks_on_results(plan, RESULTS), *remarks_on_data(plan), *remarks_on_letters(plan)]
    remarks += [*remarks_on_samples(plan), *remarks_on_arms(plan, overrides)]
    for sentence in filter(None, [time_told(plan, new, RESULTS), *remarks]):
        print(sentence)


@click.command()
@click.option("--own-files", type=PATH, help="Also write to this file what stands in files of your own, by digests.")
def drift(own_files: Path | None) -> None:
    """List the keys in which params.yaml differs from conf/. What cannot be planned is refused."""
    from exaggerated_replay.files import file_digest, write_json
    from exaggerated_replay.planning.compose import drift_warning
    from exaggerated_replay.planning.dropped import check_nothing_dropped
    from exaggerated_replay.planning.params import PARAMS, read_params
    from exaggerated_replay.planning.plan import make_plan
    from exaggerated_replay.planning.versions import own_versions

    values, params = read_params(PARAMS)
    check_nothing_dropped(CONF, values)
    print(drift_warning(CONF, values) or "params.yaml is what conf/ composes")
    plan = make_plan(params)
    if own_files:
        digests = {file: file_digest(Path(file)) for file in plan.named_files}
        write_json(own_files, {**digests, **own_versions(params.methods)})


@click.command()
@click.argument("arm")
def check(arm: str) -> None:
    """Try the method of ARM on small made-up data. Does a run repeat, also when it is interrupted or observed?"""
    from exaggerated_replay.devices import use_threads
    from exaggerated_replay.planning.cells import default_config
    from exaggerated_replay.planning.checking import check_arm, check_choice
    from exaggerated_replay.planning.params import PARAMS, read_params
    from exaggerated_replay.training.trial import try_method

    _, params = read_params(PARAMS)
    check_choice(arm, params.arms, "the argument", "an arm")
    use_threads(1)
    for sentence in try_method(check_arm(default_config(params, arm)["method"], f"arms.{arm}")):
        print(sentence)


@click.command()
def plan() -> None:
    """Print the plan: cells, and the runs that they need."""
    print(json.dumps(asked_plan().to_dict(), indent=1, sort_keys=True))
