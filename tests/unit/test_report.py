"""The report: its answer follows from the verdicts, its links lead somewhere, and nothing gets into it or out of it."""

import itertools
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from exaggerated_replay.analysis.outputs import study_files
from exaggerated_replay.analysis.runs import load_study, run_of
from exaggerated_replay.analysis.study import write_study
from exaggerated_replay.figures.catalogue import figures_of
from exaggerated_replay.report import pictures
from exaggerated_replay.report.answer import AGAINST, FOR, SAID, answer, question
from exaggerated_replay.report.facts import beside_the_paper
from exaggerated_replay.report.page import POLICY, write_report
from exaggerated_replay.store.records import sealed

HOSTILE = """<script>alert("1")</script>'"""
SVG = '<?xml version="1.0"?>\n<svg xmlns="x" width="504pt" height="144pt" viewBox="0 0 1 1"></svg>'


# The answer, from verdicts made by hand.


def asked(dataset="cifar100", **more):
    """A plan in which "a" and "b" exaggerate, at f = 10 and without f, and "base" and "er" do not."""
    methods = {
        "a": {"lambda_rr": 1e-6, "lambda_ra": 0, "f": 10.0},
        "b": {"lambda_rr": 0, "lambda_ra": 1.0, "f": "none"},
        "base": {},
        "er": {},
    }
    cells = {name: {"config": {"method": method}} for name, method in methods.items()}
    return {"dataset": {"name": dataset, "source_name": None, "validation": None, **more}, "cells": cells}


def judged(*rows):
    """Verdicts: (cell, verdict, further columns) each, by default of a miniature."""
    common = {"grid": "table1", "baseline": "base", "metric": "first20", "paper_size": False, "units": 400}
    common |= {"iterations": 400, "seeds": 10, "identical": 0, "difference": 0.5, "low": -0.25, "high": 1.25}
    return pd.DataFrame(
        [{**common, "claim": np.nan, "cell": cell, "verdict": verdict, **more} for cell, verdict, more in rows]
    )


def claims(*words):
    """A verdict each on the first, the second, ... of five gains that the paper claims; the third is its largest."""
    places = [("a", metric, claim) for metric, claim in (("first50", 3.82), ("overall", 1.19), ("first20", 5.8))]
    places += [("b", metric, claim) for metric, claim in (("first50", 4.06), ("overall", 1.35))]
    return judged(*((c, w, {"metric": m, "claim": x}) for w, (c, m, x) in zip(words, places, strict=False)))


LARGEST = (
    "where the paper gains most (f = 10 on the first 20 % of classes, +5.80 points), "
    "this study finds +0.50 (95 % interval \N{MINUS SIGN}0.25 to +1.25)."
)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["reproduced"] * 3, "yes: all 3 gains in the paper's Table 1 are reproduced"),
        (["smaller"] * 3, "yes: all 3 gains in the paper's Table 1 are smaller than published"),
        (["larger", "smaller", "larger"], "yes: of 3 gains in the paper's Table 1, 1 is smaller than published and 2"),
        (["no effect"] * 3, "no: all 3 gains in the paper's Table 1 show no effect"),
        (["harmful", "no effect", "contradicted"], "1 shows no effect, 1 shows a loss and 1 is contradicted"),
        (["undecided"] * 3, "not decided yet: all 3 gains in the paper's Table 1 are undecided"),
        (["undecided", "reproduced", "undecided"], "in part: of 3 gains in the paper's Table 1, 1 is reproduced and 2"),
        (["undecided", "contradicted", "no effect"], "no, as far as it is decided: of 3 gains"),
        (["reproduced", "harmful", "no effect"], "it depends: of 3 gains"),
        (["smaller", "contradicted", "undecided"], "it depends: of 3 gains"),
    ],
)
def test_the_answer_about_table_1_follows_from_its_verdicts(words, said):
    first, second = answer(asked(), claims(*words))
    assert first.startswith("On CIFAR-100 in miniature, ")
    assert said in first
    assert first.endswith(LARGEST)
    assert second == (
        "This speaks of a miniature (400 units a layer, 400 iterations per task, 10 seeds), not of the paper's size."
    )


