"""Directions of imports and other rules of DESIGN.md, read off the syntax trees."""

import ast
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from places import ROOT

PACKAGES = ("pld_tf", "export", "firmware_harness")
TENSORFLOW = ("tensorflow", "tf_keras", "keras", "tensorflow_io", "tensorflow_model_optimization")
MAX_LINES = 400

# Modules (with all below them), and what none of them may import.
FORBIDDEN = {
    "export": ("pld_tf", "firmware_harness"),
    "firmware_harness": ("pld_tf", "export", *TENSORFLOW),
    "pld_tf.errors": PACKAGES,
    "pld_tf.features.spec": (*PACKAGES, *TENSORFLOW),
    "pld_tf.metrics": (*PACKAGES, *TENSORFLOW),
    "pld_tf.recipe": ("pld_tf.data", "pld_tf.distill", *TENSORFLOW),
    "pld_tf.features": ("pld_tf.recipe", "pld_tf.data", "pld_tf.models", "pld_tf.distill"),
    "pld_tf.data": ("pld_tf.models", "pld_tf.distill", "pld_tf.run"),
    "pld_tf.models": ("pld_tf.recipe", "pld_tf.data", "pld_tf.distill", "pld_tf.run"),
    "pld_tf.reproduce.paper": PACKAGES,
}
# The rooms of pld_tf that know the other packages.
JOINTS = ("pld_tf.commands", "pld_tf.bridge")
# What answers before TensorFlow is there: loading them must not load it, however indirectly.
LIGHT = (
    "pld_tf.data.audio.read",
    "pld_tf.features.spec",
    "pld_tf.recipe.schema",
    "pld_tf.recipe.load",
    "pld_tf.commands.main",
    "pld_tf.commands.app",
    "pld_tf.models.names",
)
# Commands compose, and nothing composes them; only the one entry point takes them together.
COMMANDS = ("pld_tf.commands", "export.cli", "firmware_harness.cli")


@dataclass(frozen=True, kw_only=True)
class Module:
    """One source file: its dotted name, where it is, its syntax tree."""

    name: str
    path: str
    tree: ast.Module
    lines: int


def read_modules(root: Path) -> list[Module]:
    return [
        _module(root, path) for name in PACKAGES for path in sorted((root / name).rglob("*.py"))
    ]


