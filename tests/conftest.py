"""What holds for every level of tests."""

import os
from collections.abc import Iterator

import coverage
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "assay",
    settings.get_profile(settings.get_current_profile_name()),
    # A test says nothing of how fast the machine is, nor may it fail because that is busy.
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        # Where fixtures are used, they stay as they are from one example to the next, and may.
        HealthCheck.function_scoped_fixture,
    ],
)
settings.load_profile("assay")


@pytest.fixture(autouse=True)
def _environment_stays() -> Iterator[None]:
    """Fail a test that leaves other environment variables than it found, to tests after it.

    Fixtures for a test are undone in reverse order, so that one which puts all variables back
    has to come before ``monkeypatch``.
    """
    before = set(os.environ.items())
    yield
    # Their names alone, as some values are secret.
    changed = {name for name, _ in before.symmetric_difference(os.environ.items())}
    assert not changed - {"PYTEST_CURRENT_TEST"}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Save what a worker of pytest-xdist measured while it is sure to live.

    xdist kills workers that take more than ten seconds to end, and with them went what they
    would have saved at their end.
    """
    measured = coverage.Coverage.current()
    if measured is not None and hasattr(session.config, "workerinput"):
        # Stopped, it has nothing to write at the end, when it might be killed while it writes.
        measured.stop()
        measured.save()
