"""YAML 1.2 read without guessing: no key twice, `1:30` is text, and nothing in a file runs code."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from exaggerated_replay.errors import UserError

LARGEST = 4 * 2**20  # bytes; what people write has some kilobytes


class WithoutAliases(Composer):
    """Refuses `*name`, with which a few lines can stand for gigabytes, or for themselves."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node."""
        if self.parser.check_event(AliasEvent):
            mark = self.parser.peek_event().start_mark
            raise ComposerError(None, None, "aliases are not read, write the value out", mark)
        return super().compose_node(parent, index)


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises:
        UserError: It is not valid YAML of plain values; line and column are named.
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    if not (path.is_file() or path.is_dir()):  # a device or a pipe may never end
        raise UserError(f"{path} is not a regular file")
    if size > LARGEST:
        raise UserError(f"{path} has {size} bytes, and no more than {LARGEST} are read")
    try:
        return parse_yaml(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8: byte {error.start + 1} is wrong") from None


def parse_yaml(text: str, name: str) -> Any:
    """Read YAML from a text; `name` is what a sentence calls it.

    Raises:
        UserError: It is not valid YAML of plain values.
    """
    reader = YAML(typ="safe", pure=True)
    reader.Composer = WithoutAliases
    try:
        values = reader.load(text)
        json.dumps(values)
        return values
    except DuplicateKeyError as error:
        key = error.problem.partition('"')[2].partition('"')[0]
        raise UserError(f"{name}: {_place(error)}the key {key} stands twice") from None
    except MarkedYAMLError as error:
        raise UserError(f"{name} is not valid YAML: {_place(error)}{error.problem or error.context}") from None
    except RecursionError:
        raise UserError(f"{name} is nested too deeply") from None
    except (YAMLError, ValueError, TypeError, OverflowError) as error:
        raise UserError(f"{name} is not valid YAML: {' '.join(str(error).split())[:200]}") from None


class Dumper(yaml.SafeDumper):
    """Writes YAML 1.1, with quotes around those texts, too, that only YAML 1.2 reads as numbers: 1e5 and 0o17."""


Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+$"), [*"-+.0123456789"]
)
Dumper.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"0o[0-7]+$"), ["0"])


def dump_yaml(values: Any) -> str:
    """Return plain values as YAML, in their own order."""
    return yaml.dump(values, Dumper=Dumper, sort_keys=False, width=110, allow_unicode=True)


def _place(error: MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
