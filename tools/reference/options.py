"""options.md: the groups of conf/, with what each of their options sets."""

from pathlib import Path
from typing import Any

import yaml

from exaggerated_replay.places import CONF
from tools.reference.comments import Leaf, header, leaves
from tools.reference.markdown import code, page, sentence, table

GROUPS = {
    "dataset": "which data",
    "encoder": "whose features are learned from",
    "hyper": "strengths and lengths; a data set chooses its own",
    "size": "a miniature of any study on CIFAR-100, in a folder of its own",
    "reading": "the paper where it leaves a choice",
    "compute": "where and how to compute",
    "rules": "what a verdict takes",
}
LONGEST = 70  # letters of a value that is shown


def options_page() -> str:
    """Return the page of all groups but the studies."""
    introduction = (
        "`exaggerated-replay compose GROUP=OPTION` takes one option of a group; single settings may follow, as in "
        "`size=small model.units=300`. Studies have [a page of their own](studies.md), and so have [arms](arms.md). "
        "What a setting means: [settings](settings.md)."
    )
    usual = _defaults()
    sections = [f"## {group}\n\n{sentence(what)} By itself: {code(usual[group])}." for group, what in GROUPS.items()]
    options = ["\n\n".join(_option(path) for path in sorted((CONF / group).glob("*.yaml"))) for group in GROUPS]
    return page("Options of conf/", introduction, [f"{s}\n\n{o}" for s, o in zip(sections, options, strict=True)])


def _defaults() -> dict[str, str]:
    listed = yaml.safe_load((CONF / "config.yaml").read_text(encoding="utf-8"))["defaults"]
    return {group: option for entry in listed if isinstance(entry, dict) for group, option in entry.items()}


def _option(path: Path) -> str:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    everywhere = path.read_text(encoding="utf-8").startswith("# @package _global_")
    prefix = "" if everywhere else f"{path.parent.name}."
    rows = [_row(prefix, leaf) for leaf in leaves(path) if _says_something(leaf)]
    return "\n\n".join(
        part
        for part in (
            f"### {path.parent.name}={path.stem}",
            header(path),
            _builds_on(found.get("defaults", [])),
            table(["setting", "value", ""], rows) if rows else "",
        )
        if part
    )


def _builds_on(defaults: list[Any]) -> str:
    """Say which options a file begins with."""
    own = [code(entry) for entry in defaults if isinstance(entry, str) and entry != "_self_"]
    others = [
        code(f"{group.removeprefix('override /')}={option}")
        for entry in defaults
        if isinstance(entry, dict)
        for group, option in entry.items()
    ]
    return f"Begins with {', '.join([*own, *others])}." if own or others else ""


def _says_something(leaf: Leaf) -> bool:
    """Leave out what names the option itself, and what is null without a word on what else it could be."""
    names = leaf.key.rpartition(".")[2] in ("name", "suffix")
    return not names and (bool(leaf.comment) or leaf.value not in ("null", "[]", "{}"))


def _row(prefix: str, leaf: Leaf) -> list[str]:
    value = leaf.value if len(leaf.value) <= LONGEST else f"{leaf.value[:LONGEST]}..."
    return [code(prefix + leaf.key), code(value), sentence(leaf.comment)]
