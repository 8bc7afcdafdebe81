"""One module per format of raw files.

Each has `read(files)`, which takes the raw files as a dictionary from name to path and returns `x_train`, `y_train`,
`x_test` and `y_test`; `WHITE`, the largest value of a pixel; and `VERSION`, a whole number from 1 on, which is raised
where other arrays come out of the same files. A module that is put here can be named as `dataset.reader`; nothing else
needs to know of it.
"""

from pathlib import Path

from exaggerated_replay.errors import UserError


def only(files: dict[str, Path]) -> Path:
    """Return the one file of a format that has one.

    Raises:
        UserError: There are others, or none.
    """
    if len(files) != 1:
        raise UserError(f"dataset.files names {len(files)} files, but data in this format come in one file")
    (path,) = files.values()
    return path
