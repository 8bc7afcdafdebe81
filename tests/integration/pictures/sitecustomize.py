"""Lets the clones of the tests draw a study's figures once: the same study again gets copies of the same files.

Python imports this at every start where this folder is on its path. Drawing is three quarters of the job `study`, and
most tests that start it are about something else. PICTURES names the folder that keeps the drawings; without it, and
in every test that takes it away, all is drawn.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

CATALOGUE = "exaggerated_replay.figures.catalogue"
VARYING = "provenance.json"  # says how long the runs took; no figure shows it

DRAWN = ("figures", "print")


def key_of(package, folder):
    """Return a digest of all that figures show: the code, what the job wrote before, which checkpoints lie there."""
    digest = hashlib.sha256()
    files = (path for place in (package, folder) for path in sorted(place.rglob("*")) if path.is_file())
    for path in files:
        if path.suffix != ".pyc" and path.name != VARYING:
            digest.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    for path in sorted(folder.absolute().parents[1].glob("runs/*/*")):
        digest.update(f"{path.parent.name}/{path.name}\n".encode())
    return digest.hexdigest()


def drawn_once(real, package, place):
    """Return `draw_all`, which draws only what it never drew."""

    def draw_all(study, folder):
        kept = place / key_of(package, folder)
        if not kept.exists():
            real(study, folder)
            fresh = Path(tempfile.mkdtemp(dir=place))
            for drawn in filter(Path.exists, (folder / name for name in DRAWN)):
                shutil.copytree(drawn, fresh / drawn.name)
            try:
                fresh.rename(kept)
            except OSError:  # somebody else was faster
                shutil.rmtree(fresh)
        else:
            shutil.copytree(kept, folder, dirs_exist_ok=True)

    return draw_all


class Finder:
    """Finds the catalogue of figures as everybody does, and changes it once it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != CATALOGUE:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            package = Path(module.__file__).parents[1]
            module.draw_all = drawn_once(module.draw_all, package, Path(os.environ["PICTURES"]))

        spec.loader.exec_module = exec_module
        return spec


if "PICTURES" in os.environ:
    sys.meta_path.insert(0, Finder())
