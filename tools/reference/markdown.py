"""Headings and tables in Markdown."""

from collections.abc import Iterable, Sequence


def page(title: str, introduction: str, sections: Iterable[str]) -> str:
    """Return a whole page."""
    note = "<!-- Written by `make reference` from the code: edit that instead. -->"
    return "\n\n".join([f"# {title}", note, introduction, *sections]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table. Columns that are empty in every row are left out."""
    lines = [list(row) for row in rows]
    kept = [i for i in range(len(header)) if any(line[i] for line in lines)]
    body = [_row([line[i] for i in kept]) for line in lines]
    return "\n".join([_row([header[i] for i in kept]), _row(["---"] * len(kept)), *body])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def code(text: object) -> str:
    """Return a piece of code within a sentence."""
    return f"`{text}`"


def sentence(text: str) -> str:
    """Return a comment as a sentence: a full stop at the end, and a capital letter, but for a name before a colon."""
    text = " ".join(text.split())
    if not text:
        return ""
    first = text.split()[0]
    start = text[0] if first.endswith(":") or "_" in first else text[0].upper()
    return start + text[1:] + ("" if text[-1] in ".!?:" else ".")
