"""A page that leads to the reports of several studies."""

import os
from collections.abc import Sequence
from pathlib import Path

import jinja2

from exaggerated_replay.analysis.study.roles import exaggerates
from exaggerated_replay.analysis.study.study import open_study
from exaggerated_replay.analysis.study.tables import read_table
from exaggerated_replay.files import write_text
from exaggerated_replay.report.answer import answer
from exaggerated_replay.report.page import POLICY

TITLE, NEUTRAL = "Does feature exaggeration help generative replay?", "Continual learning: all studies"
"""Of the page, where some study exaggerates and where none does."""
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<link rel="icon" href="data:,">
<style>body { max-width: 44em; margin: 2em auto; padding: 0 1em; font: 1rem/1.5 system-ui, sans-serif; }</style>
</head>
<body>
<h1>{{ title }}</h1>
<dl>
{% for place, said in studies.items() %}
<dt><a href="{{ place | urlencode }}/report.html">{{ place }}</a></dt>
<dd>{{ said }}</dd>
{% endfor %}
</dl>
</body>
</html>
"""


def write_index(folders: Sequence[Path], target: Path) -> None:
    """Write a page with a link to the report of each study and the first sentence of its answer.

    Args:
        folders: Of the studies.
        target: The page.
    """
    said, title = {}, NEUTRAL
    for folder in folders:
        plan = open_study(folder).plan
        place = Path(os.path.relpath(folder, target.parent)).as_posix()
        said[place] = answer(plan, read_table(folder / "verdicts.csv")).first
        title = TITLE if exaggerates(plan) else title
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    page = environment.from_string(PAGE).render(studies=said, title=title, policy=POLICY)
    write_text(target, page + "\n")
