"""The store of runs: checked, tidied, carried between machines."""

import sys
from contextlib import suppress
from pathlib import Path

import click

from exaggerated_replay.cli.options import PATH, STUDY, asked_plan
from exaggerated_replay.errors import UserError
from exaggerated_replay.places import RUNS, TIMINGS, store_folder, workspace_folder


@click.command()
def status() -> None:
    """Show how far the plan's runs are, and what time is left."""
    from exaggerated_replay.store.status import status, told

    for line in told(status(asked_plan(), RUNS, store_folder(), workspace_folder())):
        print(line)


@click.command()
def verify() -> None:
    """Check the records and checkpoints of the plan's runs."""
    from exaggerated_replay.store.verify import verify_runs

    runs = [run.directory for run in asked_plan().runs]
    problems, without_checkpoint = verify_runs(runs)
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise UserError(f"{len(problems)} problems with {len(runs)} runs: start the workflow again, or import records")
    note = f", {len(without_checkpoint)} of them without a checkpoint" if without_checkpoint else ""
    print(f"{len(runs)} runs are right{note}")


@click.command()
def prune() -> None:
    """Set aside the runs that the plan does not name. So DVC records only the others."""
    from exaggerated_replay.store.keeping import set_aside

    out, told = set_aside(asked_plan().named, RUNS, store_folder())
    for line in told:
        print(line, file=sys.stderr)
    print(f"{len(out)} runs set aside; they lie in {store_folder()}, where a plan that names them finds them")


@click.command()
@click.argument("file", type=PATH)
@click.option("--study", type=STUDY, help="A study in results/, or its folder, instead of all runs.")
def export(file: Path, study: Path | None) -> None:
    """Write the records of finished runs to FILE. One per line, without checkpoints, for import elsewhere."""
    from exaggerated_replay.store.exchange import export_records

    print(f"{export_records(study or RUNS, TIMINGS, file, None if study else store_folder())} records in {file}")


@click.command("import")
@click.argument("file", type=PATH)
def import_(file: Path) -> None:
    """Add the records in FILE to the runs.

    FILE is from `export`, or the folder of a study. Each record is verified; those that are here already stay.
    """
    from exaggerated_replay.planning.params import PARAMS, read_params
    from exaggerated_replay.store.exchange import import_records

    with suppress(UserError, OSError):  # records of other studies are imported all the same
        read_params(PARAMS)  # which names the methods in files of the user's own
    done = import_records(file, RUNS, TIMINGS, store_folder())
    told = f"{len(done.new)} records imported, {len(done.known)} were here already"
    print(f"{told}; `snakemake metrics` makes tables of them")
    for sentence in done.refused:
        print(sentence, file=sys.stderr)
    if done.refused:
        raise UserError(f"{len(done.refused)} records of {file} were not imported")
