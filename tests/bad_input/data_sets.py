"""Data sets of the user's own that cannot be learned from."""

import io
import zipfile
from pathlib import Path

import numpy as np

from tests.bad_input.params_and_conf import COMPOSED
from tests.bad_input.place import Change, Row, arrays, cut, folder, npz, text


def _npz_rows() -> dict[str, Change]:
    good = arrays()
    x, y = good["x_train"], good["y_train"]
    claims = io.BytesIO()
    np.lib.format.write_array_header_1_0(claims, {"shape": (2**40, 4096), "fortran_order": False, "descr": "<f8"})

    def claiming() -> None:
        npz()()
        with zipfile.ZipFile("mine.npz", "a") as archive:
            archive.writestr("x_train.npy", claims.getvalue())

    def huge() -> None:
        with zipfile.ZipFile("mine.npz", "w") as archive:
            for name in good:
                archive.writestr(f"{name}.npy", claims.getvalue())

    def single() -> None:
        np.save("mine.npy", x)
        Path("mine.npy").rename("mine.npz")

    return {
        **{f"without {name}": npz(**{name: None}) for name in good},
        "no arrays": npz(**dict.fromkeys(good)),
        "too few labels": npz(y_train=y[:-1]),
        "too many labels": npz(y_train=np.append(y, 0)),
        "labels from 1": npz(y_train=y + 1, y_test=good["y_test"] + 1),
        "a label below 0": npz(y_train=y - 1),
        "labels with a hole": npz(y_train=y * 2, y_test=good["y_test"] * 2),
        "one class": npz(y_train=y * 0, y_test=good["y_test"] * 0),
        "a class without test": npz(y_test=good["y_test"] % 3),
        "labels with fractions": npz(y_train=y + 0.5),
        "labels as text": npz(y_train=y.astype(str)),
        "labels as truth values": npz(y_train=y > 1),
        "labels in two columns": npz(y_train=np.stack([y, y], 1)),
        "no labels": npz(y_train=y[:0]),
        "a huge unsigned label": npz(y_train=y.astype(np.uint64) + np.uint64(2**63)),
        "no inputs": npz(x_train=x[:0], y_train=y[:0]),
        "inputs of another shape": npz(x_test=good["x_test"][:, :5]),
        "inputs of another type": npz(x_test=(good["x_test"] * 255).astype(np.uint8)),
        "inputs of one dimension": npz(x_train=x[:, 0], x_test=good["x_test"][:, 0]),
        "inputs of five dimensions": npz(x_train=x[:, None, None, None], x_test=good["x_test"][:, None, None, None]),
        "inputs as text": npz(x_train=x.astype(str)),
        "complex inputs": npz(x_train=x.astype(complex)),
        "inputs that are not numbers": npz(x_train=x * np.nan),
        "infinite inputs": npz(x_train=np.full_like(x, np.inf)),
        "inputs too large for float32": npz(x_train=x.astype(np.float64) + 1e300),
        "inputs as whole numbers": npz(x_train=(x * 9).astype(np.int32)),
        "pickled objects": npz(x_train=np.array([{"a": 1}] * 40, dtype=object)),
        "named columns": npz(x_train=np.zeros(40, dtype=[("a", "f4")])),
        "dates": npz(x_train=np.zeros((40, 6), dtype="datetime64[s]")),
        "a header that claims petabytes": claiming,
        "headers that claim petabytes": huge,
        "a single array": single,
        "cut in half": cut("mine.npz", 0.5),
        "cut by a little": cut("mine.npz", 0.98),
        "nothing": text("mine.npz", b""),
        "a text": text("mine.npz", "x_train,y_train\n1,2\n"),
        "an archive of something else": lambda: zipfile.ZipFile("mine.npz", "w").writestr("a.txt", "a"),
        "a folder": folder("mine.npz"),
    }


NPZ = _npz_rows()

FOR_PLANNING = (
    "without y_train",
    "labels from 1",
    "one class",
    "cut in half",
    "nothing",
    "a folder",
    "pickled objects",
)


def rows() -> list[Row]:
    """Return all of them."""
    listed = [Row(f"npz: {what}", change, ("prepare", "PLAN", "SOURCE"), ("mine.npz",)) for what, change in NPZ.items()]
    listed += [
        Row(f"npz: {what}, composed", change, COMPOSED, ("mine.npz",))
        for what, change in NPZ.items()
        if what in FOR_PLANNING
    ]
    return listed
