"""C text of layers: their functions, and the kernels that they call, each once."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from export.c_code.model.ir import Node
from export.c_code.model.layer import Kernel, LayerCode, Variant

_GUARDS = {  # by who needs a kernel: portable code, code for the DSP extension
    (True, True): "",
    (True, False): "#ifndef KWS_MODEL_DSP\n",
    (False, True): "#ifdef KWS_MODEL_DSP\n",
}


def kernels_text(codes: Sequence[LayerCode], others: Sequence[Kernel] = ()) -> str:
    """All kernels in order; those that only some cores need are left out for the others.

    Args:
      codes: of the layers.
      others: kernels that all cores need beside theirs.
    """
    own = [kernel for code in codes for kernel in code.kernels]
    of_dsp = [kernel for code in codes for kernel in _dsp_kernels(code)]
    both = [kernel for code in codes for kernel in (*code.kernels, *_dsp_kernels(code))]
    portable, dsp = list(_in_order([*own, *others])), list(_in_order([*of_dsp, *others]))
    texts = _in_order([*both, *others])
    guarded = groupby(texts, key=lambda text: _GUARDS[text in portable, text in dsp])
    return "\n".join(_guarded(guard, "\n".join(part)) for guard, part in guarded)


def function_text(node: Node, code: LayerCode) -> str:
    """The function of a layer, and its tables."""
    parameters = [f"const int8_t *{name}" for name in _input_names(code)]
    parameters += ["int8_t *output", *(["int32_t *work"] if code.most_work_bytes else [])]
    body, tables = code.body, code.tables
    if code.dsp is not None:
        body = _either(_body(code, code.dsp), _body(code, code))
        tables = _either(code.dsp.tables, code.tables)
    return (
        f"/* {node.operator} {code.comment}, int8 */\n"
        f"{tables}\n"
        f"static void {node.function}({', '.join(parameters)})\n{{\n{body}}}\n"
    )


def _body(code: LayerCode, which: LayerCode | Variant) -> str:
    """Statements of one of a layer's codes; only the other one may need `work`."""
    unused = code.most_work_bytes and not which.work_bytes
    return ("    (void)work;\n" if unused else "") + which.body


def _dsp_kernels(code: LayerCode) -> tuple[Kernel, ...]:
    return code.kernels if code.dsp is None else code.dsp.kernels


def _in_order(kernels: Sequence[Kernel]) -> Iterator[str]:
    """Texts of kernels, each once, after those of the kernels that it needs."""
    seen: set[str] = set()

    def visit(kernel: Kernel) -> Iterator[str]:
        if kernel.text in seen:
            return
        seen.add(kernel.text)
        for needed in kernel.needs:
            yield from visit(needed)
        yield kernel.text

    for kernel in kernels:
        yield from visit(kernel)


def _guarded(guard: str, text: str) -> str:
    return f"{guard}{text}#endif\n" if guard else text


def _either(dsp: str, portable: str) -> str:
    if dsp == portable:
        return dsp
    return f"#ifdef KWS_MODEL_DSP\n{dsp}#else\n{portable}#endif\n"


def _input_names(code: LayerCode) -> list[str]:
    if len(code.arguments) == 1:
        return ["input"]
    return [f"input_{position}" for position in range(len(code.arguments))]
