"""arms.md: the arms that studies name, from conf/arms.yaml."""

from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import yaml

from tools.reference.markdown import code, page, table

ARMS = Path("conf/arms.yaml")
LEFT_TO_HYPER = "???"
LOOK = ("label", "colour")


class Arm(NamedTuple):
    """One arm as it is written."""

    name: str
    label: str
    colour: str
    method: str
    settings: str
    comment: str  # above it, or above the arms before it


def arms_page() -> str:
    """Return the page of all arms."""
    introduction = (
        f"An arm is a method with its settings, a line of `{ARMS}`. What depends on the data, "
        "written `by hyper` here, is filled in by a [file of conf/hyper/](options.md#hyper). `${...}` is another "
        "setting's value. Every setting is explained in [settings](settings.md). Figures and pages call an arm by its "
        "label, and draw it in its colour; neither decides anything. An arm without a label is called by its name, one "
        'without a colour gets one that is free: `arms.mine.label="My method"`, `arms.mine.colour="#0072b2"`.'
    )
    sections = []
    for comment, arms in groupby(read_arms(ARMS), key=lambda arm: arm.comment):
        rows = [[code(arm.name), arm.label, arm.colour and code(arm.colour), arm.method, arm.settings] for arm in arms]
        sections.append(f"{comment}\n\n{table(['arm', 'label', 'colour', 'method', 'settings'], rows)}")
    return page("Arms", introduction, [*sections, "## Methods", _methods()])


def read_arms(path: Path) -> list[Arm]:
    """Return the arms of a file, in its order."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    document = yaml.compose(text, Loader=yaml.SafeLoader)
    if document is None:
        raise ValueError(f"{path} is empty")
    (node,) = (value for key, value in document.value if key.value == "arms")
    names = {id(value): key.value for key, value in node.value}
    found: list[Arm] = []
    for key, value in node.value:
        above = _above(lines, key.start_mark.line) or (found[-1].comment if found else "")
        label, colour, method = (_said(value, name) for name in (*LOOK, "method"))
        found.append(Arm(key.value, label, colour, method, _settings(value, names), above))
    return found


def _above(lines: list[str], line: int) -> str:
    """Return the comment right above a line."""
    first = line
    while first and lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return " ".join(text.strip().removeprefix("#").strip() for text in lines[first:line])


def _said(node: yaml.MappingNode, name: str) -> str:
    """Return what an arm says, or else the one that it repeats."""
    own = {key.value: value for key, value in node.value}
    if name in own:
        return str(own[name].value)
    return _said(own["<<"], name) if "<<" in own else ""


def _settings(node: yaml.MappingNode, names: dict[int, str]) -> str:
    written = [f"{key.value}: {_value(value)}" for key, value in node.value if key.value not in ("method", "<<", *LOOK)]
    same = next((names[id(value)] for key, value in node.value if key.value == "<<"), None)
    but = ", ".join(code(setting) for setting in written)
    return f"those of {code(same)}, but {but}" if same else but


def _value(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "{" + ", ".join(f"{key.value}: {_value(value)}" for key, value in node.value) + "}"
    return "by hyper" if node.value == LEFT_TO_HYPER else str(node.value)


def _methods() -> str:
    from exaggerated_replay.settings.methods import method_names

    rows = []
    for name in method_names():
        module = import_module(f"exaggerated_replay.methods.{name}")
        what = (module.__doc__ or "").strip().splitlines()[0]
        rows.append([f"[`{name}`](../../src/exaggerated_replay/methods/{name}/method.py)", what, str(module.VERSION)])
    return table(["method", "", "version"], rows)
