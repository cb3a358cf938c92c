"""Lazy bindings change how fast things load and nothing else; each case is a process of its own."""

import json
import os
import pty
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assay_constructs import bindings

PROJECT = Path.cwd()
PROVIDER = "cdktf_cdktf_provider_aws"
Run = Callable[..., subprocess.CompletedProcess[str]]


def said(ran: subprocess.CompletedProcess[str]) -> Any:
    """What a program printed as JSON on its last line."""
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def test_only_what_is_used_is_imported_both_ways_of_asking(run: Run) -> None:
    loaded, same, missing, inside = said(
        run("""
            import json, sys
            import assay_constructs
            import cdktf_cdktf_provider_aws as aws
            from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
            same = aws.sns_topic.SnsTopic is SnsTopic and aws.sqs_queue.SqsQueue is not None
            try:
                aws.no_such_service
                missing = ""
            except AttributeError as error:
                missing = str(error)
            prefix = aws.__name__ + "."
            loaded = sorted({n.split(".")[1] for n in sys.modules if n.startswith(prefix)})
            inside = "lambda_function" in dir(aws)
            print(json.dumps([loaded, same, missing, inside]))
        """)
    )
    assert loaded == ["_jsii", "sns_topic", "sqs_queue"]
    assert same
    assert missing == f"module '{PROVIDER}' has no attribute 'no_such_service'"
    assert inside


def test_a_type_that_is_not_loaded_yet_is_found_when_node_returns_it(run: Run) -> None:
    """By the map that jsii itself reads; it must name every service module."""
    found, services = said(
        run("""
            import json, os, sys
            import assay_constructs
            import cdktf_cdktf_provider_aws as aws
            from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
            from jsii import _reference_map as references
            references._try_import_type_module("@cdktf/provider-aws.s3Bucket.S3Bucket")
            services = sum(
                entry.is_dir() and not entry.name.startswith("_")
                for entry in os.scandir(aws.__path__[0])
            )
            known = [n for n in references._submodule_fqn_map if n.startswith("@cdktf/")]
            print(json.dumps(["cdktf_cdktf_provider_aws.s3_bucket" in sys.modules,
                              len(known) == services > 1000]))
        """)
    )
    assert found
    assert services


SYNTHESIZE = """
    import gc, json, runpy, sys
    from pathlib import Path
    import assay_constructs
    sys.argv = ["main.py"]
    try:
        runpy.run_path("main.py", run_name="__main__")
    except SystemExit as stopped:
        assert not stopped.code
    garbage = [gc.isenabled(), gc.get_freeze_count() > 0]
    from cdktf import App, TerraformStack
    from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
    try:
        SnsTopic(TerraformStack(App(), "wrong"), "Topic", name=1)
        message = ""
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
    modules = sum(name.startswith("cdktf_cdktf_provider_aws.") for name in sys.modules)
    print(json.dumps([message, modules, garbage]))
"""


def files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_every_stack_and_every_message_is_the_same_with_and_without(
    run: Run, tmp_path: Path
) -> None:
    lazy = said(run(SYNTHESIZE, CDKTF_OUTDIR=tmp_path / "lazy"))
    stock = said(run(SYNTHESIZE, CDKTF_OUTDIR=tmp_path / "stock", ASSAY_LAZY_BINDINGS="0"))
    assert files(tmp_path / "lazy") == files(tmp_path / "stock")
    assert len(files(tmp_path / "lazy")) == 10
    assert lazy[0] == stock[0]
    assert lazy[0].startswith("TypeError: type of argument name must be")
    assert lazy[1] < 100
    assert stock[1] > 1000
    assert lazy[2] == stock[2] == [False, True]


def test_switched_off_nothing_is_touched(run: Run) -> None:
    touched = said(
        run(
            """
            import json, os, sys
            import assay_constructs
            print(json.dumps(["cdktf_cdktf_provider_aws" in sys.modules,
                              os.environ.get("NODE_OPTIONS")]))
            """,
            ASSAY_LAZY_BINDINGS="0",
        )
    )
    assert touched == [False, None]


