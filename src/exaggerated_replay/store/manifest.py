"""What a study's folder holds and what that was made from, by digest: so that nobody need believe a file's time."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from exaggerated_replay.errors import UserError
from exaggerated_replay.files import digest_of, file_digest, read_json, write_json
from exaggerated_replay.places import MANIFEST, RECORD, RUNS

CODE = (
    *("analysis", "figures", "planning", "publishing", "report", "settings"),
    *("store/lines.py", "store/records.py", "strict_yaml.py", "wording.py"),
)
"""The code that makes a study's files, which the stage `metrics` of dvc.yaml names too: folders, and single modules."""


def made_from(plan: dict[str, Any], places: Mapping[str, Path] | None = None) -> str:
    """Return the digest of all that decides the content of a study's folder: plan, records, and the code between.

    Args:
        plan: As its file holds it.
        places: Run -> where its files lie, if not in results/runs/.
    """
    package = Path(__file__).parents[1]
    code = {
        str(path.relative_to(package)): file_digest(path)
        for part in CODE
        for path in [package / part, *sorted((package / part).rglob("*"))]
        if path.is_file() and "__pycache__" not in path.parts
    }
    paths = {name: (places or {}).get(name, RUNS / name) / RECORD for name in plan["runs"]}
    if missing := [path for path in paths.values() if not path.is_file()]:
        raise UserError(f"{missing[0]} is missing: train the study's runs first, with `snakemake models`")
    records = {name: file_digest(path) for name, path in paths.items()}
    return digest_of({"plan": plan, "records": records, "code": code})


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
