"""The page of a report: its links lead somewhere, and nothing gets into it or out of it."""

import base64
import dataclasses
import itertools
import json
import re
import shutil
from html.parser import HTMLParser

import pytest
from sample_report import SVG, plan_of
from studies import planned

from exaggerated_replay.analysis.study.outputs import figures_of
from exaggerated_replay.analysis.study.study import load_study, open_study
from exaggerated_replay.report import pictures
from exaggerated_replay.report.comparisons import title
from exaggerated_replay.report.facts import beside_the_paper, what_was_run
from exaggerated_replay.report.page import POLICY, write_report

HOSTILE = """<script>alert("1")</script>'"""


class Reader(HTMLParser):
    """All tags of a page with what they say, and its text."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text.append(data)

    def all(self, attribute):
        return [values[attribute] for _, values in self.tags if attribute in values]


def test_every_link_leads_somewhere_in_the_page_or_the_folder(written):
    folder = written(plan_of())
    page = Reader(folder / "report.html")
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    inner = [link for link in page.all("href") if link.startswith("#")]
    assert {link[1:] for link in inner} <= set(ids)
    outer = {link for link in page.all("href") if not link.startswith(("#", "data:,"))}
    assert outer and all((folder / link).is_file() for link in outer)
    shown = {f"print/{name}.{kind}" for name in figures_of(planned(plan_of())) for kind in ("png", "pdf", "svg")}
    assert {link for link in outer if link.startswith("print/")} == shown
    assert {"records.jsonl", "plan.json", "tables/table1.tex", "provenance/table1.csv"} <= outer


def test_a_study_of_exaggeration_is_called_by_its_name_and_its_data():
    assert title(planned(plan_of())) == "Feature exaggeration on digits: mine"


def test_every_number_of_a_table_links_to_its_runs(written):
    folder = written(plan_of())
    page = Reader(folder / "report.html")
    numbers = [values for tag, values in page.tags if values.get("class") == "number"]
    assert len(numbers) == 2 * 3 * 3  # two grids of three cells and three metrics
    assert {values["href"] for values in numbers} == {"#runs-1", "#runs-2", "#runs-3"}
    third = (folder / "report.html").read_text().partition('id="runs-3"')[2].partition("</section>")[0]
    assert re.findall(r">(\d) <code>x-s\1-2\1</code></th>", third) == list("012345")
    assert re.search(r'>3 <code>x-s3-23</code></th>\s*<td colspan="3" class="diverged">diverged in task 2</td>', third)
    # Correct of 50 at seed 1, where 2 more are: 32 of the first class, 32 + 35 + 20 / 2 of the first half, 106 of 250.
    assert re.findall(r"<td>([\d.]+)</td>", third.partition(">1 <code>")[2].partition("</tr>")[0]) == [
        f"{100 * 32 / 50:.2f}",
        f"{100 * (32 + 35 + 20) / 150:.2f}",
        f"{100 * 106 / 250:.2f}",
    ]


def test_nothing_is_fetched_from_anywhere(written):
    page = Reader(written(plan_of()) / "report.html")
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "iframe", "object", "embed", "form", "base", "audio", "video"}
    for attribute in ("src", "href", "srcset", "action", "poster", "background"):
        assert not [value for value in page.all(attribute) if re.match(r"\s*(https?:|//|file:|javascript:)", value)]
    assert not re.search(r"url\(|@import", "".join(page.text))
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": POLICY}) in page.tags
    assert "default-src 'none'" in POLICY


def test_whoever_reads_it_by_ear_or_in_part_finds_the_way(written):
    page = Reader(written(plan_of()) / "report.html")
    assert ("html", {"lang": "en"}) in page.tags
    pictures_shown = [values for tag, values in page.tags if tag == "img"]
    assert len(pictures_shown) == len(figures_of(planned(plan_of())))
    assert all(len(values["alt"]) > 20 for values in pictures_shown)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all("scope" in values for tag, values in page.tags if tag == "th")


def test_names_that_are_html_stay_text(written):
    folder = written(plan_of(), parts=())
    grids = ("table1", f"x{HOSTILE.replace('/', '')}")
    plan = plan_of((f"a{HOSTILE}", f"b{HOSTILE}", f"c{HOSTILE}"), grids)
    plan["dataset"]["title"] = HOSTILE
    text = (folder / "verdicts.csv").read_text().replace("other,", f'"{grids[1]}",'.replace('("1")', '(""1"")'))
    for old, new in zip(("rr-ra-f5", "rr-ra", "bir-si"), reversed(plan["cells"]), strict=True):
        text = text.replace(f",{old},", f',"{new}",'.replace('("1")', '(""1"")'))
    (folder / "verdicts.csv").write_text(text)
    write_report(load_study(planned(plan), folder.parent / "runs"), folder)
    page = Reader(folder / "report.html")
    assert "script" not in {tag for tag, _ in page.tags}
    assert not [name for _, values in page.tags for name in values if name.startswith("on")]
    assert "".join(page.text).count(HOSTILE) > 10
    assert all("<" not in link and '"' not in link for link in page.all("href"))


def test_the_same_folder_gives_the_same_bytes(written):
    folder = written(plan_of())
    before = (folder / "report.html").read_bytes()
    shutil.rmtree(folder.parent / "runs")
    written(plan_of())
    assert (folder / "report.html").read_bytes() == before


def test_what_was_not_run_is_told(written):
    text = " ".join("".join(Reader(written(plan_of()) / "report.html").text).split())
    assert "rr-ra-f5, seed 3: diverged in task 2." in text
    assert "1 pair of runs had to be left out" in text
    assert "18, of which 17 reached their end" in text


def test_cells_whose_numbers_overflowed_say_so_and_others_do_not(written):
    noted = {"x-s1-21": {"infinite_moments": [0.0, 4.2e-05]}, "x-s2-22": {"infinite_moments": [1e-05, 2e-05]}}
    folder = written(plan_of(), instruments=noted)
    said = "in at least 2 of 6 runs, from task 1 on, squared gradients passed what Adam can hold in single precision; "
    said += "up to 0.0042 % of the weights"
    origin = json.loads((folder / "provenance.json").read_text())
    assert what_was_run(open_study(folder), origin)["Overflow"].startswith(f"rr-ra-f5: {said}")
    page = (folder / "report.html").read_text()
    cards = {part[0]: part.partition("</section>")[0] for part in page.split('<section class="card" id="runs-')[1:]}
    assert ["Overflow" in card for card in cards.values()] == [False, False, True]
    assert f"Overflow: {said}" in cards["3"].replace("\N{NO-BREAK SPACE}", " ")
    assert page.count("Overflow") == 2  # in the card and among the facts


def test_a_study_without_an_overflow_has_no_word_of_it(written):
    assert "Overflow" not in (written(plan_of()) / "report.html").read_text()


def test_a_study_without_table_1_or_figures_has_a_page_too(written):
    page = Reader(written(plan_of(grids=("other",)), parts=[write_report]) / "report.html")
    assert "img" not in {tag for tag, _ in page.tags}
    assert {"question", "answer", "verdicts", "comparisons", "run", "not-run", "rules", "runs"} <= set(page.all("id"))
    assert not {"forgetting", "inside"} & set(page.all("id"))


def test_grids_come_as_params_yaml_has_them_with_the_papers_values_where_the_data_are_the_papers(written):
    plan = plan_of(grids=("other", "table1"))
    plan["grids"]["other"] = plan["grids"]["other"][:2]  # a baseline and one row make no table
    plan["dataset"]["name"] = "cifar100"
    text = (written(plan) / "report.html").read_text()
    assert text.index('id="grid-other"') < text.index('id="grid-table1"')
    table = text.partition('id="grid-table1"')[2].partition("</table>")[0]
    assert re.findall(r"paper (\S+)</span>", table) == ["+4.80", "+4.86", "+1.48", "+3.80", "+4.06", "+1.35"]


def test_settings_that_are_the_papers_are_told_from_those_that_are_not():
    plan = plan_of()
    found = {setting.name: (setting.here, setting.reached) for setting in beside_the_paper(planned(plan))}
    assert found["weights of RR and RA"] == ("1e-06", True)
    assert found["repulsion factors f"] == ("5, 20", False)
    assert found["tasks"] == ("2", False)
    assert found["data set"] == ("digits", False)
    plan["cells"]["mine"] = {"config": {"method": {"method": "mine", "lambda_rr": 1e-6, "lambda_ra": 1e-6}}}
    found = {setting.name: (setting.here, setting.reached) for setting in beside_the_paper(planned(plan))}
    assert found["repulsion factors f"] == ("5, 20", False)  # a method of somebody's own need not have any
    del plan["cells"]["mine"]
    plan["dataset"]["name"] = "cifar100"
    for cell in plan["cells"].values():
        cell["config"]["training"] = {"iterations": 5000, "batch": 512, "replay_batch": 512}
        cell["config"]["model"] = {"units": 2000}
        cell["config"]["method"]["si"] = {"strength": 1e8}
    same = {setting.name for setting in beside_the_paper(planned(plan)) if setting.reached}
    assert same == {
        "data set",
        "units of a hidden layer",
        "iterations per task",
        "current samples a step",
        "replayed samples a step",
        "strength c of synaptic intelligence",
        "weights of RR and RA",
        "runs behind a number",  # six instead of five
    }


def test_the_page_names_the_hardware_and_says_where_pairs_mix_it(written):
    def said(**origin):
        known = {
            "hardware": {"A with AVX2": 1, "B with AVX512": 2},
            "commit": None,
            "modified": "",
            "timed": 0,
            **origin,
        }
        return what_was_run(study, {"python": "3", "system": "x", **known})["Hardware"]

    study = open_study(written(plan_of()))
    runs = "A with AVX2 (1 run), B with AVX512 (2 runs)"
    assert said() == said(unlike_pairs=0) == runs
    assert said(unlike_pairs=1) == f"{runs}; 1 pair of runs across two of them, which round differently"


def test_the_page_names_the_loss_that_the_training_data_chose_and_why_there_is_no_commit(written):
    study = open_study(written(plan_of()))
    known = {"python": "3", "system": "x", "hardware": {}, "commit": None, "modified": None, "timed": 0}
    found = what_was_run(study, {**known, "no_commit": "Git is not installed"})
    assert found["Commit"] == "not known: Git is not installed"
    losses = {True: "binary cross-entropy", False: "squared error"}
    chosen = {losses[record.problem["bounded"]] for record in study.records.values()}
    assert len(chosen) == 1
    assert found["Loss of reconstruction"].startswith(*chosen)
    for bounded, loss in losses.items():
        records = {
            run: dataclasses.replace(record, problem={"bounded": bounded}) for run, record in study.records.items()
        }
        other = what_was_run(dataclasses.replace(study, records=records), known)
        assert other["Loss of reconstruction"].startswith(loss)
        assert other["Commit"] == "unknown"


@pytest.mark.parametrize(("bytes_of_drawing", "form"), [(0, "svg+xml"), (pictures.MOST_BYTES, "png")])
def test_drawings_of_thousands_of_dots_are_taken_as_png(tmp_path, bytes_of_drawing, form):
    (tmp_path / "print").mkdir()
    (tmp_path / "print/mechanism.svg").write_text(SVG + " " * bytes_of_drawing)
    (tmp_path / "print/mechanism.png").write_bytes(b"png")
    found = pictures.pictures(planned(plan_of()), tmp_path)
    assert list(found) == ["mechanism"]
    assert found["mechanism"].data.startswith(f"data:image/{form};base64,")
    assert (found["mechanism"].width, found["mechanism"].height) == (896, 256)  # 7 by 2 inches


def test_the_figure_of_the_answer_stands_with_it_and_once(written):
    text = (written(plan_of()) / "report.html").read_text()
    said = text.partition('id="answer"')[2].partition("</section>")[0]
    assert said.count("<figure") == 1 and 'id="figure-table1"' in said
    assert text.index('class="lead"') < text.index("<figure") < text.index('class="caveat"')


def test_notes_that_hold_for_all_tables_are_said_once(written):
    text = " ".join("".join(Reader(written(plan_of()) / "report.html").text).split())
    assert text.count("This is not the data set of the paper") == 1
    assert "Of all tables: Data: digits." in text


def test_a_full_stop_in_the_title_of_data_ends_no_note(written):
    plan = plan_of()
    plan["dataset"] = {**plan["dataset"], "title": "Dr. Smith's digits"}
    text = " ".join("".join(Reader(written(plan) / "report.html").text).split())
    assert "Of all tables: Data: Dr. Smith's digits. Seeds:" in text


def test_verdicts_on_controls_have_a_colour_of_their_own(written):
    plan = plan_of()
    method = plan["cells"]["rr-ra-f5"]["config"]["method"]
    method["reading"] = {"competitors": "random"}
    text = (written(plan) / "report.html").read_text()
    assert text.count('<tr class="control">') == text.count('<tr class="asked">') == 2  # a row in each grid
    assert ".control .badge" in text


def test_the_runs_seed_by_seed_are_folded(written):
    text = (written(plan_of()) / "report.html").read_text()
    cards = text.split('<section class="card"')[1:]
    assert [card.count("<details>") for card in cards] == [1, 1, 1]
    assert all("6 runs, seed by seed" in card for card in cards)


def test_a_narrow_screen_gets_panels_that_stack_where_there_are_such(tmp_path):
    (tmp_path / "print").mkdir()
    for name, width in (("mechanism", "504pt"), ("mechanism-narrow", "245pt"), ("forgetting", "504pt")):
        (tmp_path / f"print/{name}.svg").write_text(SVG.replace("504pt", width))
    (tmp_path / "print/forgetting-narrow.svg").write_text(SVG)  # as wide: nothing to stack
    found = pictures.pictures(planned(plan_of()), tmp_path)
    assert found["mechanism"].narrow.startswith("data:image/svg+xml;base64,")
    assert base64.b64decode(found["mechanism"].narrow.partition(",")[2]).count(b"245pt") == 1
    assert found["forgetting"].narrow == ""