def test_the_python_half_works_alone(run: Run) -> None:
    lazy, options = said(
        run(
            """
            import json, os, sys
            import assay_constructs
            import cdktf_cdktf_provider_aws as aws
            print(json.dumps([type(aws).__name__, os.environ.get("NODE_OPTIONS")]))
            """,
            ASSAY_LAZY_BINDINGS="python",
        )
    )
    assert (lazy, options) == ("_LazyPackage", None)


def test_installing_again_changes_nothing_and_the_users_node_options_stay(run: Run) -> None:
    first, second, finders = said(
        run(
            """
            import json, os, sys
            import assay_constructs
            from assay_constructs import bindings
            first = os.environ["NODE_OPTIONS"]
            package = sys.modules["cdktf_cdktf_provider_aws"]
            bindings.install()
            bindings.preload_in_node(bindings.PRELOAD)
            assert sys.modules["cdktf_cdktf_provider_aws"] is package
            finders = [type(finder).__name__ for finder in sys.meta_path]
            print(json.dumps([first, os.environ["NODE_OPTIONS"],
                              finders.count("_AssemblyFinder")]))
            """,
            NODE_OPTIONS="--max-http-header-size=16384",
        )
    )
    assert first == second
    assert first == f'--max-http-header-size=16384 --require "{bindings.PRELOAD}"'
    assert finders == 1


@pytest.fixture
def fake(tmp_path: Path) -> Callable[..., Path]:
    """Make a provider package of two services that says when it is imported as a whole."""

    def _fake(package: str, *parts: str) -> Path:
        folder = tmp_path / "fake" / package
        for part in ("", *parts):
            (folder / part).mkdir(parents=True)
            (folder / part / "__init__.py").write_text(f"LOADED = {part!r}\n", encoding="utf-8")
        (folder / "__init__.py").write_text("WHOLE = True\n", encoding="utf-8")
        return tmp_path / "fake"

    return _fake


def test_a_package_imported_before_is_left_alone(run: Run, fake: Callable[..., Path]) -> None:
    ran = run(
        """
        import json, cdktf_cdktf_provider_aws as before
        import assay_constructs
        import cdktf_cdktf_provider_aws as after
        print(json.dumps([before is after, after.WHOLE]))
        """,
        PYTHONPATH=fake(PROVIDER, "_jsii", "provider"),
    )
    assert said(ran) == [True, True]


def test_a_package_of_another_shape_is_loaded_at_once_with_one_warning(
    run: Run, fake: Callable[..., Path]
) -> None:
    ran = run(
        """
        import json
        import assay_constructs
        import cdktf_cdktf_provider_aws as aws
        print(json.dumps(aws.WHOLE))
        """,
        PYTHONPATH=fake(PROVIDER, "provider"),
    )
    assert said(ran) is True
    assert ran.stderr.count("RuntimeWarning") == 1
    assert f"{PROVIDER} does not look as expected" in ran.stderr
    assert "ASSAY_LAZY_BINDINGS=0" in ran.stderr


