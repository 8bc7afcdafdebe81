"""The report of a finished study, as a browser shows it: on a telephone, on a screen and in print."""

import base64
import json

import pytest
from selenium.webdriver.common.by import By

from exaggerated_replay.analysis.study.outputs import figures_of
from exaggerated_replay.analysis.study.study import open_study

SECTIONS = (
    *("question", "answer", "reached", "verdicts", "comparisons", "forgetting", "inside", "run", "not-run", "rules"),
    "runs",
)
GRIDS = ("table1", "convergence")
MOST_BYTES = 5_000_000


@pytest.fixture(scope="module")
def folder(finished):
    return finished.path / "results/tiny"


@pytest.fixture
def page(browser, folder):
    """The browser, showing the page; nothing may have gone wrong in it, or asked for anything, by the end."""
    address = (folder / "report.html").as_uri()
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(address)
    yield browser
    assert browser.get_log("browser") == []
    assert requests(browser) - {address} == set()


def requests(browser):
    """Return what was asked for since the last look, but for what is in the page itself."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return {url for url in sent if not url.startswith("data:")}


def size(browser, width):
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@pytest.fixture(params=[400, 1400])
def width(request, browser):
    size(browser, request.param)
    yield request.param
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_section_and_every_figure_is_there(page, folder, width):
    for section in (*SECTIONS, *(f"grid-{grid}" for grid in GRIDS)):
        assert page.find_element(By.ID, section).is_displayed()
        assert page.find_element(By.CSS_SELECTOR, f"#{section} :is(h1, h2, h3)").text
    drawn = {path.stem for path in (folder / "print").glob("*.pdf")}
    assert {*figures_of(open_study(folder).plan), "competing_classes", "mechanism"} == drawn
    for name in drawn:
        figure = page.find_element(By.ID, f"figure-{name}")
        image = figure.find_element(By.TAG_NAME, "img")
        assert page.execute_script("return arguments[0].complete && arguments[0].naturalWidth", image) > 300
        assert image.get_attribute("alt")
        assert figure.find_element(By.TAG_NAME, "figcaption").text
    # Nothing is wider than the screen: figures stack their panels, and tables scroll in frames of their own.
    table1 = page.find_element(By.CSS_SELECTOR, "#figure-table1 img").size
    assert (table1["height"] > table1["width"]) == (width < 500)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width


def test_the_contents_lead_to_every_section(page, width):
    links = page.find_elements(By.CSS_SELECTOR, "nav a")
    targets = [link.get_attribute("href").partition("#")[2] for link in links]
    assert {*SECTIONS, *(f"grid-{grid}" for grid in GRIDS)} - {"answer"} == {*targets}
    displayed = [(link, target) for link, target in zip(links, targets, strict=True) if link.is_displayed()]
    assert displayed
    for link, target in displayed:
        page.execute_script("arguments[0].click()", link)
        assert page.execute_script("return document.querySelector(':target').id") == target


def test_a_number_leads_to_its_runs_and_a_run_is_named(page, folder):
    numbers = page.find_elements(By.CSS_SELECTOR, ".number")
    assert len(numbers) == 3 * (3 + 4)  # two rows of f and two arms at two lengths, and the baselines
    page.execute_script("arguments[0].click()", numbers[3])  # the second row of Table 1
    card = page.find_element(By.CSS_SELECTOR, ".card:target")
    assert card.is_displayed()
    assert card.find_element(By.TAG_NAME, "h3").text == "RR+RA, f = 5"
    names = [name.get_attribute("textContent") for name in card.find_elements(By.CSS_SELECTOR, "th code")]
    lines = map(json.loads, (folder / "records.jsonl").read_text().splitlines())
    seeds = {line["run"]: line["record"]["settings"]["seed"] for line in lines}
    assert [seeds[name] for name in names] == [0, 1]


def test_links_lead_to_files_that_there_are(page, folder):
    links = {link.get_dom_attribute("href") for link in page.find_elements(By.TAG_NAME, "a")}
    files = {link for link in links if not link.startswith("#")}
    assert files
    assert [name for name in files if not (folder / name).is_file()] == []
    anchors = {link[1:] for link in links if link.startswith("#")}
    assert [name for name in anchors if not page.find_elements(By.ID, name)] == []


def test_it_prints_on_a4_with_every_section(page):
    pdf = base64.b64decode(page.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert b"/MediaBox [0 0 594.95996 841.91998]" in pdf or b"/MediaBox [0 0 595 842]" in pdf
    assert pdf.count(b"/Type /Page\n") > 3
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        for section in SECTIONS:
            assert page.find_element(By.ID, section).is_displayed()
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_it_is_one_small_file(folder):
    assert (folder / "report.html").stat().st_size < MOST_BYTES
