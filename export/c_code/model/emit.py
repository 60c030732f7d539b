"""Join the code of all layers into kws_model.h and kws_model.c."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from export.c_code.headers import c_number
from export.c_code.model.c_text import braced
from export.c_code.model.ir import Model, Node, Value, check_order, read_model
from export.c_code.model.kernels.dsp.registry import DSP
from export.c_code.model.kernels.registry import PORTABLE, RENAMING, Emitter
from export.c_code.model.layer import Layer as Checked
from export.c_code.model.layer import LayerCode
from export.c_code.model.layer_text import function_text, kernels_text
from export.c_code.model.scratch import ScratchPlan, Use, plan
from export.c_code.model.shared_tables import share_tables
from export.c_code.model.streaming.plan import NoStep
from export.c_code.model.streaming.step_code import StepCode, step_code
from export.c_code.model.templates import (
    BY_BOTH,
    BY_TFLM,
    HEADER,
    SOURCE,
    STEP_HEADER,
    STEP_SOURCE,
)
from export.c_code.model.tflm_route import tflm_source
from export.c_code.optimize import Optimize
from export.errors import ExportError
from export.memory_plan import ALIGNMENT
from export.tflite.flatbuffer import Damaged
from export.tflite.macs import operator_macs

MAX_SCRATCH_BYTES = 2**26
MAX_TABLE_CHARACTERS = 2**26  # layers may share weights, so the file's size does not limit the text


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer of the generated code, in the order of `kws_model_layer_done`.

    Args:
      name: name of its output tensor in the .tflite.
      operator: operator name in the schema.
      function: name of its C function.
      macs: multiply-accumulates.
      output_shape: shape of its output tensor.
      kernel: of cores with the DSP extension; None if they run the portable code.
      reads, writes: places of activations: "input", "output", or an offset in scratch memory.
      work_bytes: working memory.
      weight_bytes: of that kernel's weights and scales.
      instructions: that the kernel is expected to take.
    """

    name: str
    operator: str
    function: str
    macs: int
    output_shape: tuple[int, ...]
    kernel: str | None
    reads: tuple[str, ...]
    writes: str
    work_bytes: int
    weight_bytes: int | None
    instructions: int | None


@dataclass(frozen=True, kw_only=True)
class CModel:
    """Generated code (kws_model.h, kws_model.c, kws_model_tflm.cc) and facts about it.

    `step` is the code for a stream, and `no_step` says why there is none.
    """

    header: str
    source: str
    tflm_source: str
    scratch_bytes: int
    layers: tuple[Layer, ...]
    step: StepCode | None
    no_step: str | None


def generate(
    model: bytes,
    *,
    emitters: Mapping[str, Emitter] = PORTABLE,
    optimize: Optimize = Optimize.BALANCED,
    hop: int | None = None,
) -> CModel:
    """Write C code that computes an int8 model; the same model gives the same text.

    Args:
      model: a .tflite with one int8 input and one int8 output; need not be trusted.
      emitters: for each operator, the function that writes its code. A core with kernels of its
        own passes other functions.
      optimize: what the kernels for the DSP extension are to be good at.
      hop: also write a step, which takes so many frames; None writes none.

    Raises:
      ExportError: the file is damaged, or a layer has no C code; the text names the layer.
    """
    read, codes = read_and_emit(model, emitters, optimize)
    placed = plan(
        [_use(read, node, codes[node.number]) for node in read.nodes],
        sizes={index: value.elements for index, value in enumerate(read.values)},
        model_input=read.input,
        model_output=read.output,
    )
    if placed.bytes > MAX_SCRATCH_BYTES:
        raise ExportError(
            f"the model needs {placed.bytes} bytes of scratch memory; C code is written for at "
            f"most {MAX_SCRATCH_BYTES}."
        )
    layers = [(node, code) for node in read.nodes if (code := codes[node.number]) is not None]
    step, no_step = _step(read, codes, emitters, optimize, hop)
    digest = hashlib.sha256(model).hexdigest()
    # Never 0, because a caller declares an array of this size.
    scratch_bytes = max(placed.bytes, ALIGNMENT)
    return CModel(
        header=header_text(
            read.values[read.input],
            read.values[read.output],
            digest=digest,
            scratch_bytes=scratch_bytes,
            layers=len(layers),
            step=step,
        ),
        source=_source(read, layers, placed, digest=digest, step=step),
        tflm_source=tflm_source(digest),
        scratch_bytes=scratch_bytes,
        layers=tuple(_info(read, node, code, placed) for node, code in layers),
        step=step,
        no_step=no_step,
    )