def test_cdk_terrains_bindings_are_lazy_too(
    run: Run, fake: Callable[..., Path], tmp_path: Path
) -> None:
    site = fake("cdktn_provider_aws", "_jsii", "provider", "sns_topic")
    (site / "cdktn_provider_aws/sns_topic/__init__.py").write_text(
        "from .._jsii import LOADED\n", encoding="utf-8"
    )
    (site / "cdktn_provider_aws/broken").mkdir()
    (site / "cdktn_provider_aws/broken/__init__.py").write_text("import nowhere\n")
    metadata = site / "cdktn_provider_aws-1.2.3.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: cdktn-provider-aws\nVersion: 1.2.3\n")
    cached = tmp_path / "cache/@cdktn/provider-aws/1.2.3"
    cached.mkdir(parents=True)
    ran = run(
        """
        import json, sys
        import assay_constructs
        import cdktn_provider_aws as aws
        topic = aws.sns_topic.LOADED
        whole = hasattr(aws, "WHOLE")
        try:
            aws.broken
        except ModuleNotFoundError as error:
            broken = error.name
        names = aws._jsii._SUBMODULE_FQN_MAP
        print(json.dumps([topic, whole, broken, "cdktn_provider_aws.provider" in sys.modules,
                          names["@cdktn/provider-aws.snsTopic"]]))
        """,
        PYTHONPATH=site,
        JSII_RUNTIME_PACKAGE_CACHE_ROOT=tmp_path / "cache",
    )
    assert said(ran) == ["_jsii", False, "nowhere", False, "cdktn_provider_aws.sns_topic"]
    assert "Unpacking" not in ran.stderr


USE = """
    import assay_constructs
    from cdktf_cdktf_provider_aws.sns_topic import SnsTopic
    print("{}")
"""


def test_unpacking_is_told_once_on_a_machine(run: Run, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = run(USE, JSII_RUNTIME_PACKAGE_CACHE_ROOT=cache)
    assert first.returncode == 0, first.stderr
    assert first.stderr == (
        "Unpacking the bindings of @cdktf/provider-aws 21.22.1, once on this machine\n"
    )
    second = run(USE, JSII_RUNTIME_PACKAGE_CACHE_ROOT=cache)
    assert (second.returncode, second.stderr) == (0, "")


def test_a_spinner_turns_on_a_terminal(
    fake: Callable[..., Path], clean_environment: dict[str, str], tmp_path: Path
) -> None:
    site = fake(PROVIDER, "_jsii", "provider", "sns_topic")
    (site / PROVIDER / "sns_topic/__init__.py").write_text(
        "from .._jsii import LOADED\nSnsTopic = LOADED\n", encoding="utf-8"
    )
    (site / PROVIDER / "_jsii/__init__.py").write_text(
        "import time\ntime.sleep(0.5)\nLOADED = True\n", encoding="utf-8"
    )
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(USE)],
        env={
            **clean_environment,
            "PYTHONPATH": str(site),
            "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(tmp_path / "cache"),
            "TERM": "xterm",
        },
        stdout=subprocess.DEVNULL,
        stderr=terminal,
    )
    os.close(terminal)
    shown = b"".join(read(controller)).decode()
    os.close(controller)
    assert process.wait() == 0
    assert shown.count("⠋") >= 1
    assert "Unpacking the bindings" in shown


