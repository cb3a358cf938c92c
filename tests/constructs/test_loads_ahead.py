"""Python does not wait for what Node.js loads; a stand-in for Node.js shows who waits for whom."""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from assay_constructs import bindings

Run = Callable[..., subprocess.CompletedProcess[str]]

# npm packages by the distributions they come in.
PACKAGES = {
    "constructs": "constructs",
    "cdktf": "cdktf",
    "@cdktf/provider-aws": "cdktf-cdktf-provider-aws",
}

# Speaks jsii's protocol: it greets, and then answers each line it reads. Until the file GO exists
# it says nothing, and it refuses to load the packages in BROKEN.
NODE = """
import itertools, json, os, queue, sys, threading, time
from pathlib import Path

requests = queue.Queue()

def read():
    for line in sys.stdin:
        request = json.loads(line)
        if "exit" in request:
            break
        requests.put(request)
    os._exit(0)

log = open(os.environ["LOG"], "w")
threading.Thread(target=read, daemon=True).start()
while not Path(os.environ["GO"]).exists():
    time.sleep(0.01)
broken = os.environ.get("BROKEN", "").split()
print(json.dumps({"hello": os.environ.get("HELLO", "@jsii/runtime@0.0.0")}), flush=True)
for number in itertools.count():
    request = requests.get()
    print(request["api"], request.get("name") or request["fqn"], file=log, flush=True)
    if request["api"] == "load" and request["name"] in broken:
        answer = {"error": f"cannot load {request['name']}", "name": "@jsii/kernel.Fault",
                  "stack": ""}
    elif request["api"] == "load":
        answer = {"ok": {"assembly": request["name"], "types": 1}}
    else:
        answer = {"ok": {"$jsii.byref": f"{request['fqn']}@{number}"}}
    print(json.dumps(answer), flush=True)
"""

# Imports all that Assay does, then makes two objects; GO is given when TELL says so.
PROGRAM = """
import json, os, sys
from pathlib import Path
import assay_constructs
from assay_constructs.loads_ahead import load_ahead
load_ahead()
load_ahead()
go = Path(os.environ["GO"])
told = []

def attempt(action):
    try:
        action()
        told.append("done")
    except Exception as error:
        told.append(f"{type(error).__name__}: {error}")

def load():
    import cdktf, cdktf_cdktf_provider_aws._jsii

attempt(load)
waited = go.exists()
go.touch()
if told == ["done"]:
    from constructs import Construct, RootConstruct
    attempt(lambda: told.append(RootConstruct().__jsii_ref__.ref))
    attempt(lambda: told.append(RootConstruct().__jsii_ref__.ref))
print(json.dumps([waited, *told]))
"""


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """A cache in which jsii's packages look as if they were unpacked."""
    for package, distribution in PACKAGES.items():
        (tmp_path / "cache" / package / version(distribution)).mkdir(parents=True)
    return tmp_path / "cache"


@pytest.fixture
def run_stand_in(run: Run, tmp_path: Path) -> Run:
    """Run a program with the stand-in for Node.js; it must end in a minute."""
    (tmp_path / "node.py").write_text(NODE, encoding="utf-8")
    node = tmp_path / "node"
    node.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path}/node.py"\n', encoding="utf-8")
    node.chmod(0o755)
    return partial(run, timeout=60, JSII_NODE=node, GO=tmp_path / "go", LOG=tmp_path / "log")


def said(ran: subprocess.CompletedProcess[str]) -> Any:
    """What a program printed as JSON on its last line."""
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_imports_go_on_while_node_has_not_even_started(
    run_stand_in: Run, unpacked: Path, tmp_path: Path
) -> None:
    """Answers reach those who asked, and requests are what jsii sends anyway, in its order."""
    told = said(run_stand_in(PROGRAM, JSII_RUNTIME_PACKAGE_CACHE_ROOT=unpacked))
    assert told == [False, "done", "constructs.RootConstruct@3", "done",
                    "constructs.RootConstruct@4", "done"]  # fmt: skip
    assert (tmp_path / "log").read_text().splitlines() == [
        "load constructs",
        "load cdktf",
        "load @cdktf/provider-aws",
        "create constructs.RootConstruct",
        "create constructs.RootConstruct",
    ]


