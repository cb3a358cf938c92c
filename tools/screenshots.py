"""Make the pictures of the report's page: ``python tools/screenshots.py [FILE] [--out FOLDER]``.

FILE is a report in the form ``json``, by default the one that ``make demo`` left. The picture of
the print needs ``pdftoppm`` (Debian's package ``poppler-utils``).
"""

import argparse
import base64
import subprocess
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

# Where each picture begins, and how wide its window is.
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "desktop": ("main", {"viewport": DESKTOP}),
    "phone": ("main", {"viewport": PHONE, "device_scale_factor": 2, "is_mobile": True}),
    "dark": ("resources", {"viewport": DESKTOP, "color_scheme": "dark"}),
}
SHEETS = """
<style>
body { margin: 0; padding: 24px; display: flex; gap: 24px; background: #dfe3ea; }
img { width: 604px; box-shadow: 0 1px 6px rgb(20 30 60 / 25%); }
</style>
"""


def photograph(browser: Browser, page_file: Path, folder: Path) -> None:
    """Take the pictures that show a screen."""
    for name, (place, options) in PICTURES.items():
        # Else the page would still be on its way to the place.
        page = browser.new_page(**options, reduced_motion="reduce")
        page.goto(page_file.as_uri() + ("" if place == "main" else f"#{place}"))
        page.screenshot(path=folder / f"report-{name}.png")
        page.close()


def photograph_print(browser: Browser, page_file: Path, folder: Path) -> None:
    """Take the picture of the first two sheets of paper, side by side."""
    page = browser.new_page()
    page.goto(page_file.as_uri())
    page.pdf(path=page_file.with_suffix(".pdf"), prefer_css_page_size=True)
    page.close()
    sheets = page_file.parent / "sheet"
    subprocess.run(  # noqa: S603 - our own file
        ["pdftoppm", "-r", "110", "-l", "2", "-png", page_file.with_suffix(".pdf"), sheets],  # noqa: S607 - of whatever folder it is in
        check=True,
    )
    page = browser.new_page(viewport=DESKTOP)
    images = (
        base64.b64encode(sheet.read_bytes()).decode()
        for sheet in sorted(page_file.parent.glob("sheet*.png"))
    )
    page.set_content(
        SHEETS + "".join(f'<img src="data:image/png;base64,{image}">' for image in images)
    )
    page.screenshot(path=folder / "report-print.png", full_page=True)
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