def _module(root: Path, path: Path) -> Module:
    relative = path.relative_to(root)
    parts = relative.with_suffix("").parts
    text = path.read_text("utf-8")
    return Module(
        name=".".join(parts[:-1] if parts[-1] == "__init__" else parts),
        path=relative.as_posix(),
        tree=ast.parse(text),
        lines=len(text.splitlines()),
    )


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of each import; b of `from a import b` may be a module, so it is a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def wrong_directions(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for line, imported in imports(module.tree):
            for package, forbidden in FORBIDDEN.items():
                if within(module.name, package) and any(within(imported, f) for f in forbidden):
                    yield f"{module.path}:{line} imports {imported}; {package} may not"


def imported_commands(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for line, imported in imports(module.tree):
            if any(within(imported, command) for command in COMMANDS) and not within(
                module.name, "pld_tf.commands"
            ):
                yield f"{module.path}:{line} imports {imported}; only pld_tf.commands may"


def unjoined_packages(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        if not within(module.name, "pld_tf") or any(within(module.name, room) for room in JOINTS):
            continue
        for line, imported in imports(module.tree):
            if any(within(imported, package) for package in PACKAGES[1:]):
                yield f"{module.path}:{line} imports {imported}; only {' and '.join(JOINTS)} may"


def circles(modules: list[Module]) -> Iterator[str]:
    """Folders point one way: no two parts of a folder need each other, however indirectly."""
    names = {module.name for module in modules}
    folders: dict[str, dict[str, set[str]]] = {}
    for module in modules:
        for _, imported in imports(module.tree):
            apart = _where_they_part(module.name, imported, names)
            if apart:
                folder, importer, target = apart
                folders.setdefault(folder, {}).setdefault(importer, set()).add(target)
    for folder, needs in folders.items():
        with suppress(StopIteration):
            yield f"{folder}: {' > '.join(next(_chains_home(needs)))}"


def _where_they_part(importer: str, imported: str, names: set[str]) -> tuple[str, str, str] | None:
    """The folder that both lie in, and its two parts that hold one of them each."""
    target = imported if imported in names else imported.rpartition(".")[0]
    if target not in names or importer.partition(".")[0] != target.partition(".")[0]:
        return None
    one, other = importer.split("."), target.split(".")
    depth = next(
        (level for level, pair in enumerate(zip(one, other, strict=False)) if len(set(pair)) > 1),
        None,
    )
    if depth is None:  # a folder's own __init__ and what lies below it
        return None
    return ".".join(one[:depth]), one[depth], other[depth]


def _chains_home(needs: dict[str, set[str]]) -> Iterator[list[str]]:
    """Chains that end where they began."""
    for start in sorted(needs):
        chains, seen = [[start]], set()
        while chains:
            chain = chains.pop()
            for name in sorted(needs.get(chain[-1], ())):
                if name == start:
                    yield [*chain, name]
                elif name not in seen:
                    seen.add(name)
                    chains.append([*chain, name])


def relative_imports(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                yield f"{module.path}:{node.lineno} has a relative import"


def unsafe_calls(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        for line, imported in imports(module.tree):
            if imported.partition(".")[0] in ("pickle", "dill", "cloudpickle", "joblib", "shelve"):
                yield f"{module.path}:{line} imports {imported}; nothing here is pickled"
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                yield from (f"{module.path}:{node.lineno} {what}" for what in _unsafe(node))


def _unsafe(call: ast.Call) -> Iterator[str]:
    given = {word.arg: getattr(word.value, "value", None) for word in call.keywords}
    for name in ("shell", "allow_pickle"):
        if given.get(name):
            yield f"gives {name}=True"
    if (
        ast.unparse(call.func) in ("np.load", "numpy.load")
        and given.get("allow_pickle") is not False
    ):
        yield "calls np.load without allow_pickle=False"
    if ast.unparse(call.func) in ("eval", "exec", "os.system", "os.popen"):
        yield f"calls {ast.unparse(call.func)}"


def long_files(modules: list[Module]) -> Iterator[str]:
    for module in modules:
        if module.lines > MAX_LINES:
            yield f"{module.path} has {module.lines} lines, more than {MAX_LINES}"


def loads_tensorflow(modules: list[Module], start: str) -> str | None:
    """The chain of imports from `start` to TensorFlow, if loading `start` follows one."""
    by_name = {module.name: module for module in modules}
    chains, seen = [[start]], {start}
    while chains:
        chain = chains.pop()
        if within(chain[-1], "tensorflow") or chain[-1].partition(".")[0] in TENSORFLOW:
            return " > ".join(chain)
        for imported in _loaded(by_name.get(chain[-1])):
            for name in _with_parents(imported):
                if name not in seen:
                    seen.add(name)
                    chains.append([*chain, name])
    return None


def _loaded(module: Module | None) -> Iterator[str]:
    """What loading a module imports: not what its functions do, nor what only types need."""
    todo: list[ast.stmt] = list(module.tree.body) if module else []
    while todo:
        statement = todo.pop()
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield from (name for _, name in imports(statement))
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
                continue
            todo += [child for child in ast.iter_child_nodes(statement) if _is_statement(child)]


def _is_statement(node: ast.AST) -> bool:
    return isinstance(node, ast.stmt)


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]


MODULES = read_modules(ROOT)
RULES = [
    wrong_directions,
    unjoined_packages,
    circles,
    imported_commands,
    relative_imports,
    unsafe_calls,
    long_files,
]


@pytest.mark.parametrize("rule", RULES)
def test_no_file_breaks_a_rule(rule):
    assert list(rule(MODULES)) == []


@pytest.mark.parametrize("name", LIGHT)
def test_light_modules_load_without_tensorflow(name):
    assert name in {module.name for module in MODULES}
    assert loads_tensorflow(MODULES, name) is None


def test_every_named_module_exists():
    """A rule about a file that was renamed would hold for ever."""
    names = {module.name for module in MODULES}
    assert {*FORBIDDEN, *JOINTS, *COMMANDS} - names == set()


def test_tests_lie_in_the_folders_of_what_they_test():
    """Each folder of tests has the name of a folder of the source."""
    folders = {module.name.replace(".", "/") for module in MODULES} | {"firmware_harness/src"}
    found = {
        path.parent.relative_to(ROOT / "tests").as_posix()
        for package in PACKAGES
        for path in (ROOT / "tests" / package).rglob("test_*.py")
    }
    assert found - folders == set()


BAD = {
    "pld_tf/__init__.py": "",
    "pld_tf/commands/main.py": "from export.cli import app\n",
    "pld_tf/features/spec.py": "from pld_tf import errors\n",
    "pld_tf/features/x.py": "def f():\n    from pld_tf.data import store\n",
    "pld_tf/data/store.py": "from pld_tf.distill import rung\nimport pickle\n",
    "pld_tf/distill/rung.py": "from pld_tf.metrics.deep import x\nimport export\n",
    "pld_tf/metrics/deep.py": "import tensorflow\n",
    "pld_tf/models/x.py": "from . import blocks\nimport pld_tf.data.store\n",
    "pld_tf/recipe/load.py": "from pld_tf.system import heavy\n",
    "pld_tf/system/heavy.py": "try:\n    import tensorflow as tf\nexcept ImportError:\n    pass\n",
    "pld_tf/system/light.py": "from pld_tf.recipe import load\n",
    "pld_tf/run/folder.py": (
        "from pld_tf.commands.main import app\nnp.load(path)\nrun('ls', shell=True)\n"
    ),
    "export/tflite.py": "import pld_tf\nnp.load(path, allow_pickle=True)\n" + "\n" * 399,
    "export/cli.py": "",
    "firmware_harness/bench.py": "import tensorflow as tf\nfrom export import tflite\n",
}


@pytest.fixture(scope="module")
def bad(tmp_path_factory) -> list[Module]:
    root = tmp_path_factory.mktemp("bad")
    for name, text in BAD.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return read_modules(root)


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        (
            wrong_directions,
            [
                "pld_tf/data/store.py:1 imports pld_tf.distill.rung; pld_tf.data may not",
                "pld_tf/features/spec.py:1 imports pld_tf.errors; pld_tf.features.spec may not",
                "pld_tf/features/x.py:2 imports pld_tf.data.store; pld_tf.features may not",
                "pld_tf/metrics/deep.py:1 imports tensorflow; pld_tf.metrics may not",
                "pld_tf/models/x.py:2 imports pld_tf.data.store; pld_tf.models may not",
                "export/tflite.py:1 imports pld_tf; export may not",
                "firmware_harness/bench.py:1 imports tensorflow; firmware_harness may not",
                "firmware_harness/bench.py:2 imports export.tflite; firmware_harness may not",
            ],
        ),
        (
            unjoined_packages,
            ["pld_tf/distill/rung.py:2 imports export; only pld_tf.commands and pld_tf.bridge may"],
        ),
        (circles, ["pld_tf: recipe > system > recipe"]),
        (
            imported_commands,
            ["pld_tf/run/folder.py:1 imports pld_tf.commands.main.app; only pld_tf.commands may"],
        ),
        (relative_imports, ["pld_tf/models/x.py:1 has a relative import"]),
        (
            unsafe_calls,
            [
                "pld_tf/data/store.py:2 imports pickle; nothing here is pickled",
                "pld_tf/run/folder.py:2 calls np.load without allow_pickle=False",
                "pld_tf/run/folder.py:3 gives shell=True",
                "export/tflite.py:2 gives allow_pickle=True",
                "export/tflite.py:2 calls np.load without allow_pickle=False",
            ],
        ),
        (long_files, ["export/tflite.py has 401 lines, more than 400"]),
    ],
)
def test_each_violation_is_named(bad, rule, named):
    assert list(rule(bad)) == named


def test_a_chain_to_tensorflow_is_named(bad):
    chain = "pld_tf.recipe.load > pld_tf.system.heavy > tensorflow"
    assert loads_tensorflow(bad, "pld_tf.recipe.load") == chain