def test_a_sweep_of_the_strength_is_said_in_the_answer():
    swept = pd.DataFrame({"verdict": ["within", "beyond", "undecided", "within"]})
    _, second = answer(asked(), claims("no effect", "no effect", "no effect"), [swept])
    assert second.startswith(
        "Beyond the baseline's reach at any strength c of synaptic intelligence: 1 of 4 cells (2 within it, 1 "
        "undecided); all of this speaks of a miniature"
    )


def test_every_verdict_is_for_or_against_or_open():
    assert sorted([*FOR, *AGAINST, "undecided"]) == sorted(SAID)
    for word in SAID:
        first, _ = answer(asked(), judged(("a", word, {})))
        lead = "yes" if word in FOR else "no" if word in AGAINST else "not decided yet"
        assert first.startswith(f"On CIFAR-100 in miniature, {lead}: the one comparison")
        assert f"that was tested {SAID[word][0]}; the best is a against base on the first 20 % of classes, at " in first
        assert first.endswith(f"+0.50 points (95 % interval \N{MINUS SIGN}0.25 to +1.25; {word}).")


def test_what_lies_beyond_table_1_comes_second_and_the_best_of_it_is_named():
    table = pd.concat(
        [
            claims("no effect", "no effect", "no effect"),
            judged(
                ("b", "harmful", {"difference": -8.0, "low": -9.0, "high": -7.0, "grid": "dose"}),
                ("b", "helps", {"difference": 2.0, "low": 1.0, "high": 3.0, "metric": "overall", "units": 800}),
            ),
        ]
    )
    first, second = answer(asked(), table)
    assert first.startswith("On CIFAR-100 in miniature, no: all 3 gains")
    assert second == (
        "Of 2 comparisons beyond that table, 1 shows a gain and 1 shows a loss; the best is b against base on all "
        "classes, at +2.00 points (95 % interval +1.00 to +3.00; helps); all of this speaks of a miniature "
        "(400 to 800 units a layer, 400 iterations per task, 10 seeds), not of the paper's size."
    )


@pytest.mark.parametrize(
    "method",
    [
        {"lambda_rr": 0, "lambda_ra": 0},
        {"lambda_rr": 1, "lambda_ra": 1, "reading": {"competitors": "random"}},
        {"lambda_rr": 1, "lambda_ra": 1, "reading": {"class_means": "shuffled", "distance": "bce"}},
        {"lambda_rr": 1, "lambda_ra": 1, "reading": {"attraction_target": "random"}},
    ],
)
def test_controls_are_not_exaggeration_and_are_told_apart(method):
    plan = asked()
    plan["cells"]["control"] = {"config": {"method": method}}
    control = ("control", "helps", {"difference": 9.0})
    assert answer(plan, judged(("a", "helps", {}), control))[0].startswith(
        "On CIFAR-100 in miniature, yes, but controls gain, too: the one comparison of exaggeration"
    )
    first, second = answer(plan, judged(("a", "no effect", {}), control))
    assert first.startswith("On CIFAR-100 in miniature, no: the one comparison of exaggeration")
    assert second.startswith(
        "The one comparison of a control (wrong classes, or weights of zero) that was tested shows a gain; all of this "
    )


def test_a_comparison_that_two_grids_hold_counts_once_as_table_1_judges_it():
    twice = judged(("a", "no effect", {"grid": "convergence"}), ("a", "undecided", {"grid": "table1"}))
    assert (
        "the one comparison of exaggeration with a baseline that was tested is undecided" in answer(asked(), twice)[0]
    )


def test_on_other_data_it_is_a_demonstration():
    table = judged(
        *(("a", "no effect", {"metric": m, "identical": 10, "difference": 0.0}) for m in ("first20", "first50"))
    )
    assert answer(asked("digits"), table) == (
        "On digits, no: all 2 comparisons of exaggeration with a baseline show no effect; "
        "with and without it, every test sample is classified alike at every seed.",
        "This is a demonstration (400 units a layer, 400 iterations per task, 10 seeds): "
        "the paper claims nothing about digits.",
    )


