"""What a study says: its folder, two of its cells side by side, where a number comes from."""

import shlex
import signal
import sys
from pathlib import Path

import click

from exaggerated_replay.cli.options import PATH, STUDY, asked_plan, written_plan
from exaggerated_replay.errors import UserError
from exaggerated_replay.places import CONF, RESULTS, store_folder


@click.command()
@written_plan
def study(plan: Path) -> None:
    """Write the study's folder from the records of its runs. It has tables, figures, metrics, provenance, and pages."""
    from exaggerated_replay.files import read_json
    from exaggerated_replay.planning.plan import Plan, params_of

    values = read_json(plan)
    planned, params = Plan.of(values, plan), params_of(values, plan)  # before what takes seconds to import
    from exaggerated_replay.publishing.study import publish

    publish(planned, params)


@click.command()
@click.argument("folders", type=STUDY, nargs=-1, required=True)
@click.option("--index", type=PATH, help="Also write a page with links to all their reports.")
def report(folders: tuple[Path, ...], index: Path | None) -> None:
    """Make the study folders FOLDERS whole again from Git.

    Nothing is trained: what Git does not keep is made of what it keeps.

    Exit status 1 if a file that Git keeps comes out with other bytes.
    """
    from exaggerated_replay.publishing.study import rewrite_study
    from exaggerated_replay.report.index import write_index

    different = []
    for folder in folders:
        found = rewrite_study(folder)
        print(f"{folder}: {f'files in Git with other bytes now: {len(found)}' if found else 'the same to the byte'}")
        different += found
    if index:
        write_index(folders, index)
    for name in different:
        print(f"{name} has other bytes than before: `git diff` shows how", file=sys.stderr)
    if different:
        raise SystemExit(1)


@click.command()
@click.argument("folder", type=STUDY)
@click.argument("grid")
@click.option(
    "--form",
    type=click.Choice(["markdown", "latex", "csv"]),
    default="markdown",
    show_default=True,
    help="Format of the table.",
)
@click.option("--caption", help="Caption of a LaTeX table, as plain text.")
@click.option("--label", help="Label of a LaTeX table, such as tab:gains.")
def table(folder: Path, grid: str, form: str, caption: str | None, label: str | None) -> None:
    """Print the table of a grid as a paper has it.

    GRID is a grid of the study in FOLDER. LaTeX needs the package booktabs.
    """
    from exaggerated_replay.analysis.questions.layout import table_text

    print(table_text(folder, grid, form, caption=caption, label=label), end="")


@click.command()
@click.option("--study", type=STUDY, help="A study in results/, or its folder, instead of what params.yaml asks for.")
@click.argument("baseline")
@click.argument("treatment")
def compare(study: Path | None, baseline: str, treatment: str) -> None:
    """Compare the cells BASELINE and TREATMENT seed by seed. Differences have intervals, and there is a verdict."""
    from exaggerated_replay.analysis.study.study import open_study
    from exaggerated_replay.commands.compare import compare, study_so_far

    print(compare(open_study(study) if study else study_so_far(asked_plan()), baseline, treatment))


@click.command()
@click.argument("claims", nargs=-1, metavar="[CLAIM]...")
@click.option(
    "--seeds-at-most", type=click.IntRange(min=1), default=60, show_default=True, help="The most seeds to use in all."
)
@click.option(
    "--workflow", default="snakemake --cores all metrics", show_default=True, help="The command that trains a round."
)
def decide(claims: tuple[str, ...], seeds_at_most: int, workflow: str) -> None:
    """Add seeds in rounds until every CLAIM has a verdict.

    The verdict stays valid however often one looks.

    A claim is a grid, a cell, or CELL:METRIC; without any, all of the study.
    """
    from exaggerated_replay.commands.decide import run_rounds
    from exaggerated_replay.planning.params import PARAMS

    _wait_when_stopped()
    run_rounds(list(claims), seeds_at_most, _words(workflow), PARAMS, RESULTS)


@click.command()
@click.argument("sweeps", nargs=-1, required=True, metavar="arm=ARM KEY=VALUE,VALUE...")
@click.option("--seeds", required=True, help="The most seeds to choose on, as study.seeds, for example 100-119.")
@click.option("--test-seeds", required=True, help="Other seeds, on which the winner is tested.")
@click.option("--metric", default="overall", show_default=True, help="What decides: first20, first50 or overall.")
@click.option("--validation", type=float, default=0.2, show_default=True, help="Share of training data held out.")
@click.option("--workflow", default="snakemake --cores all", show_default=True, help="The command that trains a round.")
def select(sweeps: tuple[str, ...], seeds: str, test_seeds: str, metric: str, validation: float, workflow: str) -> None:
    """Choose settings on validation data, then test them.

    Candidates are all combinations of the values, such as arm=er method.memory_per_class=5,20; data and all else are as
    in params.yaml. Those that are shown to be worse drop out early. The winner is tried on test data with
    other seeds, and params.yaml holds its study at the end.
    """
    from exaggerated_replay.commands.selection import select

    _wait_when_stopped()
    print(select(sweeps, seeds, test_seeds, metric, validation, _words(workflow), CONF))


@click.command()
@click.argument("name")
def explain(name: str) -> None:
    """Explain where the numbers of NAME come from.

    NAME is a cell, a run or its digest. Of a run that is not trained yet it says what sets it apart from the nearest
    finished one.
    """
    from exaggerated_replay.commands.explain import explain

    print(explain(asked_plan(), name, RESULTS, store_folder()))


@click.command()
@click.argument("folder", type=STUDY)
@click.option("--seeds", help="Train only these seeds, such as 0,1, and compare their records but no tables.")
@click.option(
    "--data",
    type=PATH,
    multiple=True,
    help="A file that the study was made from, or another with the same samples.",
)
@click.option("--keep", type=PATH, help="Train in this folder and leave it there; otherwise it is removed.")
@click.option("--workflow", default="--cores all", show_default=True, help="Arguments for Snakemake.")
def rebuild(folder: Path, seeds: str | None, data: tuple[Path, ...], keep: Path | None, workflow: str) -> None:
    """Train the study in FOLDER again, and compare.

    It is trained by the code of the commit that made it.

    Exit status 1 if a number differs by more than a different processor would explain.
    """
    from exaggerated_replay.commands.rebuild import rebuild

    _wait_when_stopped()
    found = rebuild(folder, _numbers(seeds), data, keep, _words(workflow))
    print(found.told())
    if found.far:
        raise SystemExit(1)


def _wait_when_stopped() -> None:
    """Let SIGTERM end this process as Ctrl-C does: what it started is waited for, and what it built is tidied up."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def _words(workflow: str) -> list[str]:
    try:
        words = shlex.split(workflow)
    except ValueError:
        words = []
    if not words:
        raise UserError(f"--workflow is {workflow!r}, but must be words as a shell takes them, with quotes in pairs")
    return words


def _numbers(text: str | None) -> list[int]:
    try:
        return [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise UserError(f"--seeds is {text!r}, but must be numbers, as in 0,1") from None
