"""The model with its sizes, and where every loss attaches (Fig. 1)."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from exaggerated_replay.analysis.study.study import Study
from exaggerated_replay.figures.colours import BASELINE, INK, TREATMENT
from exaggerated_replay.figures.look import house_style
from exaggerated_replay.figures.sheet import DOUBLE, sheet

HEIGHT = 3.12
MAIN, TOP, BELOW, COPY = 1.98, 2.86, 1.2, 0.36
"""Heights of the four rows, in inches: the model, losses above it, what conditions it, the frozen copy."""
PAPER_WHITE, TINT = "#ffffff", "#eef1f4"


def of_study(study: Study) -> Figure:
    """Draw the model of a study with its sizes, as the cell in focus has them, or the last one with context gates."""
    gated = {name: cell for name, cell in study.plan.cells.items() if "gate_proportion" in cell.method}
    cell = gated.get(study.plan.focus) or [*gated.values()][-1]
    return draw(
        **study.records[cell.runs[0].name].problem,
        units=cell.setting("model.units"),
        latent=cell.setting("model.latent"),
        gate_proportion=cell.method["gate_proportion"],
    )


@house_style()
def draw(*, inputs: int, units: int, latent: int, classes: int, gate_proportion: float, bounded: bool) -> Figure:
    """Draw Fig. 1: the classifier that is also a variational autoencoder, and the frozen copy that replays.

    Args:
        inputs: Number of inputs: features, or image values.
        units: Units of each hidden layer.
        latent: Latent dimensions.
        classes: Classes of the whole data set.
        gate_proportion: Probability with which a class switches a decoder unit off.
        bounded: Whether inputs lie in [0, 1]: then the output is a sigmoid and D the binary cross-entropy.

    Returns:
        A figure two columns wide.
    """
    figure = sheet(DOUBLE, HEIGHT, layout=None)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, DOUBLE), ylim=(0, HEIGHT))
    axes.set_axis_off()
    _model(axes, inputs, units, latent, classes, gate_proportion, bounded)
    _losses(axes, "binary cross-entropy" if bounded else "half squared error")
    _replay(axes)
    return figure


def _model(
    axes: Axes, inputs: int, units: int, latent: int, classes: int, gate_proportion: float, bounded: bool
) -> None:
    _panel(axes, 0.93, 2.4, "encoder")
    _panel(axes, 4.27, 5.82, "decoder")
    output = "sigmoid" if bounded else "linear"
    row = [
        (0.42, f"input x\n{inputs:,}"),
        (1.3, f"fc\n{units:,}\nReLU"),
        (2.03, f"fc\n{units:,}\nReLU"),
        (3.83, f"z\n{latent:,}"),
        (4.65, f"gated fc\n{units:,}\nReLU"),
        (5.44, f"gated fc\n{units:,}\nReLU"),
        (6.45, f"output x\N{PRIME}\n{inputs:,}\n{output}"),
    ]
    for x, text in row:
        _box(axes, x, MAIN, 0.62, 0.5, text)
    _box(axes, 2.95, MAIN + 0.17, 0.72, 0.26, f"μ  {latent:,}")
    _box(axes, 2.95, MAIN - 0.17, 0.72, 0.26, f"log σ²  {latent:,}")
    for start, end in ((0.73, 0.99), (1.61, 1.72), (4.14, 4.34), (4.96, 5.13), (5.75, 6.14)):
        _arrow(axes, (start, MAIN), (end, MAIN))
    for side in (0.17, -0.17):
        _arrow(axes, (2.34, MAIN + side / 2), (2.59, MAIN + side))
        _arrow(axes, (3.31, MAIN + side), (3.52, MAIN + side / 2))
    _box(axes, 2.0, TOP, 1.05, 0.36, f"softmax classifier\n{classes:,} classes")
    _arrow(axes, (2.03, MAIN + 0.25), (2.03, TOP - 0.18))
    _box(axes, 3.78, BELOW, 1.0, 0.36, "learned Gaussian\nprior per class")
    _box(axes, 5.2, BELOW, 1.45, 0.36, f"class gates: each unit off\nwith probability {gate_proportion:g}")
    for x in (4.65, 5.44):
        _arrow(axes, (x, BELOW + 0.18), (x, MAIN - 0.25))
    axes.text(0.42, TOP, "current\ndata", ha="center", va="center")
    _arrow(axes, (0.42, TOP - 0.15), (0.42, MAIN + 0.25))


def _losses(axes: Axes, distance: str) -> None:
    _loss(axes, 3.525, TOP, 1.45, "classification (current)\ndistillation (replayed)")
    _arrow(axes, (2.525, TOP), (2.8, TOP), loss=True)
    _loss(axes, 2.55, BELOW, 0.95, "variational loss")
    _arrow(axes, (2.8, MAIN - 0.3), (2.8, BELOW + 0.12), loss=True)
    _arrow(axes, (3.28, BELOW), (3.025, BELOW), loss=True)
    _loss(axes, 5.1, TOP, 1.35, f"reconstruction\n{distance}")
    _loss(axes, 6.4, TOP, 1.05, "RR+RA\nreplayed only", TREATMENT)
    _arrow(axes, (6.3, MAIN + 0.25), (5.7, TOP - 0.18), loss=True)
    _arrow(axes, (6.45, MAIN + 0.25), (6.45, TOP - 0.18), TREATMENT, loss=True)


def _replay(axes: Axes) -> None:
    axes.add_patch(FancyBboxPatch((0.83, 0.06), 6.08, 0.76, "round,pad=0,rounding_size=0.06", fc=TINT, ec="none"))
    axes.text(
        6.85,
        0.7,
        "frozen copy of the model after the previous task",
        ha="right",
        va="center",
        color=BASELINE,
    )
    for x, width, text in (
        (6.2, 1.2, "class c, drawn from\nthe earlier classes"),
        (4.82, 1.0, "z, drawn from\nthe prior of c"),
        (3.55, 0.95, "decoder,\ngates of c"),
        (1.9, 1.75, "replayed x and its scores:\nsoft targets, competing classes"),
    ):
        _box(axes, x, COPY - 0.05, width, 0.36, text)
    for start, end in ((5.6, 5.32), (4.32, 4.025), (3.075, 2.775)):
        _arrow(axes, (start, COPY - 0.05), (end, COPY - 0.05))
    axes.plot([1.025, 0.42], [COPY - 0.05] * 2, color=INK, linewidth=0.8, solid_capstyle="butt")
    _arrow(axes, (0.42, COPY - 0.05), (0.42, MAIN - 0.25))


def _panel(axes: Axes, left: float, right: float, heading: str) -> None:
    axes.add_patch(
        FancyBboxPatch((left, MAIN - 0.34), right - left, 0.86, "round,pad=0,rounding_size=0.06", fc=TINT, ec="none")
    )
    axes.text(left + 0.07, MAIN + 0.41, heading, va="center", color=BASELINE)


def _box(axes: Axes, x: float, y: float, width: float, height: float, text: str) -> None:
    corner = (x - width / 2, y - height / 2)
    axes.add_patch(
        FancyBboxPatch(corner, width, height, "round,pad=0,rounding_size=0.04", fc=PAPER_WHITE, ec=INK, lw=0.8)
    )
    axes.text(x, y, text, ha="center", va="center", fontsize=7, linespacing=1.15)


def _loss(axes: Axes, x: float, y: float, width: float, text: str, colour: str = BASELINE) -> None:
    height = 0.36 if "\n" in text else 0.24
    corner = (x - width / 2, y - height / 2)
    axes.add_patch(FancyBboxPatch(corner, width, height, "round,pad=0,rounding_size=0.12", fc=colour, ec="none"))
    axes.text(x, y, text, ha="center", va="center", fontsize=7, linespacing=1.15, color="white")


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], colour: str = INK, *, loss: bool = False
) -> None:
    style = {"arrowstyle": "-|>", "mutation_scale": 6, "color": colour, "lw": 0.8, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style | ({"linestyle": "--"} if loss else {}))
