"""The C files of a firmware bundle, by name: those of the model and those of the front end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from export.c_code import decision as c_decision
from export.c_code import frontend as c_frontend
from export.c_code import headers, model_data, ops
from export.c_code.model import generate, generate_interface
from export.c_code.model.streaming.step_code import StepCode
from export.c_code.optimize import Optimize
from export.errors import ExportError
from export.model_bundle.read import ModelBundle
from export.ports import Measured
from export.system.files import Json, read_npz
from export.system.prefix import renamed, renamed_file, why_not
from export.tflite.facts import ModelInfo

DECISION_HEADER = "kws_decision_config.h"
# Beginnings of names of the shared C files: those that need neither model nor labels, those that
# need nothing, and the example of a model that takes no audio.
_FRONTEND, _MEMORY = "kws_frontend.", "kws_memory."
_MODEL_EXAMPLE = "examples/kws_model_"


@dataclass(frozen=True, kw_only=True)
class ModelC:
    """A model's inference in C, or the reason why there is none.

    Args:
      texts: C text by file name.
      entry: `c_model` of the manifest; None if a layer has no C code.
      refused: names the layer that has no C code and says what helps; None if all layers have it.
    """

    texts: dict[str, str] = field(default_factory=dict[str, str])
    entry: Json | None = None
    refused: str | None = None


def model_data_texts(
    content: bytes, model: ModelInfo, *, digest: str, needs: Measured | None
) -> dict[str, str]:
    """The .tflite as a C array, and its list of operators for TFLite Micro.

    Args:
      content: model.tflite.
      model: what it computes.
      digest: its sha256.
      needs: its measured arena.

    Raises:
      ExportError: TFLite Micro lacks one of its operators.
    """
    arena = None if needs is None else int(needs["bytes_with_margin"])
    return {
        "kws_model_data.h": model_data.model_data_header(content, arena_bytes=arena),
        "kws_model_data.c": model_data.model_data_source(content),
        "kws_ops.h": ops.ops_header(model.operators, digest=digest),
    }


def model_c(
    content: bytes, *, optimize: Optimize = Optimize.BALANCED, hop: int | None = None
) -> ModelC:
    """kws_model.h, kws_model.c and kws_model_tflm.cc of an int8 .tflite.

    Args:
      content: the .tflite.
      optimize: what the kernels for the DSP extension are to be good at.
      hop: frames from one run to the next in a stream; None if it hears none.

    Raises:
      ExportError: as `export.c_code.model.emit.generate`.
    """
    made = generate(content, optimize=optimize, hop=hop)
    texts = {
        "kws_model.h": made.header,
        "kws_model.c": made.source,
        "kws_model_tflm.cc": made.tflm_source,
    }
    layers = [
        {
            "name": layer.name,
            "operator": layer.operator,
            "function": layer.function,
            "output_shape": list(layer.output_shape),
            "macs": layer.macs,
            "kernel": layer.kernel,
            "reads": list(layer.reads),
            "writes": layer.writes,
            "work_bytes": layer.work_bytes,
            "weight_bytes": layer.weight_bytes,
            "instructions": layer.instructions,
        }
        for layer in made.layers
    ]
    entry: Json = {
        "scratch_bytes": made.scratch_bytes,
        "optimize": optimize.value,
        "layers": layers,
        "step": None if made.step is None else _step_entry(made.step),
        "no_step": made.no_step,
    }
    return ModelC(texts=texts, entry=entry)


def _step_entry(step: StepCode) -> Json:
    """`c_model.step` of the manifest."""
    return {
        "frames": step.hop,
        "state_bytes": step.state_bytes,
        "scratch_bytes": step.scratch_bytes,
        "macs": step.macs,
        "layers": [
            {
                "function": layer.node.function,
                "rows": layer.rows,
                "state_bytes": layer.state_bytes,
                "macs": layer.macs,
                "kernel": layer.code.dsp.name if layer.code.dsp else None,
                "instructions": layer.code.dsp.instructions if layer.code.dsp else None,
            }
            for layer in step.layers
        ],
    }


def model_c_or_tflm(
    content: bytes, *, optimize: Optimize = Optimize.BALANCED, hop: int | None = None
) -> ModelC:
    """As `model_c`, but if a layer has no C code, the interface runs on TFLite Micro."""
    try:
        return model_c(content, optimize=optimize, hop=hop)
    except ExportError as error:
        header, tflm_source = generate_interface(content)
        texts = {"kws_model.h": header, "kws_model_tflm.cc": tflm_source}
        return ModelC(texts=texts, refused=str(error))


def spec_texts(bundle: ModelBundle, model: ModelInfo, hashes: Mapping[str, str]) -> dict[str, str]:
    """The headers with the class names and with the numbers of features and quantization.

    Args:
      bundle: the student's model bundle.
      model: the converted student.
      hashes: sha256 by file name.
    """
    return {
        "kws_labels.h": headers.labels_header(
            bundle.labels, num_keywords=bundle.num_keywords, digest=hashes["labels.json"]
        ),
        "kws_feature_spec.h": headers.feature_spec_header(
            bundle.feature_spec,
            model=model,
            crop_samples=bundle.golden_audio.shape[1],
            digest=hashes["feature_spec.json"],
        ),
    }


def decision_of(bundle: ModelBundle) -> Json | None:
    """manifest["decision"] before `pld-tf tune` improves it; None if there are no keywords."""
    if not bundle.num_keywords:
        return None
    return c_decision.default_decision(
        _keywords(bundle), hop_ms=int(bundle.feature_spec["hop_ms"]), frames=bundle.frames
    )


def audio_texts(
    bundle: ModelBundle,
    model: ModelInfo,
    *,
    decision: Json | None,
    digest: str,
    sources: Mapping[str, str],
) -> dict[str, str]:
    """The front end with its tables, the decision and the API.

    Args:
      bundle: the student's model bundle.
      model: the int8 model made from the student.
      decision: result of `decision_of`; if it is None, only the front end is written.
      digest: sha256 of model.tflite.
      sources: C that is the same in all bundles; if it is empty, nothing is written.

    Raises:
      ExportError: tables or numbers of the bundle do not fit together.
    """
    if not sources:
        return {}
    tables = c_frontend.generate(
        spec=bundle.feature_spec,
        tables=read_npz(bundle.directory / "feature_tables.npz"),
        input_scale=model.input.scale,
        input_zero_point=model.input.zero_point,
    )
    if decision is None:
        return {**tables, **_named(sources, _FRONTEND, _MEMORY)}
    header = c_decision.config_header(
        decision,
        keywords=_keywords(bundle),
        hop_ms=int(bundle.feature_spec["hop_ms"]),
        output_scale=model.output.scale,
        digest=digest,
    )
    whole = {name: text for name, text in sources.items() if not name.startswith(_MODEL_EXAMPLE)}
    return {**tables, **whole, DECISION_HEADER: header}


def lone_model_texts(sources: Mapping[str, str]) -> dict[str, str]:
    """What a model without audio has of the C that is the same in all bundles."""
    return _named(sources, _MEMORY, _MODEL_EXAMPLE)


def apply_prefix(folder: Path, prefix: str) -> Json:
    """Give a prefix to all C of a bundle, names of files and what is in them.

    Returns:
      The manifest's field on it.
    """
    for path in [each for each in folder.rglob("*") if each.suffix in (".c", ".h", ".cc")]:
        text = renamed(path.read_text(encoding="utf-8"), prefix)
        path.write_text(text, encoding="utf-8")
        path.rename(path.with_name(renamed_file(path.name, prefix)))
    return {"prefix": prefix}


def check_prefix(prefix: str) -> None:
    """Refuse what cannot begin names in C.

    Raises:
      ExportError: it cannot.
    """
    reason = why_not(prefix)
    if reason is not None:
        raise ExportError(f"--prefix {prefix!r} cannot be taken: {reason}. Example: wake.")


def _named(sources: Mapping[str, str], *beginnings: str) -> dict[str, str]:
    return {name: text for name, text in sources.items() if name.startswith(beginnings)}


def _keywords(bundle: ModelBundle) -> tuple[str, ...]:
    return bundle.labels[: bundle.num_keywords]
