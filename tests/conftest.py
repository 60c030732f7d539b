"""Fixtures that many tests share. TensorFlow is imported only by those that need it."""

import os
from pathlib import Path

import pytest
import tiny_corpus
from hypothesis import settings
from places import SHARED

# Shared machines stall. CI tries the same examples every time; developers try new ones.
settings.register_profile("here", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("here")

collect_ignore = ["bench"]  # programs, not tests


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests come first. Workers share out files, the fast and the slow part of each apart."""
    items.sort(key=_is_slow)
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            group = item.path.stem + (".slow" if _is_slow(item) else "")
            item.add_marker(pytest.mark.xdist_group(group))


def _is_slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path_factory) -> None:
    """No test reads or fills the user's cache."""
    monkeypatch.setenv("PLD_TF_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session", autouse=True)
def forked_conversions():
    """Conversions are forked from a process that has TensorFlow: each else loads it anew."""
    from types import SimpleNamespace

    from conversion_server import ConversionServer

    from export.convert import converter

    server = ConversionServer()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(converter, "subprocess", SimpleNamespace(run=server.run))
        yield
    server.stop()


@pytest.fixture
def pld(monkeypatch, capsys):
    """Runs a command line in this process; gives exit code, stdout and stderr."""
    from command_line import run_main

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run_main(monkeypatch, *arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture(scope="session")
def shared() -> Path:
    """Material beside the repository that is not part of it."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder ../shared beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def corpus_root(tmp_path_factory) -> Path:
    """The tiny corpus on disk. Read-only: tests that change a corpus write their own."""
    return tiny_corpus.write_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="session")
def store(corpus_root, tmp_path_factory):
    """The tiny corpus packed at its own rate. Read-only."""
    from pld_tf.data.corpus.corpus import find_corpus
    from pld_tf.data.store.pack import open_store

    return open_store(
        find_corpus(corpus_root),
        sample_rate_hz=tiny_corpus.RATE,
        cache=tmp_path_factory.mktemp("stores"),
    )


@pytest.fixture(scope="session")
def tiny_data(store, classes):
    """Batches of 16 plain crops of 500 ms; modules change what they are about."""
    from crop_rules import rules

    from pld_tf.data.batches.training_data import TrainingData

    return TrainingData(
        store=store,
        classes=classes,
        spec=tiny_corpus.SPEC,
        rules=rules(),
        lengths_ms=(500,),
        batch=16,
        seed=1,
    )


@pytest.fixture(scope="session")
def classes(store):
    from pld_tf.data.corpus.classes import find_classes
    from pld_tf.recipe.load import load_recipe

    return find_classes(load_recipe("smoke"), store.words)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A trained run, its corpus and its cache: see `tiny_run.trained`. Read-only."""
    import tiny_run

    return tiny_run.trained(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def family_models(tmp_path_factory) -> dict[str, Path]:
    """int8 .tflite of every family's small students: see `family_models`. Read-only."""
    from family_models import convert_families

    return convert_families(tmp_path_factory.mktemp("families"))


@pytest.fixture
def tiny_cache(monkeypatch, tiny, own_cache) -> None:
    """The cache that the tiny run was trained from."""
    monkeypatch.setenv("PLD_TF_CACHE", str(tiny / "cache"))