def test_a_load_that_failed_is_told_by_the_first_that_needs_an_answer(
    run_stand_in: Run, unpacked: Path
) -> None:
    told = said(
        run_stand_in(
            PROGRAM, JSII_RUNTIME_PACKAGE_CACHE_ROOT=unpacked, BROKEN="cdktf @cdktf/provider-aws"
        )
    )
    assert told[:3] == [False, "done", "JSIIError: cannot load cdktf"]
    # From then on, answers reach those who asked again.
    assert told[3:] == ["constructs.RootConstruct@4", "done"]


def test_a_node_of_another_jsii_is_refused(run_stand_in: Run, unpacked: Path) -> None:
    told = said(
        run_stand_in(PROGRAM, JSII_RUNTIME_PACKAGE_CACHE_ROOT=unpacked, HELLO="@jsii/runtime@9.9.9")
    )
    assert told[2] == "AssertionError: Invalid JSII Runtime Version: '@jsii/runtime@9.9.9'"
    # It is ended, and nobody gets another's answer.
    assert told[3:] == ["ValueError: write to closed file"]


def test_node_starts_before_anything_is_imported(run_stand_in: Run) -> None:
    started = said(
        run_stand_in("""
            import json, os, time
            from pathlib import Path
            from assay_constructs.loads_ahead import load_ahead
            load_ahead()
            patience = time.monotonic() + 60
            while not Path(os.environ["LOG"]).exists() and time.monotonic() < patience:
                time.sleep(0.01)
            print(json.dumps(Path(os.environ["LOG"]).exists()))
            Path(os.environ["GO"]).touch()
        """)
    )
    assert started


def test_main_reads_settings_while_node_has_not_said_a_word(
    run_stand_in: Run, unpacked: Path, tmp_path: Path
) -> None:
    (tmp_path / "wrong.yaml").write_text("region: 7\n", encoding="utf-8")
    ran = run_stand_in(
        'import runpy; runpy.run_path("main.py", run_name="__main__")',
        ASSAY_ENVIRONMENTS=tmp_path,
        JSII_RUNTIME_PACKAGE_CACHE_ROOT=unpacked,
    )
    assert ran.returncode == 1
    assert "wrong.yaml:1: region: allowed: an AWS region" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert (tmp_path / "log").read_text() == ""


@pytest.mark.parametrize("there", [None, "constructs/1.0.0", "cdktf/0.1.0"])
def test_what_is_not_unpacked_yet_is_waited_for(
    run_stand_in: Run, tmp_path: Path, there: str | None
) -> None:
    """Also where another version is."""
    (tmp_path / "go").touch()
    if there:
        (tmp_path / "cache" / there).mkdir(parents=True)
    told = said(
        run_stand_in(PROGRAM, JSII_RUNTIME_PACKAGE_CACHE_ROOT=tmp_path / "cache", BROKEN="cdktf")
    )
    assert told == [True, "JSIIError: cannot load cdktf"]


def test_an_archive_that_python_had_to_unzip_is_waited_for(
    run_stand_in: Run, unpacked: Path
) -> None:
    """Python removes it as soon as it takes it for loaded."""
    ran = run_stand_in(
        """
        import json, os
        from pathlib import Path
        from assay_constructs.loads_ahead import load_ahead
        load_ahead()
        from jsii._runtime import kernel
        Path(os.environ["GO"]).touch()
        try:
            kernel.load("cdktf", "0.21.0", "/tmp/away.jsii.tgz")
            print(json.dumps("did not wait"))
        except Exception as error:
            print(json.dumps(str(error)))
        """,
        JSII_RUNTIME_PACKAGE_CACHE_ROOT=unpacked,
        BROKEN="cdktf",
    )
    assert said(ran) == "cannot load cdktf"


