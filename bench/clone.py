"""A throw-away clone of the working tree, for whatever is to run without touching it."""

import shutil
from pathlib import Path

from exaggerated_replay.git import git


def throw_away_clone(repository: Path, folder: Path) -> None:
    """Copy what git tracks or would track, without results, and make the copy a repository of its own."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", at=repository)
    listed.check_returncode()
    for name in filter(None, listed.stdout.split("\0")):
        if not name.startswith("results/") and (repository / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, folder / name)
    git("init", "-q", at=folder).check_returncode()