def _step(
    model: Model,
    codes: Mapping[int, LayerCode | None],
    emitters: Mapping[str, Emitter],
    optimize: Optimize,
    hop: int | None,
) -> tuple[StepCode | None, str | None]:
    """The step of a model, or why there is none."""

    def emit(part: Model, node: Node) -> LayerCode:
        return _code(part, node, emitters, optimize)

    if hop is None:
        return None, "the number of frames from run to run is not known"
    try:
        return step_code(model, codes, emit, hop=hop), None
    except NoStep as reason:
        return None, str(reason)


def read_and_emit(
    model: bytes,
    emitters: Mapping[str, Emitter] = PORTABLE,
    optimize: Optimize = Optimize.BALANCED,
) -> tuple[Model, dict[int, LayerCode | None]]:
    """The model, and the code of each layer by position; None where a layer needs none.

    Raises:
      ExportError: as `generate`.
    """
    read = read_model(model, known=(*emitters, *RENAMING))
    check_order(read)
    return read, _emit_all(read, emitters, optimize)


def generate_interface(model: bytes) -> tuple[str, str]:
    """kws_model.h and kws_model_tflm.cc for a model with a layer that has no C code.

    Raises:
      ExportError: the file is damaged.
    """
    read = read_model(model)
    digest = hashlib.sha256(model).hexdigest()
    ends = read.values[read.input], read.values[read.output]
    header = header_text(*ends, digest=digest, scratch_bytes=ALIGNMENT, layers=0, by=BY_TFLM)
    return header, tflm_source(digest)


def _emit_all(
    model: Model, emitters: Mapping[str, Emitter], optimize: Optimize
) -> dict[int, LayerCode | None]:
    codes: dict[int, LayerCode | None] = {}
    characters = 0
    for node in model.nodes:
        code = codes[node.number] = _emit(model, node, emitters, optimize)
        characters += _table_characters(code) if code else 0
        if characters > MAX_TABLE_CHARACTERS:
            raise model.refuse(node, f"the constants take more than {MAX_TABLE_CHARACTERS} bytes")
    return codes


def _table_characters(code: LayerCode) -> int:
    return len(code.tables) + (len(code.dsp.tables) if code.dsp else 0)


def _emit(
    model: Model, node: Node, emitters: Mapping[str, Emitter], optimize: Optimize
) -> LayerCode | None:
    """The code of a layer; None for a layer that only changes a tensor's shape."""
    if node.operator in RENAMING:
        layer = Checked(model, node)
        source = layer.input()
        layer.require(source.data is None, "it reshapes a constant")
        layer.require(source.elements == layer.output.elements, "its shapes differ in size")
        return None
    return _code(model, node, emitters, optimize)


def _code(
    model: Model, node: Node, emitters: Mapping[str, Emitter], optimize: Optimize
) -> LayerCode:
    try:
        layer = Checked(model, node)
        code = emitters[node.operator](layer)
        return (
            replace(code, dsp=DSP[node.operator](layer, optimize)) if node.operator in DSP else code
        )
    except Damaged as error:  # options are read only when a kernel asks for them
        raise model.refuse(node, f"{error}. Convert the model again") from error


def _use(model: Model, node: Node, code: LayerCode | None) -> Use:
    if code is None:
        return Use(reads=(node.inputs[0],), writes=node.output, renames=True)
    for index in code.arguments:
        if model.values[index].data is not None:
            raise model.refuse(node, "its input is a constant")
    return Use(
        reads=code.arguments,
        writes=node.output,
        over=tuple(code.arguments[position] for position in code.in_place),
        work_bytes=code.most_work_bytes,
    )


