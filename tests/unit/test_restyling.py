"""docs/how-to/restyle-figures.md: its examples run; figures and tables as somebody wants them, and what is refused."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.text import Text
from sample_figures import study, words, written
from studies import made

from exaggerated_replay import UserError, cli, draw_figure, table_text
from exaggerated_replay.analysis.questions.layout import escaped
from exaggerated_replay.figures import catalogue, look, naming, saving, sheet

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs/how-to/restyle-figures.md"
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
COMMANDS = re.findall(r"^exaggerated-replay (table .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
CLAIMS = REPOSITORY / "results/claims-small"


@pytest.fixture
def small(monkeypatch):
    """A study made up, as if its folder were opened."""
    plan, runs = study()
    monkeypatch.setattr(catalogue, "open_study", lambda folder: made(plan, runs))
    return Path("results/made-up")


def colours_of(figure):
    """The colours of everything that is drawn as a line with dots."""
    return {to_hex(line.get_color()) for axes in figure.axes for line in axes.lines if len(line.get_xdata())}


# ---------------------------------------------------------------- the page


def test_the_examples_run_and_make_what_the_page_says(tmp_path, monkeypatch, capsys):
    (tmp_path / "results").symlink_to(REPOSITORY / "results")
    monkeypatch.chdir(tmp_path)
    names, shown = {}, []
    assert len(BLOCKS) == 3
    for block in BLOCKS:
        exec(compile(block, PAGE, "exec"), names)  # noqa: S102 (the page is ours)
        shown.append(names["figure"])
    assert {"Baseline", "Ours"} <= written(shown[0])
    assert to_hex("tab:blue") in colours_of(shown[0])
    assert shown[0].get_size_inches().tolist() == [3.4, 4.2]
    assert (tmp_path / "forgetting.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "mine.pdf").read_bytes().startswith(b"%PDF")
    assert "\\caption{Gains, in points}" in names["text"]
    (command,) = COMMANDS
    assert cli.main(shlex.split(command)) == 0
    assert capsys.readouterr().out == names["text"]


# ---------------------------------------------------------------- figures


@pytest.mark.parametrize("name", ["table1", "convergence"])
def test_titles_of_narrow_panels_do_not_reach_into_each_other(small, name):
    figure = draw_figure(small, name, size=(sheet.SINGLE, 2.5))
    figure.draw_without_rendering()
    said = [(axes, axes.get_title("left")) for axes in figure.axes if axes.get_title("left")]
    titles = [text for axes, title in said for text in axes.findobj(Text) if text.get_text() == title]
    boxes = [title.get_window_extent() for title in titles]
    assert len(boxes) > 1
    assert not [(a, b) for a in boxes for b in boxes if a is not b and a.overlaps(b)]
    assert {" ".join(title.get_text().split()) for title in titles} <= written(draw_figure(small, name))


def test_without_a_wish_a_figure_is_that_of_the_house(small, tmp_path):
    with mpl.rc_context({"font.size": 20}):
        saving.save(draw_figure(small, "table1"), [tmp_path / "asked.svg"])
    saving.save(catalogue._draw(made(*study()), "table1", small), [tmp_path / "house.svg"])
    assert (tmp_path / "asked.svg").read_bytes() == (tmp_path / "house.svg").read_bytes()


def test_an_arm_has_its_name_and_colour_wherever_it_is_drawn(small):
    figure = draw_figure(small, "convergence", names={"rr-ra": "Ours $5"}, colours={"rr-ra": "lime", "bir-si": "C0"})
    assert {r"Ours \$5", "BI-R+SI"} <= written(figure)
    assert "RR+RA" not in written(figure)
    assert {to_hex("lime"), to_hex("C0")} <= colours_of(figure)
    assert to_hex("#d55e00") not in colours_of(figure)


def test_a_cell_has_a_name_and_a_colour_of_its_own(small):
    usual = written(draw_figure(small, "table1"))
    figure = draw_figure(small, "table1", names={"rr-ra-f5": "weak", "bir-si": "BASE"}, colours={"rr-ra-f5": "red"})
    assert {"f = 5", "f = 20", "difference of RR+RA from BI-R+SI (digits; percentage points)"} <= usual
    assert {"weak", "f = 20", "difference of RR+RA from BASE (digits; percentage points)"} <= written(figure)
    assert "f = 5" not in written(figure)
    assert {"#ff0000", "#d55e00"} <= colours_of(figure)  # the other row keeps that of its arm


def test_the_name_of_an_arm_stands_before_the_settings_of_its_cells():
    plan = made(*study()).plan
    with look.looking(look.Look(names={"rr-ra": "Ours"})):
        assert [naming.cell_name(plan, cell) for cell in ("rr-ra", "rr-ra-f5", "bir-si")] == [
            "Ours",
            "Ours, f = 5",
            "BI-R+SI",
        ]
    assert naming.cell_name(plan, "rr-ra-f5") == "RR+RA, f = 5"


def test_size_and_style_are_those_asked_for(small):
    figure = draw_figure(small, "table1", size=(5, 2.5), style=[{"font.family": "DejaVu Serif"}, "dark_background"])
    assert figure.get_size_inches().tolist() == [5, 2.5]
    assert {text.get_fontname() for text in words(figure)} == {"DejaVu Serif"}
    assert to_hex(figure.get_facecolor()) == "#000000"
    assert draw_figure(small, "table1").findobj(Text)[0].get_fontname() == "DejaVu Sans"


def test_of_two_arms_with_one_label_another_may_be_named_and_the_two_still_may_not_be_alike():
    folder = REPOSITORY / "results/confirm-small"  # its ra and ra-acting differ in their weights alone
    assert "Base" in " ".join(written(draw_figure(folder, "confirm", names={"bir-si": "Base"})))
    with pytest.raises(UserError, match="two arms or cells would be called 'RA'"):
        draw_figure(folder, "confirm", names={"bir-si": "RA"})


def test_panels_stand_one_below_the_other_where_asked(small):
    lefts = [
        {axes.get_subplotspec().colspan.start for axes in draw_figure(small, "table1", stacked=stacked).axes}
        for stacked in (False, True)
    ]
    assert lefts == [{0, 1, 2}, {0}]


@pytest.mark.parametrize(
    ("name", "wish", "told"),
    [
        ("nope", {}, r"nope is not a figure of the study mine: choose among .*forgetting.*, table1"),
        ("table1", {"names": {"x": "y"}}, r"x is not an arm or a cell of the study mine: choose among bir-si, rr-ra, "),
        ("table1", {"colours": {"x": "red"}}, "x is not an arm or a cell"),
        ("table1", {"names": {"rr-ra": "BI-R+SI"}}, r"two arms or cells would be called 'BI-R\+SI'"),
        ("table1", {"names": {"bir-si": "a", "rr-ra": "a"}}, "two arms or cells would be called 'a'"),
        ("table1", {"colours": {"rr-ra": "reddish"}}, "the colour of rr-ra is 'reddish', which matplotlib does not"),
        ("table1", {"size": (3.4, 0)}, r"size is \(3.4, 0\), but must be a width and a height in inches"),
        ("table1", {"size": (3.4,)}, "must be a width and a height"),
        ("table1", {"size": 5}, "must be a width and a height"),
        ("table1", {"size": ("a", 2)}, "must be a width and a height"),
        ("table1", {"style": "no-such-style"}, "style is 'no-such-style', which matplotlib cannot use: "),
        ("table1", {"style": {"font.sise": 3}}, "style is .*, which matplotlib cannot use: "),
        ("mechanism", {}, "mechanism cannot be drawn from results/made-up: it needs checkpoints or traces"),
    ],
)
def test_what_is_unknown_is_refused_in_a_sentence(small, name, wish, told):
    with pytest.raises(UserError, match=told) as refused:
        draw_figure(small, name, **wish)
    assert "\n" not in str(refused.value)


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not the folder of a study"):
        draw_figure(tmp_path, "table1")


# ---------------------------------------------------------------- tables


def rows_of(tex):
    """The rows of the only tabular in a table: lists of cells, each as often as the columns that it spans."""
    (body,) = re.findall(r"\\begin\{tabular\}\{l+\}\n(.*)\\end\{tabular\}", tex, re.DOTALL)
    lines = [line for line in body.splitlines() if not re.fullmatch(r"\\(top|mid|bottom)rule", line)]
    assert all(line.endswith(r" \\") for line in lines)
    rows = []
    for line in lines:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)&", line.removesuffix(r"\\"))]
        spans = [re.match(r"\\multicolumn\{(\d)\}", cell) for cell in cells]
        rows.append([cell for cell, span in zip(cells, spans, strict=True) for _ in range(int(span[1]) if span else 1)])
    return rows


def check_structure(tex):
    """Every environment and brace is closed in its order; each row has as many cells as there are columns."""
    assert tex.isascii()
    begun = re.findall(r"\\(begin|end)\{([a-z*]+)\}", tex)
    assert begun == [("begin", "table*"), ("begin", "tabular"), ("end", "tabular"), ("end", "table*")]
    depth = 0
    for sign in re.sub(r"\\[{}\\]", "", tex):
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0
    (columns,) = re.findall(r"\\begin\{tabular\}\{(l+)\}", tex)
    assert {len(row) for row in rows_of(tex)} == {len(columns)}
    bare = re.sub(r"\\[%&#_${}\\]", "", tex)
    assert not re.search("[%#^]", bare)
    assert bare.count("$") % 2 == 0
    assert "_" not in re.sub(r"\\label\{[^}]*\}", "", bare)


@pytest.mark.parametrize(
    ("name", "grid"), [("claims-small", "table1"), ("default", "dose"), ("readings-small", "at_published_weights")]
)
def test_a_table_of_latex_is_whole_and_its_caption_and_label_are_those_asked_for(name, grid, tmp_path):
    folder = REPOSITORY / "results" / name
    usual = table_text(folder, grid, "latex")
    check_structure(usual)
    assert f"\\label{{tab:{name}-{grid}}}\n" in usual
    assert f"(study {name}, grid {escaped(grid)}).}}\n" in usual
    own = table_text(folder, grid, "latex", caption="50 % of a_b & c", label="tab:my_gains")
    check_structure(own)
    assert "\\caption{50 \\% of a\\_b \\& c}\n\\label{tab:my_gains}\n" in own
    assert rows_of(own) == rows_of(usual)
    if pdflatex := shutil.which("pdflatex"):
        start = "\\documentclass[twocolumn]{article}\\usepackage{booktabs}\\begin{document}\n"
        (tmp_path / "paper.tex").write_text(f"{start}{usual}{own}\\end{{document}}\n", encoding="utf-8")
        command = [pdflatex, "-halt-on-error", "-interaction=nonstopmode", "paper.tex"]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0


def test_the_rows_of_latex_are_those_of_the_csv():
    rows = rows_of(table_text(CLAIMS, "table1", "latex"))
    table = pd.read_csv(CLAIMS / "tables/table1.csv", dtype={"f": object})
    table = table.set_index(table["f"].astype(float))
    for label, own, *_ in rows[3:]:
        row = table.loc[float(label)]
        numbers = [row[f"first20_{name}"] for name in ("difference", "relative", "low", "high")]
        found = [float(number) for number in re.findall(r"-?\d+\.\d+", own.replace("$-$", "-"))]
        assert found == pytest.approx([float(number) for number in numbers], abs=0.005)


def test_text_is_escaped_sign_by_sign():
    signs = {"%": r"\%", "_": r"\_", "&": r"\&", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}"}
    signs |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    signs |= {"\N{MINUS SIGN}": "$-$", "\N{EN DASH}": "--", "\N{MULTIPLICATION SIGN}": r"$\times$"}
    signs |= {"\N{PLUS-MINUS SIGN}": r"$\pm$", "\N{NO-BREAK SPACE}": "~"}
    assert escaped("a".join(signs)) == "a".join(signs.values())
    assert escaped("[1, 2]") == "{}[1, 2]"  # after the end of a row, a bracket would be a distance


def test_markdown_and_csv_are_the_files_of_the_study(capsys):
    assert cli.main(["table", str(CLAIMS), "table1", "--form", "csv"]) == 0
    assert capsys.readouterr().out == (CLAIMS / "tables/table1.csv").read_text(encoding="utf-8")
    assert table_text(CLAIMS, "table1").startswith("| repulsion factor f   | 20% avg.")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nope"], "has no grid 'nope': choose one of"),
        (["table1", "--caption", "x"], "a table as markdown has no caption and no label: choose the form latex"),
        (["table1", "--form", "latex", "--label", "a b"], "the label is 'a b', but must be of letters, digits and"),
        (["table1", "--form", "latex", "--label", ""], "the label is ''"),
        (["table1", "--form", "html"], "'html' is not one of 'markdown', 'latex', 'csv'"),
    ],
)
def test_a_table_that_cannot_be_is_refused_in_a_sentence(arguments, told, capsys):
    assert cli.main(["table", str(CLAIMS), *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_form_that_nobody_knows_is_refused():
    with pytest.raises(UserError, match="html is not a form of a table: choose one of markdown, latex, csv"):
        table_text(CLAIMS, "table1", "html")
