"""The documents: their links lead somewhere, and the errors that they explain are ones that the code tells."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("README.md", "CONTRIBUTING.md", "data/README.md", "docs/**/*.md")
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def anchors(text):
    """Return the anchors that a Git host gives the headings of a page."""
    found = []
    for heading in re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", shown.lower()).strip().replace(" ", "-")
        same = found.count(slug)
        found.append(f"{slug}-{same}" if same else slug)
    return found


def broken(page, root):
    """Return the relative links of a page that lead nowhere."""
    text = FENCE.sub("", (root / page).read_text(encoding="utf-8"))
    wrong = []
    for link in LINK.findall(text):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (root / page).parent / path if path else root / page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    assert broken(page, ROOT) == []


def test_a_link_to_a_missing_page_or_heading_is_noticed(tmp_path):
    (tmp_path / "a.md").write_text("[b](b.md#who-may-x) [c](c.md) [d](b.md#none) [w](https://x.org) [s](#one)\n# One\n")
    (tmp_path / "b.md").write_text("# Who may `x`?\n```\n# none\n```\n")
    assert broken("a.md", tmp_path) == ["c.md", "b.md#none"]


def test_the_index_leads_to_every_page():
    index = (ROOT / "docs/README.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / link.partition("#")[0]).resolve() for link in LINK.findall(index)}
    assert [page for page in PAGES if page.startswith("docs/") and (ROOT / page).resolve() not in linked] == [
        "docs/README.md"
    ]


def test_every_figure_that_lies_in_a_studys_folder_is_shown_on_its_page():
    figures = [path for path in ROOT.glob("results/*/figures/*.png")]
    assert len(figures) > 20
    pages = {path.parent: path.read_text(encoding="utf-8") for path in ROOT.glob("results/*/README.md")}
    assert [path for path in figures if f"(figures/{path.name})" not in pages[path.parents[1]]] == []


def test_the_readme_can_be_read_in_ninety_seconds():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert len(text.split()) <= 525


@cache
def said_by_the_code():
    """All texts of the package and the workflow, literals in a row joined."""
    files = [*ROOT.glob("src/**/*.py"), *ROOT.glob("workflow/**/*.smk"), ROOT / "Snakefile"]
    return re.sub(r'"\s*\n\s*f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in files))


def explained():
    """Yield the errors that troubleshooting quotes: what stands in code at the start of a row, with a space in it."""
    text = (ROOT / "docs/troubleshooting.md").read_text(encoding="utf-8")
    yield from (quote for quote in re.findall(r"^\| `([^`]+)`", text, re.MULTILINE) if quote not in NOT_OURS)


NOT_OURS = ("snakemake: command not found", "dvc pull", "diverged in task ...", "other bytes", "undecided")
"""What a shell, DVC or a table says, not an error of the package."""


@pytest.mark.parametrize("quote", list(explained()))
def test_an_error_that_is_explained_is_one_that_the_code_tells(quote):
    parts = [re.escape(part) for said in quote.split("...") if (part := said.strip(" ()"))]
    assert parts
    assert re.search(".*".join(parts), said_by_the_code())
