"""studies.md: what each study asks and runs, composed as the workflow composes it."""

from pathlib import Path
from typing import Any

from exaggerated_replay import check_params, compose_values, make_plan
from tools.reference.comments import header
from tools.reference.markdown import code, page, table

CONF = Path("conf")
DATA = "cifar100"  # the data that every study can be composed with


def studies_page() -> str:
    """Return the page of all studies."""
    introduction = (
        "`exaggerated-replay compose study=NAME` writes a study into `params.yaml`; with `dataset=cifar100 size=small` "
        "it becomes a miniature. Values here are those for CIFAR-100. Cells that two grids share are trained once. "
        "What the words in a grid mean: [ask another question](../how-to/ask-another-question.md). "
        "What a study costs: [clusters](../how-to/clusters.md#what-a-study-costs)."
    )
    found = {path.stem: composed(path.stem) for path in sorted((CONF / "study").glob("*.yaml"))}
    rows = [[f"[{name}](#{name})", *map(str, numbers)] for name, (_, *numbers) in found.items()]
    overview = table(["study", "cells", "seeds", "runs"], rows)
    sections = [_study(name, values["study"]) for name, (values, *_) in found.items()]
    return page("Studies", introduction, [overview, *sections])


def composed(name: str) -> tuple[dict[str, Any], int, int, int]:
    """Return a study's params.yaml, and how many cells, seeds and runs it has."""
    values = compose_values(CONF, [f"dataset={DATA}", f"study={name}"])
    plan = make_plan(check_params(values))
    return values, len(plan.cells), len(plan.params.study.seed_list), len(plan.runs)


def _study(name: str, study: dict[str, Any]) -> str:
    rows = [[grid, _row(row)] for grid, given in study["grids"].items() for row in given]
    compared = f"Against {code(study['baseline'])}; figures show {code(study['treatment'])} beside it."
    return "\n\n".join([f"## {name}", header(CONF / f"study/{name}.yaml"), compared, table(["grid", "cells"], rows)])


def _row(row: dict[str, Any]) -> str:
    return "; ".join(f"{key}: {_values(value)}" for key, value in row.items())


def _values(value: Any) -> str:
    if isinstance(value, dict):
        return " and ".join(f"{key} {_values(own)}" for key, own in value.items())
    return (
        ", ".join(_values(one) for one in value) if isinstance(value, list) else "null" if value is None else f"{value}"
    )
