"""The browser of the tests runs scripts and tells what went wrong in them."""

import pytest
from browser import MISSING, start

PAGE = "<title>before</title><p id=sum></p><script>{script}</script>"


def show(browser, folder, script):
    page = folder / "page.html"
    page.write_text(PAGE.format(script=script))
    browser.get(page.as_uri())


def test_a_script_runs(browser, tmp_path):
    show(browser, tmp_path, "document.title = 'after'; document.getElementById('sum').textContent = 1 + 2")
    assert browser.title == "after"
    assert browser.find_element("id", "sum").text == "3"
    assert browser.get_log("browser") == []


def test_an_error_of_a_script_is_in_the_log(browser, tmp_path):
    show(browser, tmp_path, "missing()")
    (entry,) = browser.get_log("browser")
    assert "missing is not defined" in entry["message"]


def test_a_request_is_in_the_log(browser, tmp_path):
    show(browser, tmp_path, "new Image().src = 'missing.png'")
    assert any("missing.png" in entry["message"] for entry in browser.get_log("performance"))
    browser.get_log("browser")  # which says that it is missing


def test_without_chromium_a_test_fails_and_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match=MISSING):
        start(tmp_path)
