"""Lock dependencies without naming a package index: ``python tools/lock.py PIPENV FOLDER``.

Pipenv writes the index that it used into ``Pipfile.lock``. Taken out, everybody's own index is
used, and versions and hashes still decide what is installed.
"""

import json
import subprocess
import sys
from pathlib import Path


def without_index(lock: dict[str, dict[str, dict[str, object]]]) -> None:
    """Empty the list of sources, and drop each package's reference to one of them."""
    for section, packages in lock.items():
        if section == "_meta":
            packages["sources"] = []  # type: ignore[assignment]
        else:
            for package in packages.values():
                package.pop("index", None)


def main() -> None:
    """Run Pipenv's lock in the folder, then clean its result."""
    pipenv, folder = sys.argv[1:]
    subprocess.run([pipenv, "lock"], cwd=folder, check=True)  # noqa: S603
    file = Path(folder, "Pipfile.lock")
    lock = json.loads(file.read_text(encoding="utf-8"))
    without_index(lock)
    text = json.dumps(lock, indent=4, sort_keys=True) + "\n"
    file.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
