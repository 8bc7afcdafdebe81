"""A throw-away clone of the working tree, for whatever is to run without touching it."""

import shutil
import subprocess
from pathlib import Path


def throw_away_clone(repository: Path, folder: Path) -> None:
    """Copy what git tracks or would track, without results, and make the copy a repository of its own."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=repository, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if not name.startswith("results/") and (repository / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, folder / name)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
