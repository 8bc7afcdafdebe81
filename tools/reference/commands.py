"""command-line.md: every subcommand with its arguments, from click's help."""

import click

from exaggerated_replay.cli import group, is_job
from tools.reference.markdown import page, table

PROGRAM = "exaggerated-replay"
WIDTH = 100


def commands_page() -> str:
    """Return the page of the command line."""
    introduction = (
        f"`{PROGRAM} COMMAND --help` says the same. Commands with `--plan` are jobs of the workflow; "
        "`snakemake` calls them."
    )
    context = click.Context(group, info_name=PROGRAM, **group.context_settings)
    commands = {name: command for name in group.list_commands(context) if (command := group.get_command(context, name))}
    jobs = [name for name, command in commands.items() if is_job(command)]
    yours = [name for name in commands if name not in jobs]
    return page(
        "Command line",
        introduction,
        [
            *("## For you", _overview(commands, yours), *(_help(commands[name], context) for name in yours)),
            *("## Jobs of the workflow", _overview(commands, jobs), *(_help(commands[name], context) for name in jobs)),
            f"## Exit status\n\n{group.epilog}",
        ],
    )


def _overview(commands: dict[str, click.Command], names: list[str]) -> str:
    rows = [[f"[{name}](#{name})", " ".join((commands[name].help or "").split("\n\n")[0].split())] for name in names]
    return table(["command", ""], rows)


def _help(command: click.Command, group_context: click.Context) -> str:
    context = click.Context(command, parent=group_context, info_name=command.name, terminal_width=WIDTH)
    return f"### {command.name}\n\n```text\n{command.get_help(context)}\n```"
