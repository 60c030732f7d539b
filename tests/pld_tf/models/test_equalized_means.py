"""Means over bins, each channel as large as what comes of it: the same function, rounded less."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from export.convert.converter import Conversion, convert_all
from pld_tf import models
from pld_tf.model_bundle.freeze import freeze, save_model
from pld_tf.models.layers.equalized_means import with_equalized_means
from pld_tf.models.layers.mean_over_bins import MeanOverBins
from pld_tf.models.networks import bc_resnet
from pld_tf.models.seeding import set_seed
from pld_tf.system.files import write_npz

layers = tf_keras.layers


@pytest.fixture(autouse=True)
def one_stage(monkeypatch) -> None:
    """A BC-ResNet has four stages that differ in numbers alone: one, of two blocks, is enough."""
    monkeypatch.setattr(bc_resnet, "STAGES", bc_resnet.STAGES[1:2])


def network(family: str, *, frames: int | None, bins: int = 40, size: str = "1") -> tf_keras.Model:
    """A network whose normalization does something."""
    set_seed(3)
    model = models.build(
        family=family, size=size, width=1.0, dropout=0.1, frames=frames, bins=bins, classes=4
    )
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.5, 1.5, value.shape) * value + 0.1 * rng.random(value.shape)
                       for value in model.get_weights()])  # fmt: skip
    return model


def means(model: tf_keras.Model) -> int:
    return sum(isinstance(layer, MeanOverBins) for layer in model.layers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "frames", "bins"),
    [("bc_resnet", 49, 40), ("bc_resnet_bn", 5, 40), ("bc_resnet_bn", 49, 11)],
)
def test_it_is_the_same_function(family, frames, bins):
    model = network(family, frames=None, bins=bins)
    equalized = with_equalized_means(model)
    assert (means(model), means(equalized)) == (2, 0)
    crops = tf.random.stateless_normal((3, frames, bins, 1), seed=(0, 1))
    expected = model(crops, training=False).numpy()
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(equalized(crops, training=False), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_the_network_itself_stays_as_it_is():
    model = network("bc_resnet_bn", frames=49)
    before, layers_before = model.get_weights(), [layer.name for layer in model.layers]
    with_equalized_means(model)
    assert [layer.name for layer in model.layers] == layers_before
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))


def test_a_network_without_means_is_handed_back():
    model = network("tc_resnet", frames=49, size="8")
    assert with_equalized_means(model) is model


def test_a_mean_that_others_read_too_stays():
    inputs = tf_keras.Input((9, 6, 2))
    mean = MeanOverBins()(inputs)
    over_time = layers.DepthwiseConv2D((3, 1), padding="same", use_bias=False)(mean)
    model = tf_keras.Model(inputs, layers.Add()([mean, over_time]))
    assert with_equalized_means(model) is model


@pytest.mark.slow
def test_small_means_survive_rounding(tmp_path):
    """One channel is its input, another the difference of neighbours, whose mean is near zero."""
    inputs = tf_keras.Input((9, 20, 1))
    x = layers.Conv2D(2, (1, 2), padding="same", use_bias=False)(inputs)
    x = layers.DepthwiseConv2D((3, 1), padding="same", use_bias=False)(MeanOverBins()(x))
    model = tf_keras.Model(inputs, layers.Flatten()(x))
    over_time = np.array([1.0, 2.0, -1.0], np.float32)[:, None, None, None]
    model.set_weights(
        [
            np.array([[1.0, 1.0], [0.0, -1.0]], np.float32)[None, :, None, :],
            np.concatenate([over_time, 20 * over_time], axis=2),
        ]
    )
    rng = np.random.default_rng(0)
    crops = 3 * rng.normal(size=(50, 9, 1)) + 0.3 * rng.normal(size=(50, 9, 20))
    crops = crops.astype(np.float32)
    write_npz(tmp_path / "representative.npz", features=crops)
    save_model(freeze(model, frames=9, bins=20), tmp_path / "equalized")
    save_model(_frozen_as_it_is(model), tmp_path / "apart")
    equalized, apart = (_error(tmp_path, name, model, crops) for name in ("equalized", "apart"))
    assert equalized < apart / 5


def _frozen_as_it_is(model: tf_keras.Model) -> object:
    signature = [tf.TensorSpec([1, 9, 20, 1], tf.float32, name="features")]
    infer = tf.function(lambda features: model(features, training=False), signature)
    return convert_variables_to_constants_v2(infer.get_concrete_function())


def _error(folder, name: str, model: tf_keras.Model, crops: np.ndarray) -> float:
    """Root mean square of int8 less float, of the channel of differences."""
    path = folder / f"{name}.tflite"
    convert_all(
        [
            Conversion(
                saved_model=folder / name,
                representative=folder / "representative.npz",
                outputs={"int8": path},
            )
        ]
    )
    interpreter = Interpreter(str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    heard, said = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = heard["quantization"]
    errors = []
    for crop in crops:
        stored = np.clip(np.round(crop / scale) + zero, -128, 127).astype(np.int8)
        interpreter.set_tensor(heard["index"], stored[None, ..., None])
        interpreter.invoke()
        step, middle = said["quantization"]
        rounded = (interpreter.get_tensor(said["index"]).astype(np.float32) - middle) * step
        exact = model((stored[None, ..., None].astype(np.float32) - zero) * scale)
        errors.append((rounded - exact.numpy())[0, 1::2])
    return float(np.sqrt(np.mean(np.square(errors))))
