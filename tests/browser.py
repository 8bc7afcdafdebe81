"""A real browser for tests of pages: Chromium without a window, driven by selenium."""

import shutil
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # as root, in a container
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--window-size=1280,1000",
)
MISSING = "Chromium and its driver are missing: `make browser`, as root, installs them on Debian"


def start(profile: Path) -> webdriver.Chrome:
    """Start a browser with a profile of its own, and its console and its requests kept.

    `get_log("browser")` and `get_log("performance")` return what came since they were called last.
    """
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.fail(MISSING, pytrace=False)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options, Service(driver))


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One browser for all tests of a process."""
    driver = start(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()
