"""Files that appear whole or not at all, and digests of what is in them."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from exaggerated_replay.errors import UserError
from exaggerated_replay.places import is_experiments_copy

UMASK = os.umask(0)  # there is no other way to read it
os.umask(UMASK)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path that becomes `target` when the block ends without an error.

    Missing parent folders are made. When the block raises, the temporary file goes and `target` stays as
    it was. The file gets the permissions that the user's umask leaves, whoever wrote it.

    Raises:
        UserError: `target` is something else than a regular file: a folder, a device, a pipe.
        OSError: It cannot be written; the error names a file.
    """
    if (target.exists() or target.is_symlink()) and not target.is_file():
        raise UserError(f"{target} is not a regular file, and is left as it is: name another file")
    try:
        with scratch_beside(target) as folder:
            temporary = folder / target.name
            yield temporary
            with suppress(OSError):  # CIFS and FUSE may let nobody set permissions, and have their own
                temporary.chmod(0o666 & ~UMASK)
            os.replace(temporary, target)
    except SafetensorError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))  # it says no more of a full disk, say
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(target)) from error
    except OSError as error:
        if error.filename is None or f".{target.name}.part" in Path(os.fsdecode(error.filename)).parts:
            error.filename, error.filename2 = str(target), None  # that is what the user asked for
        raise


@contextmanager
def scratch_beside(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target`, hence on its file system, that goes when the block ends.

    What killed processes left there goes, too, whatever libraries called it; what a living one has there stays.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    shared = target.with_name(f".{target.name}.part")
    for old in list(shared.iterdir()) if shared.is_dir() else []:
        if old.name.isdigit() and not is_alive(int(old.name)):
            shutil.rmtree(old, ignore_errors=True)
    own = shared / str(os.getpid())
    shutil.rmtree(own, ignore_errors=True)
    own.mkdir(parents=True)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
        with suppress(OSError):  # another process makes the same file
            shared.rmdir()


def no_such_file(key: str, path: Path) -> UserError:
    """Return what to say of a file that a setting names and that is not there."""
    told = f"{key}: there is no file {path}"
    if is_experiments_copy() and not path.is_absolute():
        told += (
            "; this experiment runs in a copy, which has what Git tracks and no other file: give the whole path of the "
            f"file, add it to Git, or queue the experiment with `-C {path}`"
        )
    return UserError(told)


def is_alive(process: int) -> bool:
    """Tell whether a process of this number is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def link(source: Path, target: Path) -> None:
    """Give a file a second name in one step; where that cannot be, as on another file system, copy it.

    Its permissions stay as they are: they may be those of DVC's cache, which has the same file.
    """
    with scratch_beside(target) as folder:
        temporary = folder / target.name
        try:
            os.link(os.path.realpath(source), temporary)
        except OSError:
            shutil.copyfile(source, temporary)
        os.replace(temporary, target)


def write_text(target: Path, text: str) -> None:
    """Write a text file in one step."""
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(target: Path, value: Any) -> None:
    """Write a value as JSON that people can read and that is the same bytes every time."""
    write_text(target, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: The file is missing, or is not JSON.
    """
    try:
        return parse_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run the workflow to make it") from None
    except ValueError:
        raise UserError(f"{path} is not valid JSON: delete it and run the workflow again") from None


def parse_json(text: bytes) -> Any:
    """Read a value from JSON in UTF-8.

    Raises:
        ValueError: It is not JSON, or is nested too deeply.
    """
    try:
        return json.loads(text.decode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON, in hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