def read(terminal: int) -> Iterator[bytes]:
    """Read until the other side has closed, which Linux reports as an error."""
    try:
        while data := os.read(terminal, 1024):
            yield data
    except OSError:
        return


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "/home/me/.cache/aws/jsii/package-cache"),
        ("darwin", {}, "/home/me/Library/Caches/com.amazonaws.jsii/package-cache"),
        ("win32", {}, "/home/me/AppData/Local/AWS/jsii/package-cache"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/AWS/jsii/package-cache"),
        ("linux", {"JSII_RUNTIME_PACKAGE_CACHE_ROOT": "/cache"}, "/cache"),
    ],
)
def test_jsiis_cache_is_where_each_system_has_it(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", "/home/me")
    for name in ("LOCALAPPDATA", "JSII_RUNTIME_PACKAGE_CACHE_ROOT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert bindings.package_cache() == Path(expected)


@pytest.mark.parametrize(
    ("script", "option"),
    [
        ("/plain/lazy.js", '--require "/plain/lazy.js"'),
        ("/with space/lazy.js", '--require "/with space/lazy.js"'),
        ('/back\\slash and "quote"/lazy.js', '--require "/back\\\\slash and \\"quote\\"/lazy.js"'),
    ],
)
def test_node_gets_any_path_quoted(
    monkeypatch: pytest.MonkeyPatch, script: str, option: str
) -> None:
    monkeypatch.setenv("NODE_OPTIONS", "")
    bindings.preload_in_node(Path(script))
    assert os.environ["NODE_OPTIONS"] == option


INDEX = """\
"use strict";
Object.defineProperty(exports, "__esModule", { value: true });
exports.two = exports.one = void 0;
exports.one = require("./one");
exports.two = require("./two-three");
"""


def npm_package(folder: Path, name: str, index: str = INDEX) -> Path:
    """An npm package whose modules print when they are loaded."""
    lib = folder / name / "lib"
    lib.mkdir(parents=True)
    (folder / name / "package.json").write_text(json.dumps({"name": name}), encoding="utf-8")
    (lib / "index.js").write_text(index, encoding="utf-8")
    for module in ("one", "two-three"):
        (lib / f"{module}.js").write_text(
            f'console.log("loaded {module}"); exports.name = "{module}";', encoding="utf-8"
        )
    return lib / "index.js"


def node(*arguments: str, preload: Path = bindings.PRELOAD) -> subprocess.CompletedProcess[str]:
    """Run a script in Node.js with the preload, as ``NODE_OPTIONS`` of the bindings has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NODE_OPTIONS", "")
        bindings.preload_in_node(preload)
        environment = dict(os.environ)
    return subprocess.run(
        [os.environ["JSII_NODE"], *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


STARRED = (
    INDEX.replace("require(", "__importStar(require(").replace('");', '"));')
    + """\
function __importStar(module) { return { ...module }; }
"""
)

USE_TWO = """
for (const index of process.argv.slice(1)) {
  const provider = require(index);
  console.log(Object.keys(provider).join());
  console.log(provider.two.name, provider.two === provider.two);
}
"""


@pytest.mark.parametrize(
    ("name", "content"), [("@cdktf/provider-aws", INDEX), ("@cdktn/provider-aws", STARRED)]
)
def test_node_requires_a_module_when_it_is_used(tmp_path: Path, name: str, content: str) -> None:
    """Also from a folder with spaces, and for several versions side by side."""
    indexes = [
        str(npm_package(tmp_path / "with space" / version, name, content))
        for version in ("1.0", "2.0")
    ]
    ran = node("-e", USE_TWO, *indexes)
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "one,two",
        "loaded two-three",
        "two-three true",
    ] * len(indexes)


def test_node_leaves_every_other_package_as_it_is(tmp_path: Path) -> None:
    other = npm_package(tmp_path, "@cdktf/provider-google")
    ran = node("-e", USE_TWO, str(other))
    assert ran.stdout.splitlines()[:2] == ["loaded one", "loaded two-three"]
    bare = tmp_path / "bare" / "lib" / "index.js"
    bare.parent.mkdir(parents=True)
    bare.write_text("exports.two = { name: 2 };", encoding="utf-8")
    assert node("-e", USE_TWO, str(bare)).stdout.splitlines() == ["two", "2 true"]


def test_node_warns_once_and_goes_on_when_the_index_has_another_shape(tmp_path: Path) -> None:
    index = npm_package(
        tmp_path, "@cdktf/provider-aws", INDEX.replace("exports.", "module.exports.")
    )
    ran = node("-e", USE_TWO, str(index), str(index))
    assert ran.returncode == 0
    assert ran.stderr.count("does not look as expected") == 1
    assert "two-three true" in ran.stdout


def test_the_preload_works_from_a_folder_with_spaces(tmp_path: Path) -> None:
    folder = tmp_path / 'a "quoted" folder'
    folder.mkdir()
    preload = folder / "lazy_provider.js"
    preload.write_bytes(bindings.PRELOAD.read_bytes())
    ran = node("-e", USE_TWO, str(npm_package(tmp_path, "@cdktf/provider-aws")), preload=preload)
    assert ran.stderr == ""
    assert ran.stdout.splitlines()[0] == "one,two"
