"""Saving figures, byte for byte the same every time."""

from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from exaggerated_replay.errors import UserError
from exaggerated_replay.figures.look import house_style

COLOURS = 256
"""Of a small picture, shades at the edges of letters included: as many as a palette holds."""

# Of each form: its canvas, and what would differ between two saves of the same figure, or between versions of the
# plotting library. Called directly, because `savefig` draws a figure once more to settle a layout that is settled.
_CANVASES: dict[str, tuple[type[FigureCanvasBase], dict[str, None]]] = {
    "png": (FigureCanvasAgg, {"Software": None}),
    "pdf": (FigureCanvasPdf, {"CreationDate": None, "Creator": None, "Producer": None}),
    "svg": (FigureCanvasSVG, {"Date": None, "Creator": None}),
}


@house_style()
def save(figure: Figure, targets: Iterable[Path]) -> None:
    """Write a figure to files that depend on nothing else: no date, no version, no random identifier.

    Args:
        figure: Its layout is settled once and kept, so that all files look the same.
        targets: Files to write; the suffix (.png at 300 dpi, .pdf, .svg) chooses the format.

    Raises:
        UserError: If a suffix is none of the three.
    """
    if engine := figure.get_layout_engine():
        engine.execute(figure)
    figure.set_layout_engine("none")
    for target in map(Path, targets):
        form = target.suffix.removeprefix(".")
        if form not in _CANVASES:
            raise UserError(f"cannot save a figure as '{target.name}': end its name in .png, .pdf or .svg")
        target.parent.mkdir(parents=True, exist_ok=True)
        canvas, metadata = _CANVASES[form]
        figure.set_dpi(mpl.rcParams["savefig.dpi"])  # PDF and SVG leave it at their own
        getattr(canvas(figure), f"print_{form}")(target, metadata=metadata)


def small_picture(png: Path, target: Path) -> None:
    """Save a figure with as few colours as look the same: half the bytes at most, and the same ones every time."""
    with Image.open(png) as picture:
        wide = picture.convert("RGB")
    few = wide.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE)
    target.parent.mkdir(parents=True, exist_ok=True)
    few.save(target, "PNG", optimize=True)
