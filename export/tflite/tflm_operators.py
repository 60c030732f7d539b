"""The operators that TensorFlow Lite Micro has, and the names of its resolver's methods."""

# Operators with a kernel in TFLite Micro as of 2026-10, by their names in the schema. Source: its
# micro_mutable_op_resolver.h.
_BUILTIN_NAMES = """
    ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND
    BROADCAST_ARGS BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTH_TO_SPACE
    DEPTHWISE_CONV_2D DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS
    FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH
    IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOG_SOFTMAX LOGICAL_AND
    LOGICAL_NOT LOGICAL_OR LOGISTIC MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL
    PACK PAD PADV2 PRELU QUANTIZE READ_VARIABLE REDUCE_ALL REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE
    RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX
    SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE SQUEEZE
    STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK
    VAR_HANDLE WHILE ZEROS_LIKE
"""
BUILTIN = frozenset(_BUILTIN_NAMES.split())
# Methods whose names do not follow from the operator's name word by word.
_UNLIKE = {
    "BATCH_MATMUL": "BatchMatMul",
    "CUMSUM": "CumSum",
    "PADV2": "PadV2",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTM",
}
_SIGNAL_NAMES = """
    Delay Energy FftAutoScale FilterBank FilterBankLog FilterBankSpectralSubtraction
    FilterBankSquareRoot Framer Irfft OverlapAdd PCAN Rfft Stacker Window
"""
CUSTOM = {
    "CIRCULAR_BUFFER": "CircularBuffer",
    "TFLM_DECODE": "Decode",
    "TFLite_Detection_PostProcess": "DetectionPostprocess",
    "ethos-u": "EthosU",
    **{f"Signal{name}": name for name in _SIGNAL_NAMES.split()},
}
_CUSTOM_PREFIX = "CUSTOM "


def resolver_method(operator: str) -> str | None:
    """Method of MicroMutableOpResolver that adds an operator; None if TFLM has no kernel for it.

    Args:
      operator: name in the schema, or `CUSTOM ` and the custom operator's own name.

    >>> resolver_method("DEPTHWISE_CONV_2D"), resolver_method("SPLIT_V"), resolver_method("TILE")
    ('AddDepthwiseConv2D', 'AddSplitV', None)
    """
    if operator.startswith(_CUSTOM_PREFIX):
        name = CUSTOM.get(operator.removeprefix(_CUSTOM_PREFIX))
    elif operator in BUILTIN:
        # Not `title`, because the D of 2D is a capital.
        words = "".join(word[:1] + word[1:].lower() for word in operator.split("_"))
        name = _UNLIKE.get(operator, words.replace("2d", "2D"))
    else:
        name = None
    return None if name is None else f"Add{name}"
