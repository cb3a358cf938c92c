"""Finds Chromium and starts it, for tests of the report's page, its pictures and its benchmark."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str:
    """Return where Chromium is: what ``ASSAY_CHROMIUM`` names, or else one on the ``PATH``.

    Raises:
        FileNotFoundError: There is none.
    """
    names = [name] if (name := os.environ.get("ASSAY_CHROMIUM")) else NAMES
    for each in names:
        if found := shutil.which(each):
            return found
    raise FileNotFoundError(
        f"no browser: looked for {', '.join(names)}; install one with `apt-get install chromium`, "
        "or name one in ASSAY_CHROMIUM"
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium without a window, and end it."""
    # Chromium refuses to start its sandbox as root, as whom containers often run.
    arguments = [] if os.geteuid() else ["--no-sandbox"]
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()