def _info(model: Model, node: Node, code: LayerCode, placed: ScratchPlan) -> Layer:
    output = model.values[node.output]
    inputs = [model.values[index].shape if index >= 0 else None for index in node.inputs]
    return Layer(
        name=output.name,
        operator=node.operator,
        function=node.function,
        macs=operator_macs(node.operator, inputs=inputs, outputs=[output.shape]),
        output_shape=output.shape,
        kernel=code.dsp.name if code.dsp else None,
        reads=tuple(_place(index, placed) for index in code.arguments),
        writes=_place(node.output, placed),
        work_bytes=code.most_work_bytes,
        weight_bytes=code.dsp.weight_bytes if code.dsp else None,
        instructions=code.dsp.instructions if code.dsp else None,
    )


def header_text(
    source: Value,
    result: Value,
    *,
    digest: str,
    scratch_bytes: int,
    layers: int,
    by: str = BY_BOTH,
    step: StepCode | None = None,
) -> str:
    """kws_model.h of a model from one tensor to another."""
    sizes = [size for size in source.shape[1:] if size > 1] or [source.elements]
    return HEADER.format(
        digest=digest,
        by=by,
        input_bytes=source.elements,
        input_sizes="".join(f"[{size}]" for size in sizes),
        input_end=_end_text("INPUT", source),
        output_bytes=result.elements,
        output_end=_end_text("OUTPUT", result),
        scratch_bytes=scratch_bytes,
        alignment=ALIGNMENT,
        layers=layers,
        step="" if step is None else STEP_HEADER.format(**_numbers_of(step)),
    )


def _numbers_of(step: StepCode) -> dict[str, int]:
    return {
        "hop": step.hop,
        "window": step.window,
        "state_bytes": step.state_bytes,
        "scratch_bytes": step.scratch_bytes,
    }


def _end_text(name: str, value: Value) -> str:
    numbers = {
        "RANK": str(len(value.shape)),
        "SHAPE": braced(value.shape),
        "SCALE": c_number(value.scale),
        "ZERO_POINT": c_number(value.zero_point),
    }
    return "\n".join(f"#define KWS_MODEL_{name}_{key} {text}" for key, text in numbers.items())


def _source(
    model: Model,
    layers: Sequence[tuple[Node, LayerCode]],
    placed: ScratchPlan,
    *,
    digest: str,
    step: StepCode | None,
) -> str:
    calls = [_call(node, code, placed, number) for number, (node, code) in enumerate(layers)]
    if model.output in placed.in_input:
        count = model.values[model.output].elements
        calls.append(f"    for (int32_t i = 0; i < {count}; i++) output[i] = input[i];\n")
    return source_text(layers, calls, digest=digest, step=step)


def source_text(
    layers: Sequence[tuple[Node, LayerCode]],
    calls: Sequence[str],
    *,
    digest: str,
    step: StepCode | None = None,
) -> str:
    """kws_model.c of these layers; `calls` are the statements of kws_model_run."""
    written = share_tables([*layers, *(step.own if step else ())])
    unused = "" if any("memory" in call for call in calls) else "    (void)memory;\n"
    return SOURCE.format(
        digest=digest,
        kernels=kernels_text([code for _, code in written], step.kernels if step else ()),
        layers="\n".join(function_text(node, code) for node, code in written),
        calls=unused + "".join(calls),
        step="" if step is None else _step_text(step),
    )


def _step_text(step: StepCode) -> str:
    unused = "" if any("memory" in call for call in step.calls) else "    (void)memory;\n"
    return STEP_SOURCE.format(calls=unused + "".join(step.calls))


def _call(node: Node, code: LayerCode, placed: ScratchPlan, number: int) -> str:
    arguments = [_pointer(index, placed) for index in (*code.arguments, node.output)]
    if code.most_work_bytes:
        arguments.append(f"(int32_t *)(void *)(memory + {placed.work[node.number]})")
    return f"    {node.function}({', '.join(arguments)});\n    LAYER_DONE({number});\n"


def _pointer(tensor: int, placed: ScratchPlan) -> str:
    place = _place(tensor, placed)
    return f"memory + {place}" if place.isdigit() else place


def _place(tensor: int, placed: ScratchPlan) -> str:
    """ "input", "output", or the offset in scratch memory."""
    if tensor in placed.in_input:
        return "input"
    if tensor in placed.in_output:
        return "output"
    return str(placed.offsets[tensor])
