"""Files from anywhere: each is read, or refused in one line; nothing crashes, hangs or swells.

Cases are pure functions of their numbers: a failure names the number, and the number repeats it.
"""

import hashlib
import json
import os
import random
import resource
import shutil
from pathlib import Path

import flatbuffers
import hostile
import numpy as np
import pytest
from bounded_work import at_most
from places import GOLDEN
from preloaded import preloaded
from tiny_bundle import handmade, rewrite_header

from export.errors import ExportError
from export.model_bundle.read import read_bundle
from export.tflite.facts import inspect
from export.tflite.flatbuffer import Damaged, FlatBuffer
from export.tflite.graph import MAX_RANK, read_graph
from firmware_harness.bundle.read import ModelFile, open_bundle, read_tflite
from firmware_harness.errors import HarnessError

MODELS = ("int8.tflite", "float.tflite", "lstm.tflite", "int8_float_io.tflite")
MEMORY_BYTES = 2**30
MOST_CALLS = 1_000_000
PER_PROCESS = 500


def assert_read_or_refused(read, path: Path) -> bool:
    """True when it reads; an error is one line that a person can use."""
    try:
        read(path)
    except (ExportError, HarnessError) as error:
        text = str(error)
        assert text.isprintable(), text
        assert 20 < len(text) < 2000, text
        return False
    return True


# --- one case of each kind ---


def tflite_case(number: int, folder: Path) -> bool:
    rng = random.Random(number)
    path = folder / "model.tflite"
    path.write_bytes(hostile.mutated_bytes((GOLDEN / rng.choice(MODELS)).read_bytes(), rng))
    return assert_read_or_refused(inspect, path)


def model_bundle_case(number: int, folder: Path) -> bool:
    """Half of the files have the hash that the header says: all checks behind it are met."""
    rng = random.Random(number)
    bundle = shutil.copytree(folder / "model_bundle", folder / "mutated")
    try:
        names = ["bundle.json", "labels.json", "feature_spec.json", "golden.npz", "validation.npz",
                 "representative.npz", "feature_tables.npz"]  # fmt: skip
        changed = hostile.mutate_one_file(bundle, names, rng)
        if changed.name != "bundle.json" and rng.random() < 0.8:
            rewrite_header(bundle)
        return assert_read_or_refused(read_bundle, bundle)
    finally:
        shutil.rmtree(bundle)


def firmware_bundle_case(number: int, folder: Path) -> bool:
    rng = random.Random(number)
    bundle = shutil.copytree(folder / "firmware_bundle", folder / "mutated")
    try:
        hostile.mutate_one_file(bundle, ["manifest.json"] * 9 + ["model.tflite"], rng)
        return assert_read_or_refused(open_bundle, bundle)
    finally:
        shutil.rmtree(bundle)


def interpreter_case(number: int, folder: Path) -> bool:
    """What the child of `firmware_harness.runtimes.trial` does; here many models in one process."""
    from firmware_harness.runtimes.trial_child import run_once

    rng = random.Random(number)
    content = hostile.mutated_bytes((GOLDEN / rng.choice(MODELS)).read_bytes(), rng)
    (folder / "model.tflite").write_bytes(content)
    try:
        file = read_tflite(folder / "model.tflite")
    except HarnessError:
        return False
    try:
        run_once(ModelFile(name="model.tflite", content=file.content))
    except HarnessError as error:
        assert str(error).isprintable()
        return False
    except MemoryError:  # the child's own line
        return False
    return True


CASES = {
    "tflite": tflite_case,
    "model bundle": model_bundle_case,
    "firmware bundle": firmware_bundle_case,
    "interpreter": interpreter_case,
}


@pytest.fixture
def folder(tmp_path) -> Path:
    handmade(tmp_path / "model_bundle")
    firmware_bundle(tmp_path / "firmware_bundle")
    return tmp_path