def test_switched_off_jsii_waits_as_it_always_did(
    run_stand_in: Run, unpacked: Path, tmp_path: Path
) -> None:
    (tmp_path / "go").touch()
    ran = run_stand_in(
        """
        import json
        from assay_constructs.loads_ahead import load_ahead
        load_ahead()
        try:
            import constructs
        except Exception as error:
            print(json.dumps(str(error)))
        """,
        JSII_RUNTIME_PACKAGE_CACHE_ROOT=unpacked,
        BROKEN="constructs",
        **{bindings.SWITCH: "0"},
    )
    assert said(ran) == "cannot load constructs"


@pytest.mark.parametrize(
    ("module", "content"),
    [
        ("jsii/__init__.py", ""),
        ("jsii/_kernel/providers/process.py", ""),
        ("jsii/_kernel/providers/process.py", "class _NodeProcess:\n    send = None\n"),
    ],
)
def test_with_a_jsii_of_another_shape_it_steps_aside_with_one_warning(
    run_stand_in: Run, tmp_path: Path, module: str, content: str
) -> None:
    file = tmp_path / "other" / module
    file.parent.mkdir(parents=True)
    for folder in file.relative_to(tmp_path / "other").parents[:-1]:
        (tmp_path / "other" / folder / "__init__.py").touch()
    file.write_text(content, encoding="utf-8")
    ran = run_stand_in(
        """
        from assay_constructs.loads_ahead import load_ahead
        load_ahead()
        print("true")
        """,
        PYTHONPATH=tmp_path / "other",
    )
    assert said(ran) is True
    assert ran.stderr.count("RuntimeWarning: jsii does not look as expected") == 1
    assert "ASSAY_LAZY_BINDINGS=0 silences this" in ran.stderr


def test_a_jsii_that_greets_in_another_way_is_not_waited_for(
    run_stand_in: Run, unpacked: Path
) -> None:
    ran = run_stand_in(
        """
        import json, os
        from pathlib import Path
        from jsii._kernel.providers import process
        def handshake(self):
            raise AssertionError("is not called any more")
        def start(self, begin=process._NodeProcess.start):
            self.handshake = lambda: self._next_message()
            begin(self)
        process._NodeProcess.handshake = handshake
        process._NodeProcess.start = start
        Path(os.environ["GO"]).touch()
        from assay_constructs.loads_ahead import load_ahead
        load_ahead()
        from constructs import RootConstruct
        print(json.dumps(RootConstruct().__jsii_ref__.ref))
        """,
        JSII_RUNTIME_PACKAGE_CACHE_ROOT=unpacked,
    )
    assert said(ran) == "constructs.RootConstruct@1"


def test_without_the_property_that_starts_node_it_steps_aside(run_stand_in: Run) -> None:
    ran = run_stand_in("""
        from jsii._kernel.providers.process import ProcessProvider
        del ProcessProvider._process
        from assay_constructs.loads_ahead import load_ahead
        load_ahead()
        print("true")
    """)
    assert said(ran) is True
    assert ran.stderr.count("RuntimeWarning: jsii does not look as expected") == 1


def test_once_node_has_started_nothing_is_touched(run: Run, tmp_path: Path) -> None:
    """A real Node.js, and a real answer."""
    ran = run(
        """
        import json
        import assay_constructs, cdktf
        from assay_constructs.loads_ahead import load_ahead
        load_ahead()
        from cdktf import App
        from jsii._runtime import kernel
        path = App().node.path
        print(json.dumps([path, type(kernel.provider._process).__mro__[1].__name__]))
        """,
        CDKTF_OUTDIR=tmp_path,
    )
    assert said(ran) == ["", "object"]
