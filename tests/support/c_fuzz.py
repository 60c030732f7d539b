"""Fuzz targets of tests/c, with the C that they need beside them."""

import subprocess
from pathlib import Path

import frontend_c
import stub_bundle
from places import C

from pld_tf.features.spec import FeatureSpec

CORPUS = C / "corpus"
SOURCES = {
    "frontend": ("fuzz_frontend.c", "kws_frontend.c", "kws_frontend_tables.c"),
    "api": ("fuzz_api.c", "kws.c", "kws_decision.c", "kws_frontend.c", "kws_frontend_tables.c",
            "kws_model.c"),
}  # fmt: skip


def prepare(target: str, folder: Path) -> Path:
    """All sources of a target in one folder: the default front end, or the stub bundle's C."""
    if target == "frontend":
        frontend_c.write(folder, frontend_c.sources(FeatureSpec()))
    else:
        stub_bundle.write_c(folder)
    for path in C.glob("*.[ch]"):
        (folder / path.name).write_text(path.read_text(encoding="ascii"), encoding="ascii")
    return folder


def build_replay(target: str, folder: Path, *options: str) -> Path:
    """A prepared target with a main that runs stored inputs, by any compiler."""
    sources = ("replay_main.c", *SOURCES[target])
    return stub_bundle.build(folder, "-std=c99", "-O1", *options, sources=sources, out="replay")


def build_fuzzer(target: str, folder: Path, clang: str) -> Path | None:
    """A prepared target with libFuzzer and sanitizers; None where clang has no libFuzzer."""
    options = ["-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
    command = [clang, "-std=c99", *options, *SOURCES[target], "-o", "fuzz"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode and "libclang_rt.fuzzer" in ended.stderr:
        return None
    assert ended.returncode == 0, ended.stderr
    return folder / "fuzz"


def corpus(target: str) -> list[Path]:
    return sorted((CORPUS / target).iterdir())
