"""What a study's folder holds, by digest: so that nobody need believe a file's time."""

from collections.abc import Iterable
from pathlib import Path

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import file_digest, read_json, write_json
from exaggerated_replay.places import MANIFEST


def write_manifest(folder: Path, made_from: str, files: Iterable[str]) -> None:
    """Write which files were made, from what, and what is in them.

    Args:
        folder: The study's folder, which gets the manifest.
        made_from: Digest of all that decides their content.
        files: Their paths.
    """
    digests = {name: file_digest(Path(name)) for name in sorted(files)}
    write_json(folder / MANIFEST, {"made_from": made_from, "files": digests})


def read_manifest(folder: Path, made_from: str) -> dict[str, str]:
    """Return the SHA-256 of each file that was made from just this; nothing where it was made from something else."""
    try:
        said = read_json(folder / MANIFEST)
        return dict(said["files"]) if said["made_from"] == made_from else {}
    except (UserError, OSError, KeyError, TypeError, ValueError):
        return {}
