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
    from exaggerated_replay.commands.compose import compose

    for sentence in compose(CONF, overrides):
        print(sentence)


@click.command()
@click.option("--own-files", type=PATH, help="Also write to this file what stands in files of your own, by digests.")
def drift(own_files: Path | None) -> None:
    """List the keys in which params.yaml differs from conf/. What cannot be planned is refused."""
    from exaggerated_replay.files import file_digest, write_json
    from exaggerated_replay.planning.drift import drift_warning
    from exaggerated_replay.planning.dropped import check_nothing_dropped, put_back
    from exaggerated_replay.planning.params import PARAMS, read_params
    from exaggerated_replay.planning.plan import make_plan
    from exaggerated_replay.planning.versions import own_versions

    with put_back():
        values, params = read_params(PARAMS)
        check_nothing_dropped(CONF, values)
        plan = make_plan(params)
    print(drift_warning(CONF, values) or "params.yaml is what conf/ composes")
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
