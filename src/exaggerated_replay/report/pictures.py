"""The figures of a study, put into the page itself, each with its caption and a text for those who do not see it."""

import base64
import re
from collections import Counter
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from exaggerated_replay.analysis.study.outputs import all_figures
from exaggerated_replay.analysis.study.paper import speaks_of
from exaggerated_replay.analysis.study.roles import exaggerates
from exaggerated_replay.analysis.words import in_words
from exaggerated_replay.planning.study_plan import StudyPlan

POINTS_PER_INCH = 72
PIXELS_PER_INCH = 128
"""Letters of 7.5 points on a figure come out as 13 pixels."""
MOST_BYTES = 250_000
"""Larger drawings, of thousands of dots, are taken as PNG."""


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it.

    Attributes:
        name: Of its file, without the ending.
        title: What it shows, in a few words.
        caption: How to read it.
        data: Itself, as a `data:` address.
        width: In pixels, where there is room.
        height: In pixels.
        narrow: The same with its panels stacked, for a narrow screen; or nothing, where that makes no difference.
    """

    name: str
    title: str
    caption: str
    data: str
    width: int
    height: int
    narrow: str

    @property
    def alt(self) -> str:
        """What stands in for the picture: its title and the first sentence of its caption."""
        first = re.split(r"\. (?=[A-Z(])", self.caption, maxsplit=1)[0]  # "Fig. 2" ends no sentence
        return f"{self.title}. {first.rstrip('.')}."


def titles(plan: StudyPlan) -> dict[str, str]:
    """Return what each figure of a study is called: what its kind shows and, where several do, of which grid."""
    kinds = {name: kind.title for name, kind in all_figures(plan).items()}
    met = Counter(kinds.values())
    return {name: title if met[title] == 1 else f"{title}: {in_words(name)}" for name, title in kinds.items()}


def pictures(plan: StudyPlan, folder: Path) -> dict[str, Picture]:
    """Return the figures that lie in a study's folder, by name."""
    called = titles(plan)
    return {
        name: _picture(folder / "print", name, called[name], caption(kind.name, plan))
        for name, kind in all_figures(plan).items()
        if _drawn(folder, name)
    }


def caption(kind: str, plan: StudyPlan) -> str:
    """Return how to read a figure of a kind; of exaggeration and of the paper it says something where a study does."""
    said = {"": True, ".exaggeration": exaggerates(plan), ".paper": speaks_of(plan)}
    captions = files(__package__).joinpath("captions")
    parts = [captions.joinpath(f"{kind}{about}.rst") for about, there in said.items() if there]
    return " ".join(part.read_text(encoding="utf-8").strip() for part in parts if part.is_file())


def _drawn(folder: Path, name: str) -> bool:
    return (folder / "print" / f"{name}.svg").is_file()


def _picture(folder: Path, name: str, title: str, caption: str) -> Picture:
    drawing, stacked = (folder / f"{name}.svg").read_bytes(), folder / f"{name}-narrow.svg"
    narrow = stacked.read_bytes() if stacked.is_file() else drawing
    width, height = _size(name, drawing)
    small = len(drawing) <= MOST_BYTES
    data = _address(drawing, "svg+xml") if small else _address((folder / f"{name}.png").read_bytes(), "png")
    differs = len(narrow) <= MOST_BYTES and _size(name, narrow)[0] < width
    return Picture(*(name, title, caption, data, width, height), narrow=_address(narrow, "svg+xml") * differs)


def _size(name: str, drawing: bytes) -> tuple[int, int]:
    """Return width and height of a drawing in pixels."""
    size = re.search(rb'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"', drawing)
    if size is None:
        raise ValueError(f"{name}.svg does not say its size in points")
    width, height = (round(float(side) / POINTS_PER_INCH * PIXELS_PER_INCH) for side in size.groups())
    return width, height


def _address(content: bytes, form: str) -> str:
    return f"data:image/{form};base64,{base64.b64encode(content).decode()}"
