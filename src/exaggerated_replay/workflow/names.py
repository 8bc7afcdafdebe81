"""What is used of Snakemake beyond the language of its rules; docs/explanation/architecture.md says of each why.

Snakemake promises none of these names: they are those of the release that pyproject.toml names.
"""

from collections.abc import Iterable, Set
from typing import Any, Protocol

__all__ = ["DAG", "Job", "Options", "Rule", "Workflow"]


class Rule(Protocol):
    """A rule of the Snakefile."""

    name: str


class Job(Protocol):
    """A job that is to run."""

    rule: Rule
    output: Iterable[str]
    wildcards: Any


class DAG(Protocol):
    """The jobs of this start."""

    forcefiles: set[str]

    def needrun_jobs(self) -> Iterable[Job]:
        """Return the jobs that are to run."""


class Options(Protocol):
    """What was asked for on the command line."""

    targets: Set[str]
    forcerun: Set[str]
    forceall: bool
    forcetargets: bool
    until: Set[str]
    omit_from: Set[str]


class Workflow(Protocol):
    """The workflow as Snakemake holds it."""

    is_main_process: bool
    executor_plugin: Any
    dryrun: bool
    touch: bool
    non_local_exec: bool
    output_settings: Any
    dag: DAG
    dag_settings: Options