def test_the_papers_size_and_validation_data_are_said():
    full = claims("reproduced", "reproduced", "reproduced").assign(paper_size=True, units=2000, iterations=5000)
    first, second = answer(asked(validation=0.2), full)
    assert first.startswith("On validation data of CIFAR-100, yes: ")
    assert second == "This speaks of the paper's size (2,000 units a layer, 5,000 iterations per task, 10 seeds)."
    assert "on validation data of CIFAR-100" in question(asked(validation=0.2))[1]


def test_a_users_file_given_as_the_papers_data_is_called_so_and_another_is_not():
    verdicts = judged(("a", "helps", {}))
    first, second = answer(asked(source_name="mine.npz"), verdicts)
    assert first.startswith("On mine.npz (given as CIFAR-100) in miniature, yes: ")
    assert "speaks of a miniature" in second
    first, second = answer(asked("npz", source_name="mine.npz"), verdicts)
    assert first.startswith("On mine.npz, yes: ")
    assert "the paper claims nothing about mine.npz" in second


def test_what_does_not_exaggerate_is_no_answer():
    first, second = answer(asked(), judged(("er", "helps", {}), ("b", "helps", {"baseline": "a"})))
    assert first.startswith("This study does not answer it")
    assert second.startswith("All 2 comparisons show a gain; this speaks of a miniature")
    assert answer(asked(), judged(("a", "helps", {})).iloc[:0]) == (first, "It compares nothing.")


def test_where_every_pair_diverged_that_is_said():
    gone = {"difference": np.nan, "low": np.nan, "high": np.nan, "seeds": 0}
    assert answer(asked(), judged(("a", "undecided", gone)))[0].endswith(
        "is undecided; no pair of runs reached its end."
    )
    table = judged(("a", "undecided", {**gone, "claim": 5.8}))
    assert answer(asked(), table)[0].endswith("+5.80 points), no pair of runs reached its end.")


def test_the_question_quotes_the_published_gains():
    assert "keeps 3.8 to 5.8 points more accuracy on the first 20 %" in question(asked())[0]


# The page, from records made by hand.


def record(run, shift=0, diverged=None):
    counts = {"tested": [50] * 5, "correct": [[40, 0, 0, 0, 0], [30 + shift, 35, 20, 10, 9]], "predicted": [50] * 5}
    return sealed(
        {
            "settings": {"tasks": [[0, 1, 2], [3, 4]], "run": run},
            "counts": None if diverged else counts,
            "diverged": diverged,
            "environment": {"device": "cpu", "torch": "2.0"},
            "instruments": {},
            "problem": {"inputs": 4, "classes": 5, "bounded": True},
            "sha256": {},
        }
    )


def plan_of(names=("bir-si", "rr-ra", "rr-ra-f5"), grids=("table1", "other"), study="mine"):
    base, f20, f5 = names
    methods = {base: {"method": "bir"}, f20: {"f": 20}, f5: {"f": 5}}
    training = {"iterations": 60, "batch": 8, "replay_batch": 8, "learning_rate": 0.001}
    model = {"units": 10, "latent": 5}
    cells = {}
    for number, (name, method) in enumerate(methods.items()):
        weights = {"lambda_rr": 1e-6, "lambda_ra": 1e-6} if "f" in method else {}
        runs = [
            {"seed": s, "digest": f"{number}{s}" * 5, "directory": f"results/runs/x-s{s}-{number}{s}"} for s in range(6)
        ]
        config = {"method": {**method, **weights}, "training": training, "model": model}
        cells[name] = {"arm": base if name == base else f20, "config": config, "runs": runs}
    rows = [{"cell": base, "settings": {}, "baseline": None}]
    rows += [{"cell": name, "settings": {"method.f": methods[name]["f"]}, "baseline": base} for name in (f20, f5)]
    return {
        "study": {"name": study, "baseline": base, "treatment": f20},
        "focus": f20,
        "dataset": {"name": "digits", "source_name": None, "sha256": "d" * 64, "validation": None},
        "training": training,
        "model": model,
        "grids": {grid: rows for grid in grids},
        "cells": cells,
        "runs": {
            run_of(run): {"data": "d" * 64, "code": "c" * 64, "tasks": [[0, 1, 2], [3, 4]]}
            for cell in cells.values()
            for run in cell["runs"]
        },
    }


