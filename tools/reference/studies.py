"""studies.md: what each study asks, and the grids that it consists of, from conf/study/."""

import re
from pathlib import Path
from typing import Any

import yaml

from tools.reference.comments import header
from tools.reference.markdown import code, page, table

STUDIES = Path("conf/study")
SHARED = Path("conf/config.yaml")


def studies_page() -> str:
    """Return the page of all studies."""
    introduction = (
        "`exaggerated-replay compose study=NAME` writes a study into `params.yaml`; `dataset=cifar100 size=small` "
        "makes a miniature of it. What the words in a grid mean: "
        "[ask another question](../how-to/ask-another-question.md). What a study costs: "
        "[clusters](../how-to/clusters.md#what-a-study-costs)."
    )
    usual = yaml.safe_load(SHARED.read_text(encoding="utf-8"))["study"]
    paths = sorted(STUDIES.glob("*.yaml"))
    rows = [[f"[{path.stem}](#{path.stem})", _first_sentence(header(path))] for path in paths]
    return page("Studies", introduction, [table(["study", ""], rows), *(_study(path, usual) for path in paths)])


def _first_sentence(text: str) -> str:
    """Return a text up to the first full stop or question mark after which another sentence begins."""
    return re.split(r"(?<=[.?]) (?=[A-Z])", text, maxsplit=1)[0]


def _study(path: Path, usual: dict[str, Any]) -> str:
    text = path.read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    study = found.get("study", found)
    begins = [code(entry.partition("@")[0]) for entry in found.get("defaults", []) if _is_study(entry)]
    seeds = study.get("seeds", None if begins else usual["seeds"])
    said = [
        f"Begins with {' and '.join(begins)}." if begins else "",
        f"Seeds: {seeds}." if seeds else "",
        f"Baseline: {code(study.get('baseline', usual['baseline']))}.",
        f"In the figures beside it: {code(study.get('treatment', usual['treatment']))}.",
    ]
    return "\n\n".join([f"## {path.stem}", header(path), " ".join(filter(None, said)), _grids(text)]).rstrip()


def _is_study(entry: Any) -> bool:
    return isinstance(entry, str) and entry != "_self_"


def _grids(text: str) -> str:
    """Return the grids as they are written, comments included; nothing where a study only begins with others."""
    lines = text.splitlines()
    start = next((number for number, line in enumerate(lines) if line.lstrip() == "grids:"), None)
    if start is None:
        return ""
    indent = len(lines[start]) - len(lines[start].lstrip())
    inside = lines[start + 1 :]
    length = next(
        (n for n, line in enumerate(inside) if line and len(line) - len(line.lstrip()) <= indent), len(inside)
    )
    block = "\n".join(line[indent:] for line in [lines[start], *inside[:length]])
    return f"```yaml\n{block}\n```"
