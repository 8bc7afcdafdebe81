"""What the pages quote is what the committed studies found: "+8.6 (6.9 to 10.3)" stands in a table of verdicts."""

import functools
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from exaggerated_replay.analysis.study.paper import published
from exaggerated_replay.analysis.study.scores import METRICS

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/results.md", "docs/explanation/miniature.md", "docs/explanation/performance.md")
NUMBER = r"([+-]?\d+(?:\.\d+)?)"
ESTIMATE = re.compile(
    rf"{NUMBER}\s+(?:points\s+|on\s+all\s+classes\s+)?\((?:95 % interval\s+)?{NUMBER}\s+to\s+{NUMBER}"
)
STUDY = re.compile(r"results/([\w-]+)/")


def quoted(text):
    """Yield every difference with its interval, as written, and the studies that its line or paragraph links to."""
    for block in re.split(r"\n\n|\n(?=\|)", text):
        for numbers in ESTIMATE.findall(block):
            yield numbers, set(STUDY.findall(block))


def fits(written, found):
    """Say of each value whether it is the number that is written, to the digits that it is written with."""
    unit = 10.0 ** -len(written.partition(".")[2])
    return (found - float(written)).abs() <= 0.5 * unit + 1e-9


@pytest.fixture(scope="module")
def found():
    """The differences of all committed studies, by study."""
    tables = {path.parent.name: pd.read_csv(path) for path in ROOT.glob("results/*/verdicts.csv")}
    return pd.concat(tables, names=["study"]).reset_index("study")


@pytest.mark.parametrize("page", PAGES)
def test_every_estimate_stands_in_the_verdicts_of_a_study_that_is_linked_beside_it(page, found):
    estimates = list(quoted((ROOT / page).read_text(encoding="utf-8")))
    assert estimates
    for numbers, studies in estimates:
        own = found[found["study"].isin(studies)] if studies else found
        columns = zip(numbers, ("difference", "low", "high"), strict=True)
        matches = pd.concat([fits(written, own[column]) for written, column in columns], axis=1).all(axis=1)
        assert matches.any(), f"{page}: {' '.join(numbers)} is in no verdicts of {sorted(studies) or 'any study'}"


def test_a_wrong_digit_is_noticed():
    page = "gains +8.6 points (6.9 to 10.3)\n\n| [x](results/a-b/report.html) | 1.0 (0 to 2) |"
    assert list(quoted(page)) == [(("+8.6", "6.9", "10.3"), set()), (("1.0", "0", "2"), {"a-b"})]
    assert list(fits("6.9", pd.Series([6.919, 6.95, 6.851, 6.83, -6.9]))) == [True, True, True, False, False]


@functools.cache
def table(name):
    """A CSV file of the committed studies."""
    return pd.read_csv(ROOT / "results" / name)


def mean(study, cell, metric):
    """The mean accuracy of a cell over its seeds, in percent."""
    return json.loads((ROOT / "results" / study / "metrics.json").read_text())[cell][metric]["mean"]


def gain(study, cell, metric):
    """The paired difference of a cell from the baseline of its first comparison."""
    return one(table(f"{study}/verdicts.csv"), "difference", cell=cell, metric=metric)


def gains(study, cells, metric):
    return [gain(study, cell, metric) for cell in cells]


def both(study, cells):
    """Gains on the first 20 % and on all classes, cell by cell."""
    return [gain(study, cell, metric) for cell in cells for metric in ("first20", "overall")]


def best_weight(study, arm):
    """The weight at which attraction alone gains most on the first 20 %."""
    grid = table(f"{study}/tables/dose.csv").query("arm == @arm")
    return grid.loc[grid["first20_difference"].idxmax(), "method.lambda_ra"]


def ends(study, grid, metric, cells=""):
    """The least and the largest paired difference of a grid, of the cells whose names begin so."""
    rows = table(f"{study}/verdicts.csv").query("grid == @grid and metric == @metric")
    found = rows[rows["cell"].str.startswith(cells)]["difference"]
    return [found.min(), found.max()]


