"""Feature exaggeration in generative replay for continual learning, rebuilt from raw data to the last figure.

What a notebook needs can be imported from here (docs/how-to/read-numbers-in-python.md). Nothing is loaded before it is
used.
"""

from importlib import import_module
from typing import Any

PUBLIC = {
    "competition": "learning.competition",
    "sums_by_class": "learning.competition",
    "repulsion": "learning.competition",
    "attraction": "learning.competition",
    "likelihood_of": "learning.likelihoods",
    "load_run": "training.loading",
    "load_data": "data.prepared",
    "read_study": "analysis.study.study",
    "read_tasks": "analysis.study.tasks",
    "draw_figure": "figures.catalogue",
    "table_text": "analysis.questions.layout",
    "compose_values": "planning.compose",
    "check_params": "planning.params",
    "make_plan": "planning.plan",
    "UserError": "errors",
}
"""Name -> the module that it comes from."""

__all__ = sorted(PUBLIC)


def __getattr__(name: str) -> Any:
    """Import what is asked for."""
    if name not in PUBLIC:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    found = getattr(import_module(f"{__name__}.{PUBLIC[name]}"), name.replace("load_data", "load"))
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
