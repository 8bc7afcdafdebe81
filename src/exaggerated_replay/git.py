"""What Git says of this repository, and of no other that the folder lies in or that the environment names."""

import os
import subprocess
from pathlib import Path

# By these the environment names another repository, or parts of one: below a hook of Git's, or in a shell that exports
# them. `git rev-parse --local-env-vars` lists them, with those that only configure Git.
OF_A_REPOSITORY = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_PREFIX",
)


def environment() -> dict[str, str]:
    """Return this process's environment without what names another repository."""
    return {key: value for key, value in os.environ.items() if key not in OF_A_REPOSITORY}


def git(*what: str, at: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run git in a folder (in this one by default), and return how it ended and what it said, in English.

    Raises:
        FileNotFoundError: There is no git.
    """
    english = environment() | {"LC_ALL": "C"}
    return subprocess.run(["git", *what], cwd=at, env=english, capture_output=True, text=True, check=False)


def why_unknown() -> str | None:
    """Say why no commit of Git's can be named for the files of this folder; None where one can."""
    try:
        top, head = git("rev-parse", "--show-toplevel"), git("rev-parse", "--verify", "HEAD")
    except FileNotFoundError:
        return "Git is not installed"
    if "dubious ownership" in top.stderr:
        return (
            "Git does not trust this folder, because it belongs to somebody else: `git config --global --add "
            "safe.directory FOLDER` lets it"
        )
    if top.returncode:
        return "this folder is not a Git repository"
    if Path(top.stdout.strip()).resolve() != Path.cwd():
        return "this folder is not a Git repository, but lies inside another one"
    return "this Git repository has no commit" if head.returncode else None