def draw(study, folder):
    """Stand in for the figures: the same files, without a drawing."""
    (folder / "figures").mkdir()
    for name in figures_of(study.plan):
        for kind in ("svg", "png", "pdf"):
            (folder / "figures" / f"{name}.{kind}").write_text(SVG)


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write a study with its report, and return its folder; seed 3 of the last cell diverged."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("a: 1\n")

    def write(plan, parts=(draw, write_report)):
        for number, cell in enumerate(plan["cells"].values()):
            for run in cell["runs"]:
                directory = tmp_path / "results/runs" / run_of(run)
                directory.mkdir(parents=True, exist_ok=True)
                broken = {"task": 2} if (number, run["seed"]) == (2, 3) else None
                made = record(run_of(run), shift=number * run["seed"] % 4, diverged=broken)
                (directory / "record.json").write_text(json.dumps(made))
        write_study(plan, tmp_path / "results/mine", parts, made_from="this")
        return tmp_path / "results/mine"

    return write


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
    assert {link for link in outer if link.startswith("records/")} == {
        name for name in study_files(plan_of()) if name.startswith("records/")
    }


def test_every_number_of_a_table_links_to_its_runs(written):
    folder = written(plan_of())
    page = Reader(folder / "report.html")
    numbers = [values for tag, values in page.tags if values.get("class") == "number"]
    assert len(numbers) == 2 * 3 * 3  # two grids of three cells and three metrics
    assert {values["href"] for values in numbers} == {"#runs-1", "#runs-2", "#runs-3"}
    third = (folder / "report.html").read_text().partition('id="runs-3"')[2].partition("</section>")[0]
    assert re.findall(r'href="records/x-s(\d)-2\1\.json"', third) == list("012345")
    assert re.search(r'>3</a></th>\s*<td colspan="3" class="diverged">diverged in task 2</td>', third)
    # Correct of 50 at seed 1, where 2 more are: 32 of the first class, 32 + 35 + 20 / 2 of the first half, 106 of 250.
    assert re.findall(r"<td>([\d.]+)</td>", third.partition(">1</a>")[2].partition("</tr>")[0]) == [
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
    assert len(pictures_shown) == len(figures_of(plan_of()))
    assert all(len(values["alt"]) > 20 for values in pictures_shown)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all("scope" in values for tag, values in page.tags if tag == "th")


def test_names_that_are_html_stay_text(written):
    folder = written(plan_of(), parts=())
    grids = ("table1", f"x{HOSTILE.replace('/', '')}")
    plan = plan_of((f"a{HOSTILE}", f"b{HOSTILE}", f"c{HOSTILE}"), grids, study=HOSTILE)
    plan["dataset"]["name"] = HOSTILE
    text = (folder / "verdicts.csv").read_text().replace("other,", f'"{grids[1]}",'.replace('("1")', '(""1"")'))
    for old, new in zip(("rr-ra-f5", "rr-ra", "bir-si"), reversed(plan["cells"]), strict=True):
        text = text.replace(f",{old},", f',"{new}",'.replace('("1")', '(""1"")'))
    (folder / "verdicts.csv").write_text(text)
    write_report(load_study(plan, folder.parent / "runs"), folder)
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


def test_a_study_without_table_1_or_figures_has_a_page_too(written):
    page = Reader(written(plan_of(grids=("other",)), parts=[write_report]) / "report.html")
    assert "img" not in {tag for tag, _ in page.tags}
    assert {"question", "answer", "verdicts", "comparisons", "run", "not-run", "rules", "runs"} <= set(page.all("id"))
    assert not {"odds", "forgetting", "inside"} & set(page.all("id"))


def test_table_1_comes_first_with_the_papers_values_and_its_odds_where_the_data_are_the_papers(written):
    plan = plan_of(grids=("other", "table1"))
    plan["dataset"]["name"] = "cifar100"
    text = (written(plan) / "report.html").read_text()
    assert text.index('id="grid-table1"') < text.index('id="grid-other"')
    table = text.partition('id="grid-table1"')[2].partition("</table>")[0]
    assert re.findall(r"paper (\S+)</span>", table) == ["+4.80", "+4.86", "+1.48", "+3.80", "+4.06", "+1.35"]
    odds = text.partition('id="odds"')[2].partition("</section>")[0]
    assert odds.count("<tr>") == 4
    assert odds.count("(5 seeds)") == 3


def test_settings_that_are_the_papers_are_told_from_those_that_are_not():
    plan = plan_of()
    found = {setting.name: (setting.here, setting.reached) for setting in beside_the_paper(plan)}
    assert found["weights of RR and RA"] == ("1e-06", True)
    assert found["repulsion factors f"] == ("5, 20", False)
    assert found["tasks"] == ("2", False)
    assert found["data set"] == ("digits", False)
    plan["dataset"]["name"] = "cifar100"
    for cell in plan["cells"].values():
        cell["config"]["training"] = {"iterations": 5000, "batch": 512, "replay_batch": 512}
        cell["config"]["model"] = {"units": 2000}
        cell["config"]["method"]["si"] = {"strength": 1e8}
    same = {setting.name for setting in beside_the_paper(plan) if setting.reached}
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


@pytest.mark.parametrize(("bytes_of_drawing", "form"), [(0, "svg+xml"), (pictures.MOST_BYTES, "png")])
def test_drawings_of_thousands_of_dots_are_taken_as_png(tmp_path, bytes_of_drawing, form):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/mechanism.svg").write_text(SVG + " " * bytes_of_drawing)
    (tmp_path / "figures/mechanism.png").write_bytes(b"png")
    found = pictures.pictures(plan_of(), tmp_path)
    assert list(found) == ["mechanism"]
    assert found["mechanism"].data.startswith(f"data:image/{form};base64,")
    assert (found["mechanism"].width, found["mechanism"].height) == (896, 256)  # 7 by 2 inches


@pytest.mark.parametrize("treatment", ["rr-ra", "null"])
def test_where_the_strength_is_swept_the_page_says_what_lies_beyond_the_baselines_reach(written, treatment):
    plan = plan_of(("bir-si", treatment, "rr-ra-f5"), grids=("sweep",))
    for number, cell in enumerate(plan["cells"].values()):
        cell["config"]["method"]["si"] = {"strength": 1000.0 * (number + 1)}
    plan["study"]["figures"] = {"sweep": "frontier"}
    folder = written(plan)
    table = pd.read_csv(folder / "frontier/sweep.csv", keep_default_na=False)
    assert table[["cell", "c", "rival", "rival_c"]].to_numpy().tolist() == [
        [treatment, 2000.0, "bir-si", 1000.0],
        ["rr-ra-f5", 3000.0, "bir-si", 1000.0],
    ]
    section = (folder / "report.html").read_text().partition('id="grid-sweep"')[2].partition("</section>")[0]
    shown = section.partition("hardest c of the baseline")[2].partition("</table>")[0]
    assert re.findall(r'<td>(\d,000)</td>\s*<td><a href="#runs-1">(1,000)</a></td><td>(\d)</td>', shown) == [
        ("2,000", "1,000", "6"),
        ("3,000", "1,000", "5"),  # a pair less: one run diverged
    ]
    words = re.findall(r'<span class="badge [a-z]+">([a-z]+)</span></td></tr>', shown)
    assert words == table["verdict"].tolist()
    assert 'href="frontier/sweep.csv"' in section
