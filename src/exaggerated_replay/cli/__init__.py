"""The command line: `exaggerated-replay SUBCOMMAND`, one per job, each beside its arguments.

A module is imported when one of its subcommands is asked for, and what a job needs when the job runs: importing torch
takes seconds, and most jobs need none.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from exaggerated_replay.cli.errors import tell
from exaggerated_replay.cli.output import draw_to_files, show_anything

MODULES = {
    "configuration": ("compose", "drift", "plan", "check"),
    "inputs": ("fetch", "prepare", "split", "fetch-encoder", "pretrain", "features"),
    "training": ("train",),
    "results": ("study", "report", "table", "compare", "decide", "select", "explain", "rebuild"),
    "store": ("status", "verify", "prune", "export", "import"),
}
"""Which module of this package holds which subcommands."""

PLACES = {command: module for module, commands in MODULES.items() for command in commands}


def is_job(command: click.Command) -> bool:
    """Tell whether a command is a job of the workflow, which gives it its plan."""
    return any(parameter.name == "plan" for parameter in command.params)


class Lazy(click.Group):
    """A group that imports a subcommand when it is asked for."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the subcommands in the order in which they are usually needed."""
        return list(PLACES)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the user types before the jobs that the workflow calls."""
        commands = {name: command for name in PLACES if (command := self.get_command(context, name))}
        width = formatter.width - max(map(len, commands)) - 6
        for title, wanted in (("Commands for you", False), ("Jobs that the workflow calls", True)):
            with formatter.section(title):
                chosen = {name: command for name, command in commands.items() if is_job(command) is wanted}
                formatter.write_dl([(name, command.get_short_help_str(width)) for name, command in chosen.items()])

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import a subcommand."""
        if name not in PLACES:
            return None
        return getattr(
            import_module(f"{__name__}.{PLACES[name]}"), {"import": "import_"}.get(name, name.replace("-", "_"))
        )


@click.command(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="Exit status: 0 done; 1 a bug in this program, or results that differ (report, rebuild); 2 something for "
    "you to fix, named in one sentence; 130 or 143 stopped from outside.",
)
@click.version_option(package_name="exaggerated-replay")
@click.option("--traceback", is_flag=True, help="Show where in the program an error came from.")
def group(traceback: bool) -> None:
    """Compose a study, see what came of it, and carry its runs about; and the jobs that `snakemake` calls."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    show_anything()
    draw_to_files()
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = [argument for argument in given if argument != "--traceback"]  # wherever it stands
    try:
        with group.make_context("exaggerated-replay", asked) as context:
            group.invoke(context)
        return 0
    except BaseException as error:
        return tell(error, traceback="--traceback" in given)