def firmware_bundle(folder: Path) -> Path:
    folder.mkdir()
    files = {"model.tflite": (GOLDEN / "int8.tflite").read_bytes(), "labels.json": b"[]"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    manifest = {
        "format": 1, "kind": "int8", "recipe_name": "demo", "recipe": {"ladder": [1000, 500]},
        "data_key": "corpus", "rung": 1, "length_ms": 500, "commit": "abc", "excluded": ["a"],
        "files": {
            name: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for name, content in files.items()
        },
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.mark.parametrize("kind", ["tflite", "model bundle", "firmware bundle"])
def test_two_hundred_mutations_are_each_read_or_refused(kind, folder):
    read = [CASES[kind](number, folder) for number in range(200)]
    assert 0 < sum(read) < 190  # mutations that never matter, or always do, would test nothing


# --- ten thousand, in processes of little memory ---


@pytest.fixture(scope="module")
def processes():
    with preloaded(
        "pytest", "export.tflite.facts", "firmware_harness.runtimes.trial_child"
    ) as context:
        yield context


def hammer(kind: str, numbers: range, folder: Path, told) -> None:
    """Run cases, tell each before it runs, and how many were read at the end."""
    from firmware_harness.runtimes.trial_child import limit_resources

    limit_resources()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    read = 0
    for number in numbers:
        told.send(number)
        with at_most(MOST_CALLS):
            read += CASES[kind](number, folder)
    told.send(("read", read))


def run_cases(context, kind: str, count: int, folder: Path) -> tuple[int, list[tuple[int, int]]]:
    """How many of the cases were read, and exit code and number of those that ended a process."""
    read, ended, next_one = 0, [], 0
    while next_one < count:
        numbers = range(next_one, min(count, next_one + PER_PROCESS))
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=hammer, args=(kind, numbers, folder, theirs))
        process.start()
        theirs.close()
        last = None
        while True:
            try:
                last = ours.recv()
            except EOFError:
                break
        process.join()
        if isinstance(last, tuple):
            read, next_one = read + last[1], numbers.stop
        else:
            ended.append((process.exitcode, last))
            next_one = (next_one if last is None else last) + 1
    return read, ended


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "count"), [("tflite", 4000), ("model bundle", 1500), ("firmware bundle", 1500)]
)
def test_thousands_of_mutations_are_each_read_or_refused_in_a_gigabyte(
    kind, count, folder, processes
):
    read, ended = run_cases(processes, kind, count, folder)
    assert ended == []
    assert 0.01 * count < read < 0.95 * count


@pytest.mark.slow
def test_thousands_of_mutations_end_at_worst_the_child_of_a_trial(folder, processes):
    """An exception that is no HarnessError ends it with code 1; only signals may end it."""
    read, ended = run_cases(processes, "interpreter", 3000, folder)
    assert [case for case in ended if case[0] >= 0] == []
    assert len(ended) < 150
    assert 300 < read < 2900


# --- what chance does not find ---


def shared_vector(tables: int, items: int) -> bytes:
    """A table whose field 0 lists one and the same table again and again; that has a vector."""
    builder = flatbuffers.Builder(0)
    long = builder.CreateNumpyVector(np.zeros(items, np.int32))
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, long, 0)
    leaf = builder.EndObject()
    builder.StartVector(4, tables, 4)
    for _ in range(tables):
        builder.PrependUOffsetTRelative(leaf)
    listed = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, listed, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def test_a_flatbuffer_is_read_as_its_writer_wrote_it():
    root = FlatBuffer(shared_vector(3, 5)).root()
    assert [leaf.integers(0) for leaf in root.tables(0)] == [(0,) * 5] * 3
    assert (root.length(0), root.length(1), root.integer(1, default=7)) == (3, 0, 7)


def test_a_small_file_that_stands_for_gigabytes_is_refused():
    """A quarter of a megabyte, of which a trusting reader would make a thousand million numbers."""
    content = shared_vector(30_000, 30_000)
    assert len(content) < 300_000
    with pytest.raises(Damaged, match="refer to the same bytes again and again"):
        [leaf.integers(0) for leaf in FlatBuffer(content).root().tables(0)]


@pytest.mark.parametrize("cut", [0, 3, 8, 40])
def test_a_flatbuffer_that_ends_early_is_refused(cut):
    content = shared_vector(3, 5)[:cut]
    with pytest.raises(Damaged):
        [leaf.integers(0) for leaf in FlatBuffer(content).root().tables(0)]


def test_a_model_whose_tensor_has_too_many_axes_or_too_large_ones_is_refused(tmp_path):
    for shape in ([1] * (MAX_RANK + 1), [2**31 - 1] * 2, [-1, 3]):
        path = tmp_path / "model.tflite"
        path.write_bytes(with_input_shape(shape))
        with pytest.raises(ExportError, match="a tensor has the shape"):
            read_graph(path)


def with_input_shape(shape: list[int]) -> bytes:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf((GOLDEN / "int8.tflite").read_bytes())
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].shape = np.array(shape, np.int32)
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


@pytest.mark.parametrize("name", ["labels.json", "saved_model/saved_model.pb"])
def test_a_link_out_of_a_model_bundle_is_not_followed(name, folder):
    bundle = folder / "model_bundle"
    (bundle / name).rename(folder / "elsewhere")
    (bundle / name).symlink_to(folder / "elsewhere")
    with pytest.raises(ExportError, match=f"{name} is listed in bundle.json but missing"):
        read_bundle(bundle)


def test_a_link_out_of_a_firmware_bundle_is_not_followed(folder):
    model = folder / "firmware_bundle" / "model.tflite"
    model.rename(folder / "elsewhere")
    model.symlink_to(folder / "elsewhere")
    with pytest.raises(
        HarnessError, match=r"model\.tflite is in the firmware bundle's manifest but not"
    ):
        open_bundle(folder / "firmware_bundle")