def words(study, grid, metrics, *asked):
    """How many comparisons of a grid have each of these verdicts."""
    rows = table(f"{study}/verdicts.csv").query("grid == @grid and metric in @metrics")["verdict"]
    return [int((rows == word).sum()) for word in asked]


def plain(page):
    """A page's text on one line, without addresses."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return " ".join(re.sub(r"\]\([^)]*\)|https?://\S+", "]", text).split())


def one(rows, column, **where):
    for key, value in where.items():
        rows = rows[rows[key] == value]
    return rows[column].iloc[0]


def drift(cell, age):
    """The Fréchet distance between replayed and real samples of a class, so many tasks after it was learned."""
    return one(table("stored-small/mechanism/replay_quality.csv"), "frechet", cell=cell, age=age)


def gradients(cells):
    """The gradient of repulsion over that of the replayed reconstruction, mean over the tasks that replay."""
    rows = table("claims-small/mechanism/gradients.csv")
    return [rows[rows["cell"] == cell]["repulsion_to_reconstruction"].mean() for cell in cells]


def table1(metric, end):
    """The least or the largest gain that the paper's Table 1 has."""
    return getattr(published()["absolute"].xs(metric, level="metric"), end)()


def papers_baseline(metric):
    """The accuracy of the paper's baseline at f = 20: its Table 1 says the gain in points and in percent of this."""
    gains_at_20 = published().loc[20, metric]
    return 100 * gains_at_20["absolute"] / gains_at_20["relative"]


def spelt(numbers):
    return [SPELT[number] for number in numbers]


