"""Make the pictures of the report's page: ``python tools/screenshots.py [FILE] [--out FOLDER]``.

FILE is a report in the form ``json``, by default the one that ``make demo`` left.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ViewportSize
from pydantic import TypeAdapter

from assay.forms import html
from assay.report import Report
from chromium import chromium

PROJECT = Path(__file__).resolve().parents[1]
DESKTOP = ViewportSize(width=1280, height=960)
PHONE = ViewportSize(width=390, height=844)

# Of A4, in CSS's pixels.
SHEET = ViewportSize(width=794, height=1123)

# Where each picture begins, and how wide its window is.
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "desktop": ("main", {"viewport": DESKTOP}),
    "phone": ("main", {"viewport": PHONE, "device_scale_factor": 2, "is_mobile": True}),
    "dark": ("resources", {"viewport": DESKTOP, "color_scheme": "dark"}),
}


def photograph(browser: Browser, page_file: Path, folder: Path) -> None:
    """Take the pictures that show a screen."""
    for name, (place, options) in PICTURES.items():
        # Else the page would still be on its way to the place.
        page = browser.new_page(**options, reduced_motion="reduce")
        page.goto(page_file.as_uri() + ("" if place == "main" else f"#{place}"))
        page.screenshot(path=folder / f"report-{name}.png")
        page.close()


def photograph_print(browser: Browser, page_file: Path, folder: Path) -> None:
    """Take the picture of what begins on the first sheet of paper."""
    page = browser.new_page(viewport=SHEET, device_scale_factor=2)
    page.goto(page_file.as_uri())
    page.emulate_media(media="print")
    # A printer would do both: tell the page, and leave the margins free.
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.evaluate("document.body.style.padding = '14mm 12mm'")
    page.screenshot(path=folder / "report-print.png")
    page.close()


def main() -> None:
    """Write the page to a temporary folder and take all pictures of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "report",
        type=Path,
        nargs="?",
        metavar="FILE",
        default=PROJECT / ".assay" / "demo" / "reports" / "compliance-report.json",
    )
    parser.add_argument("--out", type=Path, default=PROJECT / "docs" / "images", metavar="FOLDER")
    options = parser.parse_args()
    report = TypeAdapter(Report).validate_json(options.report.read_bytes())
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary, chromium() as browser:
        page_file = Path(temporary, "report.html")
        page_file.write_text("".join(html.write(report)), encoding="utf-8")
        photograph(browser, page_file, options.out)
        photograph_print(browser, page_file, options.out)


if __name__ == "__main__":
    main()
