"""Lets the clones of the tests draw a study's figures once: the same study again gets copies of the same files.

Python imports this at every start where this folder is on its path. PICTURES names the folder that keeps the drawings;
without it, and in every test that takes it away, all is drawn.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

CATALOGUE = "exaggerated_replay.figures.catalogue"


class Finder:
    """Finds the catalogue of figures as everybody does, and changes it once it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != CATALOGUE:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            from drawn_once import drawn_once

            load(module)
            package = Path(module.__file__).parents[1]
            module.draw_all = drawn_once(module.draw_all, package, Path(os.environ["PICTURES"]))

        spec.loader.exec_module = exec_module
        return spec


if "PICTURES" in os.environ:
    sys.meta_path.insert(0, Finder())
