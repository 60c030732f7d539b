"""The C to measure: read from a firmware bundle, or generated for a lone model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from firmware_harness.bundle.read import Bundle, read_text
from firmware_harness.errors import HarnessError

# Takes the path of an int8 .tflite, gives the texts of kws_model.h and kws_model.c by name.
GenerateC = Callable[[Path], Mapping[str, str]]
_MODEL = ("kws_model.h", "kws_model.c")
_FRONTEND = (
    "kws_feature_spec.h", "kws_frontend.h", "kws_frontend.c", "kws_frontend_tables.h",
    "kws_frontend_tables.c",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class KwsSources:
    """C texts by file name: the model's, and the front end's if there is one."""

    files: Mapping[str, str]

    @property
    def has_frontend(self) -> bool:
        return "kws_frontend.c" in self.files

    @property
    def compiled(self) -> list[str]:
        """Names of the files to compile."""
        return [name for name in self.files if name.endswith(".c")]

    def write(self, folder: Path) -> None:
        """Write all files into an existing folder."""
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")

    def defines(self, *, crops: int = 0, profile: bool = False) -> list[str]:
        """Preprocessor options for src/bench.

        Args:
          crops: number of audio crops for the front end.
          profile: the model reports when each layer is done.
        """
        frontend = ["-DBENCH_FRONTEND", f"-DBENCH_CROPS={crops}"] if self.has_frontend else []
        return [*frontend, *(["-DKWS_MODEL_PROFILE"] if profile else [])]


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
    if bundle.folder is not None and set(_MODEL) <= bundle.names:
        frontend = "golden" in bundle.crop_files and set(_FRONTEND) <= bundle.names
        wanted = (*_MODEL, *(_FRONTEND if frontend else ()))
        return KwsSources(files={name: read_text(bundle.folder, name) for name in wanted})
    if generate is None:
        raise HarnessError(
            f"{path} holds no {_MODEL[1]}, which a device needs. Write the firmware bundle again "
            "with "
            "pld-tf export --int8."
        )
    model = path if bundle.folder is None else bundle.folder / bundle.model.name
    generated = generate(model)
    return KwsSources(files={name: generated[name] for name in _MODEL})
