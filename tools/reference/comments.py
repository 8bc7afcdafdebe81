"""What is written beside settings: comments of files in conf/ and of the fields of dataclasses."""

import ast
import inspect
import re
import textwrap
import tokenize
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import yaml


class Leaf(NamedTuple):
    """One setting in a file of conf/."""

    key: str  # dotted
    value: str  # as it is written
    comment: str


def header(path: Path) -> str:
    """Return the comment at the top of a file, as one paragraph; code examples in it are left out."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        if not line.startswith(("# @package", "#   ")):
            lines.append(line.removeprefix("#").strip())
    text = " ".join(lines)
    return f"{text[:-1]}." if text.endswith(":") else text


def leaves(path: Path) -> list[Leaf]:
    """Return all settings of a file of conf/ with the comments on their lines."""
    text = path.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return list(_leaves(root, "", text)) if isinstance(root, yaml.MappingNode) else []


def _leaves(node: yaml.MappingNode, prefix: str, text: str) -> Iterator[Leaf]:
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from _leaves(value, f"{name}.", text)
        elif name != "defaults":
            written = " ".join(text[value.start_mark.index : value.end_mark.index].split())
            yield Leaf(name, written, comment_after(text, value.end_mark.index))


def comment_after(text: str, index: int) -> str:
    """Return the comment on the rest of a line, if there is one."""
    found = re.search(r"\s#(.*)", text[index:].split("\n", 1)[0])
    return found[1].strip() if found else ""


def field_comments(kind: type) -> dict[str, str]:
    """Return the comments beside the fields of a dataclass, of those that it inherits too."""
    found: dict[str, str] = {}
    for owner in reversed(kind.__mro__):
        if "__annotations__" in vars(owner) and owner.__module__.startswith("exaggerated_replay"):
            found |= {name: comment for name, comment in _own_comments(owner).items() if comment or name not in found}
    return found


def _own_comments(kind: type) -> dict[str, str]:
    source = textwrap.dedent(inspect.getsource(kind))
    tokens = tokenize.generate_tokens(StringIO(source).readline)
    by_line = {token.start[0]: token.string[1:].strip() for token in tokens if token.type == tokenize.COMMENT}
    (body,) = (node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    fields = [node for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    return {node.target.id: _plain(by_line.get(node.end_lineno or 0, "")) for node in fields}  # type: ignore[union-attr]


def _plain(comment: str) -> str:
    """Leave out what a comment says to tools."""
    return "" if comment.startswith(("type:", "noqa")) else comment
