"""Equal parts of a .tflite written once: smaller, and the same model to every reader."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from c_models import Net

from export.tflite.compact import compact, packed
from export.tflite.graph import parse_graph


@pytest.fixture(scope="module")
def made() -> bytes:
    """Two convolutions with a scale for each channel, a sum and a dense layer."""
    net = Net((1, 12, 10, 8), seed=1)
    x = net.conv_2d(net.input, channels=16, kernel=(3, 3))
    y = net.conv_2d(x, channels=16, kernel=(3, 3))
    return net.model(net.fully_connected(net.add(x, y), units=5))


def fields(part: object) -> object:
    """Everything that an object of the schema holds, as lists and dicts."""
    if isinstance(part, np.ndarray):
        return part.tolist()
    if isinstance(part, list):
        return [fields(each) for each in part]
    if hasattr(part, "__dict__"):
        return {name: fields(value) for name, value in vars(part).items()}
    return part


def unpacked(content: bytes) -> schema.ModelT:
    return schema.ModelT.InitFromPackedBuf(content, 0)


def without_buffers(content: bytes) -> object:
    """A model whose tensors hold their constants themselves, and those have no names."""
    model = unpacked(content)
    for tensor in model.subgraphs[0].tensors:
        tensor.buffer = model.buffers[tensor.buffer].data
        tensor.name = tensor.name if tensor.buffer is None else None
    model.buffers = None
    return fields(model)


def test_a_compact_model_holds_the_same_in_fewer_bytes(made):
    short = compact(made)
    assert without_buffers(short) == without_buffers(made)
    assert parse_graph(short, name="short").operators == parse_graph(made, name="made").operators
    # Of 16 + 16 + 16 + 16 channels each has a zero point of 8 bytes; one row of 16 is left.
    assert len(short) < len(made) - 3 * 16 * 8
    assert compact(short) == short


def test_what_tensors_and_operators_share_stands_once(made):
    """Both convolutions have the same options, and only constants have a buffer."""
    short = compact(made)
    model = schema.Model.GetRootAs(short)
    graph = model.Subgraphs(0)
    first, second = (graph.Operators(number).BuiltinOptions().Pos for number in (0, 1))
    assert first == second
    constants = [tensor for tensor in parse_graph(short, name="made").tensors if tensor.constant]
    assert model.BuffersLength() <= 1 + len(constants)
    computed = [graph.Tensors(graph.Operators(number).Outputs(0)) for number in range(4)]
    assert [tensor.Buffer() for tensor in computed] == [0] * 4


@pytest.mark.parametrize("resolver", [OpResolverType.BUILTIN_REF, OpResolverType.AUTO])
def test_the_interpreter_gives_the_same_bytes(made, resolver):
    crops = np.random.default_rng(0).integers(-128, 128, (20, 1, 12, 10, 8), np.int8)
    first, second = (run(content, crops, resolver) for content in (made, compact(made)))
    assert np.array_equal(first, second)
    assert len(np.unique(first)) > 20


def run(content: bytes, crops: np.ndarray, resolver: OpResolverType) -> np.ndarray:
    interpreter = Interpreter(model_content=content, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    heard, said = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    found = []
    for crop in crops:
        interpreter.set_tensor(heard["index"], crop)
        interpreter.invoke()
        found.append(interpreter.get_tensor(said["index"]))
    return np.stack(found)


def test_weights_lie_where_a_device_can_read_them(made):
    """The schema asks for 16 bytes: a Cortex-M0 faults on a bias that lies at an odd address."""
    short = compact(made)
    model = schema.Model.GetRootAs(short)
    buffers = [model.Buffers(number) for number in range(model.BuffersLength())]
    weights = [buffer.DataAsNumpy() for buffer in buffers if buffer.DataLength()]
    whole = np.frombuffer(short, np.uint8).__array_interface__["data"][0]
    places = [each.__array_interface__["data"][0] - whole for each in weights]
    assert len(places) >= 6
    assert [place % 16 for place in places] == [0] * len(places)


def test_names_are_those_of_the_first_node_where_that_is_the_only_one_of_the_name(made):
    named = unpacked(made)
    outputs = [operator.outputs[0] for operator in named.subgraphs[0].operators]
    constant = named.subgraphs[0].operators[0].inputs[1]
    tensors = named.subgraphs[0].tensors
    given = [b"Relu_1;Conv_11", b"Relu_2;Conv_2", b"Conv_2", b"logits:0"]
    tensors[constant].name = b"Relu_1;Conv_1"  # so the converter has added a digit
    for output, name in zip(outputs, given, strict=True):
        tensors[output].name = name
    short = compact(packed(named, size=len(made)))
    names = [tensor.name for tensor in unpacked(short).subgraphs[0].tensors]
    assert [names[output] for output in outputs] == [
        b"Conv_1", b"Relu_2;Conv_2", b"Conv_2", b"logits:0"
    ]  # fmt: skip
    assert names[constant] == b""
    assert run(short, np.ones((1, 1, 12, 10, 8), np.int8), OpResolverType.AUTO).any()
    assert compact(short) == short
