"""The C to measure: read from a firmware bundle, or generated for a lone model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_harness.bundle.read import Bundle, read_text
from firmware_harness.errors import HarnessError
from firmware_harness.system.prefix import DEFAULT, renamed, renamed_file

BENCH = Path(__file__).parents[1] / "src" / "bench"

# Takes the path of an int8 .tflite, gives the texts of kws_model.h and kws_model.c by name.
GenerateC = Callable[[Path], Mapping[str, str]]
_MODEL = ("kws_model.h", "kws_model.c")
_FRONTEND = (
    "kws_feature_spec.h", "kws_frontend.h", "kws_frontend.c", "kws_frontend_tables.h",
    "kws_frontend_tables.c",
)  # fmt: skip
_MEMORY = ("kws_memory.h", "kws_memory.c")
# The benchmark's files that call a bundle's C.
_BENCH = ("bench_main.c", "footprint.c")


@dataclass(frozen=True, kw_only=True)
class KwsSources:
    """C texts by file name: the model's, and the front end's if there is one.

    Args:
      files: the texts.
      prefix: of all names in them.
    """

    files: Mapping[str, str]
    prefix: str = DEFAULT

    @property
    def has_frontend(self) -> bool:
        return renamed_file("kws_frontend.c", self.prefix) in self.files

    @property
    def compiled(self) -> list[str]:
        """Names of the files to compile."""
        return [name for name in self.files if name.endswith(".c")]

    def write(self, folder: Path) -> None:
        """Write all files into an existing folder; and the benchmark, if it needs a prefix."""
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name in _BENCH if self.prefix != DEFAULT else ():
            text = (BENCH / name).read_text(encoding="utf-8")
            (folder / name).write_text(renamed(text, self.prefix), encoding="utf-8")

    def defines(self, *, crops: int = 0, profile: bool = False) -> list[str]:
        """Preprocessor options for src/bench.

        Args:
          crops: number of audio crops for the front end.
          profile: the model reports when each layer is done.
        """
        frontend = ["-DBENCH_FRONTEND", f"-DBENCH_CROPS={crops}"] if self.has_frontend else []
        return [*frontend, *(["-D" + renamed("KWS_MODEL_PROFILE", self.prefix)] if profile else [])]


def bench_paths(folder: Path, names: Sequence[str]) -> list[Path]:
    """C files of the benchmark: those in `folder`, where one of them is of that bundle alone."""
    return [folder / name if (folder / name).exists() else BENCH / name for name in names]


def sources_of(bundle: Bundle, path: Path, generate: GenerateC | None) -> KwsSources:
    """The C of a bundle, or generated C if it has none.

    The front end needs golden audio; without it, the front end is left out.

    Args:
      bundle: opened from `path`.
      path: the bundle's folder, or a lone .tflite.
      generate: generates the C of a model that has none.

    Raises:
      HarnessError: there is no C, and `generate` is None.
    """
    model, frontend, memory = (
        [renamed_file(name, bundle.prefix) for name in names]
        for names in (_MODEL, _FRONTEND, _MEMORY)
    )
    if bundle.folder is not None and set(model) <= bundle.names:
        wanted = [*model, *(name for name in memory if name in bundle.names)]
        if "golden" in bundle.crop_files and set(frontend) <= bundle.names:
            wanted += frontend
        texts = {name: read_text(bundle.folder, name) for name in wanted}
        return KwsSources(files=texts, prefix=bundle.prefix)
    if generate is None:
        raise HarnessError(
            f"{path} holds no {_MODEL[1]}, which a device needs. Write the firmware bundle again "
            "with "
            "pld-tf export --int8."
        )
    generated = generate(path if bundle.folder is None else bundle.folder / bundle.model.name)
    return KwsSources(files={name: generated[name] for name in _MODEL})