def test_a_bundle_that_was_reached_by_a_link_is_read(folder):
    (folder / "link").symlink_to(folder / "firmware_bundle")
    assert open_bundle(folder / "link").recipe_name == "demo"
    (folder / "other").symlink_to(folder / "model_bundle")
    assert read_bundle(folder / "other").num_keywords == 2


def test_a_file_that_no_hash_vouches_for_is_not_handed_to_tensorflow(folder):
    extra = folder / "model_bundle" / "saved_model" / "saved_model.pbtxt"
    extra.write_text("")
    with pytest.raises(ExportError, match=r"saved_model\.pbtxt is not listed in bundle\.json"):
        read_bundle(folder / "model_bundle")


@pytest.mark.parametrize("name", hostile.NAMES)
def test_a_hostile_name_in_a_list_of_files_is_refused(name, folder):
    for header, read in (("bundle.json", read_bundle), ("manifest.json", open_bundle)):
        bundle = folder / ("model_bundle" if read is read_bundle else "firmware_bundle")
        value = json.loads((bundle / header).read_text())
        value["files"][name] = {"sha256": "0" * 64, "bytes": 0}
        (bundle / header).write_text(json.dumps(value))
        assert not assert_read_or_refused(read, bundle)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("NaN", "NaN is no number of JSON"),
        ("-Infinity", "-Infinity is no number of JSON"),
        ("1e999", "1e999 is no number of JSON"),
        ('{"a": 1, "a": 2}', "'a' is given twice"),
        ("[" * 65 + "]" * 65, "nested more than 64 levels deep"),
        (r'"\ud800"', "surrogates not allowed"),
        ("1" * 5000, "Exceeds the limit"),
    ],
)
def test_json_that_python_alone_would_take_is_refused(raw, said, folder):
    for header, read in (("bundle.json", read_bundle), ("manifest.json", open_bundle)):
        bundle = folder / ("model_bundle" if read is read_bundle else "firmware_bundle")
        path = bundle / header
        path.write_text(path.read_text().replace('"format"', f'"x": {raw}, "format"', 1))
        with pytest.raises((ExportError, HarnessError), match=rf"{header} is not JSON .*{said}"):
            read(bundle)


def test_features_that_are_no_numbers_are_refused(folder):
    bundle = folder / "model_bundle"
    with np.load(bundle / "golden.npz") as stored:
        arrays = dict(stored)
    arrays["features"][1, 2, 3] = np.nan
    np.savez(bundle / "golden.npz", **arrays)
    rewrite_header(bundle)
    with pytest.raises(ExportError, match=r"golden\.npz: features must be finite numbers"):
        read_bundle(bundle)


# --- trials ---


def test_a_model_that_runs_passes_its_trial():
    from firmware_harness.runtimes.trial import try_models

    try_models([read_tflite(GOLDEN / name) for name in MODELS])


def test_a_model_that_is_refused_in_its_trial_is_told_in_one_line():
    from firmware_harness.runtimes.trial import try_models

    good = read_tflite(GOLDEN / "int8.tflite")
    bad = ModelFile(name="bad\nname", content=good.content[:900])
    with pytest.raises(HarnessError, match="interpreter refuses bad name: ") as caught:
        try_models([good, bad])
    assert str(caught.value).isprintable()


def test_a_model_that_ends_its_trial_is_named(monkeypatch):
    import subprocess

    from firmware_harness.runtimes import trial

    good = read_tflite(GOLDEN / "int8.tflite")
    died = subprocess.CompletedProcess([], -11, stdout=".\n.\n", stderr="last words\n")
    monkeypatch.setattr(trial, "run_module", lambda *given, **options: died)
    expected = "does not survive second: its process was killed by SIGSEGV; its last lines: last"
    with pytest.raises(HarnessError, match=expected):
        trial.try_models([good, ModelFile(name="second", content=good.content)])


def allocate(told) -> None:
    from firmware_harness.runtimes.trial_child import limit_resources

    limit_resources()
    try:
        told.send(len(bytearray(MEMORY_BYTES)))
    except MemoryError:
        told.send("out of memory")


def test_a_trial_has_a_gigabyte_of_memory_and_no_more(processes):
    ours, theirs = processes.Pipe(duplex=False)
    process = processes.Process(target=allocate, args=(theirs,))
    process.start()
    assert ours.recv() == "out of memory"
    process.join()
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] != MEMORY_BYTES  # but not this process


def test_bench_tries_a_model_before_it_loads_it(monkeypatch, folder):
    from firmware_harness.bench import bench

    tried: list[str] = []

    def refuse(files) -> None:
        tried.extend(file.name for file in files)
        raise HarnessError("it did not survive its trial, this model")

    monkeypatch.setattr(bench, "try_models", refuse)
    monkeypatch.setattr(bench, "Model", None)
    with pytest.raises(HarnessError, match="did not survive"):
        bench.bench_tflite(folder / "firmware_bundle", examples=None)
    assert tried == ["model.tflite"]
