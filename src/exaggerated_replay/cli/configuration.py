"""params.yaml: composed, compared with conf/, described."""

import json
from pathlib import Path

import click

from exaggerated_replay.cli.options import PATH, asked_plan, plan_or_params

CONF = Path("conf")


@click.command()
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
def compose(overrides: tuple[str, ...]) -> None:
    """Write params.yaml from conf/, for example with dataset=mnist study.seeds=3 reading=paper.

    Without arguments, params.yaml becomes what conf/ says by itself.
    """
    from exaggerated_replay.places import RECORD
    from exaggerated_replay.planning.compose import write_params
    from exaggerated_replay.planning.params import PARAMS
    from exaggerated_replay.planning.remarks import remarks_on_data

    plan = write_params(CONF, list(overrides), PARAMS)
    new = sum(not (run.directory / RECORD).is_file() for run in plan.runs)
    name = plan.params.study.name
    print(f"{PARAMS}: the study {name}, {len(plan.cells)} cells, {len(plan.runs)} runs, {new} of them new")
    for sentence in remarks_on_data(plan):
        print(sentence)


@click.command()
def drift() -> None:
    """Say in which keys params.yaml differs from what conf/ composes."""
    from exaggerated_replay.planning.compose import drift_warning
    from exaggerated_replay.planning.params import PARAMS, read_params

    values, _ = read_params(PARAMS)
    print(drift_warning(CONF, values) or "params.yaml is what conf/ composes")


@click.command()
@asked_plan
def plan(plan: Path | None) -> None:
    """Print the plan: which cells the study has, and which runs they need."""
    print(json.dumps(plan_or_params(plan), indent=1, sort_keys=True))


@click.command()
@click.argument("target", type=PATH)
def schema(target: Path) -> None:
    """Write the JSON schema of params.yaml to TARGET, for editors."""
    from exaggerated_replay.files import write_json
    from exaggerated_replay.planning.params import params_schema

    write_json(target, params_schema())