SPELT = {3: "three", 11: "eleven"}
CONFIRM, UNITS = "confirm-small", ("rr-ra-units50", "rr-ra-units100", "rr-ra", "rr-ra-units400")
STORED_SUMS = "rr-ra-class_means-stored-reduction-total"
STORED_RANDOM = "ra-stored-attraction_target-random"
STORED_UNITS = ("ra-stored-units50", "ra-stored-units100", "ra-stored", "ra-stored-units400")
STORED_LENGTHS = ("ra-stored-iterations50", "ra-stored-iterations100", "ra-stored", "ra-stored-iterations400")
BATCHES = ("rr-ra-replay_batch64", "rr-ra-replay_batch128", "rr-ra", "rr-ra-replay_batch512")
LENGTHS = ("rr-ra-iterations50", "rr-ra-iterations100", "rr-ra", "rr-ra-iterations400")
FULL = "paper-256"
SAID = {
    "README.md": {
        r"it reaches (\S*) % over all classes at its publication's size": lambda: [mean(FULL, "bir-si", "overall")],
        r"and (\S*) % at the paper's, where Table 1 implies (\S*) \(": lambda: [
            mean("pairs", "bir-si", "overall"),
            papers_baseline("overall"),
        ],
        r"all (\d+) intervals exclude Table 1's gain; (\d+) differences are negligible": lambda: [
            len(table("claims-small/verdicts.csv").query("grid == 'table1' and valid_high < claim")),
            *words("claims-small", "table1", METRICS, "negligible"),
        ],
        r"keeps (.*) to (.*) points more accuracy on the 20 % of classes learned first": lambda: [
            table1("first20", e) for e in ("min", "max")
        ],
    },
    "docs/results.md": {
        r"first 20 % of classes, (.*) to (.*) at f = 5 to 100": lambda: [table1("first20", e) for e in ("min", "max")],
        r"first 50 %, (\S*) to (\S*), and": lambda: [table1("first50", e) for e in ("min", "max")],
        r"and all classes, (\S*) to (\S*) \|": lambda: [table1("overall", e) for e in ("min", "max")],
        r"negligible at every f, (-\S*) to (-\S*);": lambda: ends("claims-small", "table1", "first20")[::-1],
        r"negligible, (-\S*) to (-\S*); on": lambda: ends("claims-small", "table1", "first50")[::-1],
        r"; on all classes (-\S*) to (-\S*),": lambda: ends("claims-small", "table1", "overall")[::-1],
        r"every f, (\S*) points at most": lambda: [
            max(
                abs(end) for m in ("first20", "first50", "overall") for end in ends("claims-small", "f_against_none", m)
            )
        ],
        r"Of all (\d+) differences (\d+) have a 95 % interval below zero, none above": lambda: [
            len(table("claims-small/verdicts.csv").query("grid == 'table1'")),
            len(table("claims-small/verdicts.csv").query("grid == 'table1' and high < 0")),
        ],
        r"is contradicted in (\w+) rows, and the difference is negligible in (\w+); (\w+) are undecided": lambda: spelt(
            words("readings-small", "at_published_weights", ["first20"], "contradicted", "negligible", "undecided")
        ),
        r"to Table 1, (\S*) points .* effect at all is (\S*) from it; on unseen seeds it is (\S*) from": lambda: [
            one(table("readings-small/closest/at_published_weights.csv"), "distance", cell=STORED_SUMS),
            one(table("readings-small/closest/at_published_weights.csv"), "without_effect", cell=STORED_SUMS),
            one(table("confirm-small/closest/stored_means.csv"), "distance", cell=STORED_SUMS),
        ],
        r"50 iterations comes within (\S*), where the baseline has learned little yet, (\S*) %": lambda: [
            one(table("short-small/closest/controls.csv"), "distance", cell="rr-ra-iterations50"),
            mean("short-small", "bir-si-iterations50", "overall"),
        ],
        r"of (\S*) on the first 20 %, (\S*) of (\S*) on the first 50 %, (\S*) of (\S*) on all classes": lambda: [
            gain(CONFIRM, "ra-stored", "first20"),
            *(gain(CONFIRM, cell, "first50") for cell in (STORED_RANDOM, "ra-stored")),
            *(gain(CONFIRM, cell, "overall") for cell in (STORED_RANDOM, "ra-stored")),
        ],
        r"seen on, that is \S* \(.*?\) of (\S*), (\S*) of (\S*) and (\S*) of (\S*), the first": lambda: [
            gain("stored-small", "ra-stored", "first20"),
            *(gain("stored-small", cell, "first50") for cell in (STORED_RANDOM, "ra-stored")),
            *(gain("stored-small", cell, "overall") for cell in (STORED_RANDOM, "ra-stored")),
        ],
        r"\| units " + 4 * r"\| (\S*) / (\S*) ": lambda: both("scale-small", STORED_UNITS),
        r"\| iterations per task " + 4 * r"\| (\S*) / (\S*) ": lambda: both("scale-small", STORED_LENGTHS),
        r"repulsion alone (\S*), with random": lambda: [gain("short-small", "rr-iterations50", "first20")],
        r"by its row f = 20 \| (\S*) \| (\S*) \| (\S*) \|": lambda: [papers_baseline(metric) for metric in METRICS],
        r"at the paper's size, one seed \| (\S*) \| (\S*) \| (\S*) \|": lambda: [
            mean("pairs", "bir-si", metric) for metric in METRICS
        ],
        r"on its layers, one seed \| (\S*) \| (\S*) \| (\S*) \|": lambda: [
            mean(FULL, "bir-si", metric) for metric in METRICS
        ],
        r"At six seeds (\S*) to (\S*) points on the first 20 % are not excluded": lambda: [
            one(table("paper-short/verdicts.csv"), end, cell="rr-ra", metric="first20")
            for end in ("valid_low", "valid_high")
        ],
        r"at its best weight, (\S*), and by": lambda: [best_weight("dose-small", "ra")],
        r"and loses (\S*) points on all classes": lambda: [-gain(CONFIRM, "ra-acting-strength3000", "overall")],
        r"with a larger c: (\S*) % at c = 1,500": lambda: [mean(CONFIRM, "bir-si-strength1500", "first20")],
        r"to real means has (\S*) % at c = 300, and (\S*) points more on all": lambda: [
            mean(CONFIRM, "ra-stored", "first20"),
            mean(CONFIRM, "ra-stored", "overall") - mean(CONFIRM, "bir-si-strength1500", "overall"),
        ],
        r"is right for (\S*) % of the first 20 % and (\S*) %": lambda: [
            mean(CONFIRM, "slda-shrinkage1", metric) for metric in ("first20", "overall")
        ],
        r"attraction to them for (\S*) % and (\S*) %, the baseline for (\S*) % and (\S*) %": lambda: [
            mean(CONFIRM, cell, metric) for cell in ("ra-stored", "bir-si") for metric in ("first20", "overall")
        ],
        r"the baseline alone has (\S*) points more at c = 900 .* first 20 %, and (\S*) less on all": lambda: [
            -one(table("short-small/frontier/frontier.csv"), "first20", c=300, rival_c=900),
            one(table("short-small/frontier/frontier.csv"), "overall", c=300, rival_c=900),
        ],
        r"of a class is (\d+) when .* and (\d+) eight tasks .* real means (\d+)\.": lambda: [
            *(drift("bir-si", age) for age in (0, 8)),
            drift("ra-stored", 8),
        ],
        r"over the tasks: (\S*) times at 50 iterations, (\S*) at 100, (\S*) at 200": lambda: gradients(LENGTHS[:3]),
        r"400 units " + 4 * r"\| (\S*) ": lambda: gains("scale-small", UNITS, "first20"),
        r"400 iterations per task " + 4 * r"\| (\S*) ": lambda: gains("scale-small", LENGTHS, "first20"),
        r"512 replayed samples " + 4 * r"\| (\S*) ": lambda: gains("scale-small", BATCHES, "first20"),
        r"At c = 1e8 it is (\S*)\.": lambda: [gain("scale-small", "rr-ra-strength1e+08", "first20")],
        r"BI-R\+SI \| 34.38 \(SEM 0.21\) \| (\S*) \|": lambda: [mean(FULL, "bir-si", "overall")],
        r"without SI \| 21.51 \(SEM 0.25\) \| (\S*) \|": lambda: [mean(FULL, "bir", "overall")],
        r"streaming LDA \| 44.49 \| (\S*) \|": lambda: [mean(FULL, "slda", "overall")],
        r"BI-R\+SI is (\S*) points below the published mean, .* asks for, BI-R (\S*) points": lambda: [
            34.38 - mean(FULL, "bir-si", "overall"),
            21.51 - mean(FULL, "bir", "overall"),
        ],
        r"BI-R\+SI has (\S*) %, BI-R (\S*) %; on the first 50 % (\S*) % and (\S*) %": lambda: [
            mean(FULL, cell, metric) for metric in ("first20", "first50") for cell in ("bir-si", "bir")
        ],
    },
}
"""Page -> what it says -> the numbers that the studies have for it."""


