"""Fuzz targets of the front end and of kws.h: stored inputs by any compiler, new ones by clang."""

import os
import shutil
import subprocess

import c_fuzz
import pytest
from stub_bundle import SANITIZERS, compiler, run

TARGETS = sorted(c_fuzz.SOURCES)
# Its limit of resident memory counts what the process that starts it has ever held: pytest, with
# TensorFlow in it. What the target itself asks for is limited instead.
LIMITS = ("-rss_limit_mb=0", "-malloc_limit_mb=512")
SECONDS = int(os.environ.get("FUZZ_SECONDS", "30"))


@pytest.mark.parametrize("target", TARGETS)
def test_stored_inputs_are_clean_under_sanitizers(target, tmp_path):
    replay = c_fuzz.build_replay(target, c_fuzz.prepare(target, tmp_path), *SANITIZERS)
    stored = c_fuzz.corpus(target)
    assert len(stored) >= 5
    assert run(replay, *stored).stdout.decode() == f"{len(stored)} inputs\n"


@pytest.mark.parametrize("target", TARGETS)
def test_stored_inputs_are_few_and_small(target):
    sizes = [path.stat().st_size for path in c_fuzz.corpus(target)]
    assert len(sizes) <= 40
    assert sum(sizes) <= 40_000


@pytest.mark.parametrize(
    ("target", "name", "old", "new"),
    [
        (
            "frontend",
            "kws_frontend.c",
            "*ready = taken == missing",
            "*ready = count >= missing / 2",
        ),
        ("frontend", "kws_frontend.c", "f->filled = OVERLAP", "f->filled = OVERLAP + count % 2"),
        ("api", "kws.c", "if (status != 1) return status;", "if (!status) return status;"),
        ("api", "kws.c", "k->taken += taken;", "k->taken += taken + (count > 3);"),
        ("api", "kws_decision.c", "smoothing > KWS_MAX_SMOOTHING", "smoothing > 99"),
    ],
)
def test_stored_inputs_find_a_fault(target, name, old, new, tmp_path):
    c_fuzz.prepare(target, tmp_path)
    path = tmp_path / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    replay = c_fuzz.build_replay(target, tmp_path, "-w", *SANITIZERS)
    ended = subprocess.run([replay, *c_fuzz.corpus(target)], capture_output=True, check=False)
    assert ended.returncode != 0


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_stored_inputs_use_nothing_unset(target, tmp_path):
    if shutil.which("valgrind") is None:
        pytest.skip("needs valgrind")
    replay = c_fuzz.build_replay(target, c_fuzz.prepare(target, tmp_path), "-g")
    run("valgrind", "--error-exitcode=9", "--quiet", replay, *c_fuzz.corpus(target))


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_fuzzing_finds_nothing(target, tmp_path):
    fuzzer = c_fuzz.build_fuzzer(target, c_fuzz.prepare(target, tmp_path), compiler("clang"))
    if fuzzer is None:
        pytest.skip("needs libFuzzer (Debian: libclang-rt-dev)")
    found = tmp_path / "found"
    found.mkdir()
    run(
        fuzzer, f"-max_total_time={SECONDS}", "-max_len=4096", *LIMITS,
        f"-artifact_prefix={tmp_path}/",
        found, c_fuzz.CORPUS / target,
    )  # fmt: skip
