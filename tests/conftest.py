"""Shared by all tests: array shapes are checked at each call, save in ``many_calls``; data are found or skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Before NumPy and torch are read, which look at it once. Where tests run beside each other a core has one thread: two
# that wait for each other in turns trained a network ten times slower than one.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import pytest
from jaxtyping import config, install_import_hook

from postgresql import Cluster, cluster

install_import_hook("classmood", "typechecker.check")


# Optional, so that one file runs where pytest-xdist is missing or switched off.
@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than there are cores, since those with a browser mostly wait; four at most, as each may need 1.5 GB."""
    return min(4, (os.cpu_count() or 1) + 1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Checking each call is most of the time of a test that makes a hundred thousand: such a one does without."""
    config.update("jaxtyping_disable", item.get_closest_marker("many_calls") is not None)
    try:
        return (yield)
    finally:
        config.update("jaxtyping_disable", False)


DATA = Path(__file__).parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def london() -> Path:
    """The Face Research Lab London Set."""
    folder = DATA / "london"
    if not (folder / "london.csv").is_file():
        pytest.skip("the London set is not beside the checkout (../shared/data/london)")
    return folder


@pytest.fixture(scope="session")
def ferplus() -> Path:
    """FER2013 with FER+ votes, as parquet files."""
    folder = DATA / "ferplus"
    if not (folder / "train.parquet").is_file():
        pytest.skip("FER+ is not beside the checkout (../shared/data/ferplus)")
    return folder


@pytest.fixture(scope="session")
def portrait():  # type: ignore[no-untyped-def]
    """scikit-image's public-domain portrait of Eileen Collins, RGB, 512x512, one face."""
    data = pytest.importorskip("skimage.data", reason="scikit-image (extra [demo]) is not installed")
    return data.astronaut()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL server that runs as long as the tests do."""
    with cluster() as found:
        yield found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a file of SQLite may be made, in a folder of its own."""
    return tmp_path / "data" / "classes.db"


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database(request: pytest.FixtureRequest, path: Path) -> Path | str:
    """Where a store may lie; what is tested with it holds for both."""
    return path if request.param == "SQLite" else request.getfixturevalue("postgresql").database()  # type: ignore[no-any-return]