@pytest.mark.parametrize(("page", "said"), [(page, said) for page in SAID for said in SAID[page]])
def test_every_other_number_is_what_a_study_found(page, said):
    (written,) = re.findall(said, plain(page))
    numbers = SAID[page][said]()
    for number, found in zip([written] if isinstance(written, str) else written, numbers, strict=True):
        agrees = number == found if isinstance(found, str) else fits(number, pd.Series([found])).all()
        assert agrees, f"{page}: {number}, and the study has {found}"


NOT_FOUND_HERE = {
    "README.md": r"\| the paper \|[^|]*\|[^|]*\|[^|]*\||5\.9 GB|Python 3\.11|published 34\.38|2110\.15056",
    "docs/results.md": r"\+3\.45 % relative|Section 3\.3|the 1\.5 points|"
    r"\| x 0\.25 \| x 0\.5 \||34\.38 \(SEM 0\.21\)|LDA \| 44\.49|SI \| 21\.51 \(SEM 0\.25\)",
}
"""Numbers of others, and of versions."""


@pytest.mark.parametrize("page", SAID)
def test_no_number_stands_there_that_nothing_holds(page):
    text = plain(page)
    held = [
        match.span() for pattern in (ESTIMATE.pattern, NOT_FOUND_HERE[page]) for match in re.finditer(pattern, text)
    ]
    for said in SAID[page]:
        match = re.search(said, text)
        held += [match.span(group) for group in range(1, 1 + match.re.groups)]
    numbers = re.finditer(r"[+-]?\d+\.\d+", text)
    free = [n for n in numbers if not any(first <= n.start() and n.end() <= last for first, last in held)]
    assert [text[n.start() - 30 : n.end() + 20] for n in free] == []
