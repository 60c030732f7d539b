"""Networks: sizes and costs as published, any length, logits, and a way into int8."""

import math
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from by_family import QUICK, every_family

from pld_tf import models
from pld_tf.errors import PldError
from pld_tf.models import assemble, cost, names
from pld_tf.models.layers.mean_over_bins import MeanOverBins
from pld_tf.models.layers.sub_spectral_norm import SubSpectralNorm, sub_bands
from pld_tf.models.networks import bc_resnet
from pld_tf.models.seeding import set_seed

CLASSES = 12
SMALLEST = {family: sizes[0] for family, sizes in names.SIZES.items()}
# What pools most in its family: the first to have no frame left.
SMALLEST |= {"res": "8-narrow", "edgespeechnet": "D"}


def fresh(family, size, *, bins=10, frames=None, width=1.0, dropout=0.0):
    return models.build(
        family=family,
        size=size,
        width=width,
        dropout=dropout,
        frames=frames,
        bins=bins,
        classes=CLASSES,
    )


@cache
def built(family, size, **changes):
    """A read-only model of seed 3, shared: building is most of the time these tests take."""
    set_seed(3)
    return fresh(family, size, **changes)


def features(frames, bins=10, batch=2, seed=0):
    return np.random.default_rng(seed).normal(size=(batch, frames, bins, 1)).astype(np.float32)


# --- names and arguments ---


def test_names_and_sizes_can_be_read_without_tensorflow():
    code = (
        "import sys, pld_tf.models, pld_tf.models.names; "
        "sys.exit(bool({'tensorflow', 'tf_keras'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_named_family_has_a_builder_with_the_same_sizes():
    assert {name: family.sizes for name, family in assemble.FAMILIES.items()} == names.SIZES


@pytest.mark.parametrize(
    ("family", "size", "closest"),
    [
        ("ds_cn", "S", "'ds_cnn'"),
        ("bcresnet", "1", "'bc_resnet'"),
        ("zzz", "S", "closest is '"),
        ("res", "15narrow", "'15-narrow'"),
        ("edgespeechnet", "a", "'A'"),
        ("bc_resnet", "1.6", "'1.5'"),
    ],
)
def test_a_wrong_name_suggests_the_nearest(family, size, closest):
    with pytest.raises(PldError, match=closest):
        fresh(family, size)


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0.0},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"frames": names.MIN_FRAMES - 1},
        {"bins": 9},
        {"classes": 1},
    ],
)
def test_a_number_out_of_range_is_refused_by_name_and_value(wrong):
    legal = {"width": 1.0, "dropout": 0.0, "frames": None, "bins": 40, "classes": 3}
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=rf"model\.{name} must be .*, got {value}"):
        models.build(family="ds_cnn", size="S", **(legal | wrong))


# --- published costs ---


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "size", "width", "bins", "published", "tolerance"),
    [
        # Conv and dense weights only: the paper's BN has no trained scale, ours leaves a bias.
        # Their number does not depend on the bins: these are the networks of the next test but two.
        ("res", "8", 1.0, 38, 110e3, 0.01),
        ("res", "15", 1.0, 38, 238e3, 0.01),
        ("res", "8-narrow", 1.0, 38, 19.9e3, 0.01),
        ("res", "26-narrow", 1.0, 38, 78.4e3, 0.01),
        # Whether the paper counts BN is not said; without it the figures come out exactly.
        ("edgespeechnet", "A", 1.0, 40, 107e3, 0.01),
        ("edgespeechnet", "B", 1.0, 40, 43.7e3, 0.01),
        ("edgespeechnet", "C", 1.0, 40, 30.3e3, 0.02),
        ("edgespeechnet", "D", 1.0, 40, 80.3e3, 0.01),
        # The authors' code counts four numbers per BN channel; ours leaves one.
        ("tc_resnet", "8", 1.0, 40, 66e3, 0.02),
        ("tc_resnet", "8", 1.5, 40, 145e3, 0.02),
        ("tc_resnet", "14", 1.5, 40, 305e3, 0.02),
        # The table's 24K to 420K count BN unfolded; the next test is exact.
        ("ds_cnn", "S", 1.0, 10, 24e3, 0.06),
        ("ds_cnn", "M", 1.0, 10, 140e3, 0.04),
        ("ds_cnn", "L", 1.0, 10, 420e3, 0.03),
    ],
)
def test_a_device_stores_as_many_parameters_as_published(
    family, size, width, bins, published, tolerance
):
    model = built(family, size, bins=bins, width=width)
    assert cost.parameters(model) == pytest.approx(published, rel=tolerance)


@pytest.mark.parametrize(
    ("size", "kilobytes", "maps"),
    [
        ("S", 38.6, 2 * 25 * 5 * 64),
        ("M", 189.2, (25 * 10 + 13 * 5) * 172),
        ("L", 497.6, (25 * 10 + 13 * 5) * 276),
    ],
)
def test_ds_cnn_fills_exactly_the_memory_that_hello_edge_reports(size, kilobytes, maps):
    """Its table 5 adds 8-bit weights, BN folded, to the two largest neighbouring maps."""
    memory = cost.parameters(built("ds_cnn", size)) + maps
    assert memory / 1000 == pytest.approx(kilobytes, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "published"), [("2", 27e3), ("8", 321e3)])
def test_bc_resnet_trains_as_many_parameters_as_published(size, published):
    """The paper counts a scale and an offset per normalized channel and per sub-band."""
    model = built("bc_resnet", size, bins=40)
    assert cost.trainable(model) == pytest.approx(published, rel=0.011)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "size", "width", "frames", "bins", "published", "tolerance"),
    [
        ("ds_cnn", "S", 1.0, 49, 10, 2.7e6, 0.02),
        ("ds_cnn", "M", 1.0, 49, 10, 9.9e6, 0.02),
        ("ds_cnn", "L", 1.0, 49, 10, 28e6, 0.02),
        ("tc_resnet", "8", 1.0, 98, 40, 1.5e6, 0.02),
        ("tc_resnet", "8", 1.5, 98, 40, 3.3e6, 0.02),
        ("tc_resnet", "14", 1.5, 98, 40, 6.7e6, 0.02),
        # The figures fit 101 x 40 features whose first convolution is not padded: 99 x 38.
        ("res", "15", 1.0, 99, 38, 894e6, 0.01),
        # res8 does not say how its pool treats the border: about 24 x 12 or 23 x 11 maps.
        ("res", "8", 1.0, 99, 38, 30e6, 0.12),
        ("res", "8-narrow", 1.0, 99, 38, 5.7e6, 0.12),
        ("bc_resnet", "2", 1.0, 98, 40, 7e6, 0.04),
        ("bc_resnet", "8", 1.0, 98, 40, 86e6, 0.04),
    ],
)
def test_one_second_costs_as_many_macs_as_published(
    family, size, width, frames, bins, published, tolerance
):
    model = built(family, size, bins=bins, width=width)
    assert cost.macs(model, frames=frames, bins=bins) == pytest.approx(published, rel=tolerance)


def test_costs_of_each_kind_of_layer_are_those_worked_by_hand():
    layers = tf_keras.layers
    x = inputs = tf_keras.Input((None, 8, 2))
    x = layers.Conv2D(4, (3, 2), strides=(2, 1), padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.DepthwiseConv2D(3, padding="valid")(x)
    x = layers.SeparableConv2D(5, 3, padding="same")(x)
    x = layers.Dense(7)(layers.GlobalAveragePooling2D()(x))
    model = tf_keras.Model(inputs, x)
    # Maps: 5 x 8, then 3 x 6, 3 x 6. Kernels: 3*2*2*4 = 48, 9*4 = 36, 9*4 + 4*5 = 56, 5*7 = 35.
    assert cost.macs(model, frames=10, bins=8) == 40 * 48 + 18 * 36 + 18 * 56 + 35
    stored = 48 + 4 + (36 + 4) + (56 + 5) + (35 + 7)
    assert cost.parameters(model) == stored
    assert cost.trainable(model) == stored + 4


def test_a_transposed_convolution_spends_its_whole_kernel_on_each_input_value():
    """As in a .tflite. 10 x 8 places: 1 x 1 from 2 to 3 channels, then 3 x 3 from 3 to 4."""
    x = inputs = tf_keras.Input((None, 8, 2))
    x = tf_keras.layers.Conv2D(3, 1, use_bias=False)(x)
    x = tf_keras.layers.Conv2DTranspose(4, 3, strides=2, use_bias=False)(x)
    model = tf_keras.Model(inputs, x)
    assert cost.macs(model, frames=10, bins=8) == 10 * 8 * (2 * 3 + 3 * 3 * 3 * 4)


def test_a_sub_spectral_norm_stores_a_scale_and_an_offset_per_bin_and_channel():
    inputs = tf_keras.Input((None, 10, 3))
    model = tf_keras.Model(inputs, SubSpectralNorm()(inputs))
    assert (cost.parameters(model), cost.trainable(model)) == (2 * 10 * 3, 2 * 5 * 3)


def test_macs_of_other_features_than_the_model_takes_are_refused():
    with pytest.raises(ValueError, match="any frames x 10 bins, got 49 x 40"):
        cost.macs(built("ds_cnn", "S"), frames=49, bins=40)
    with pytest.raises(ValueError, match="24 frames x 10 bins, got 49 x 10"):
        cost.macs(built("ds_cnn", "S", frames=24), frames=49, bins=10)


# --- what every family does ---


@every_family
def test_any_length_gives_finite_float32_logits(family):
    for frames in (names.MIN_FRAMES, 24, 98):
        logits = built(family, SMALLEST[family])(features(frames)).numpy()
        assert logits.shape == (2, CLASSES)
        assert logits.dtype == np.float32
        assert np.isfinite(logits).all()


def test_with_a_frame_less_than_recipes_allow_res8_has_nothing_to_score():
    model = built("res", "8-narrow")
    assert not np.isfinite(model(features(names.MIN_FRAMES - 1))).any()


@every_family
def test_the_last_operation_is_a_dense_layer_without_activation(family):
    last = built(family, SMALLEST[family]).layers[-1]
    assert isinstance(last, tf_keras.layers.Dense)
    assert last.activation is tf_keras.activations.linear


@every_family
def test_a_fixed_length_has_the_weights_of_any_length_from_the_same_seed(family):
    any_length = built(family, SMALLEST[family])
    set_seed(3)
    fixed = fresh(family, SMALLEST[family], frames=24)
    assert fixed.input_shape == (None, 24, 10, 1)
    np.testing.assert_array_equal(flat_weights(fixed), flat_weights(any_length))
    np.testing.assert_allclose(fixed(features(24)), any_length(features(24)), atol=1e-5)


@pytest.mark.parametrize("family", QUICK)
def test_another_seed_gives_other_initial_weights(family):
    set_seed(4)
    other = flat_weights(fresh(family, SMALLEST[family]))
    assert not np.array_equal(other, flat_weights(built(family, SMALLEST[family])))


def test_a_seed_set_through_tf_keras_does_not_linger():
    expected = flat_weights(built("ds_cnn", "S"))
    tf_keras.utils.set_random_seed(4)
    set_seed(3)
    np.testing.assert_array_equal(flat_weights(fresh("ds_cnn", "S")), expected)


def flat_weights(model):
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def half(family):
    return built(family, SMALLEST[family], width=0.5, dropout=0.5)


@every_family
def test_a_gradient_reaches_every_trainable_weight(family):
    """Traced as in training: for any number of frames."""
    model = half(family)

    @tf.function(input_signature=[tf.TensorSpec([8, None, 10, 1])])
    def gradients(batch):
        with tf.GradientTape() as tape:
            # Not a plain mean: that is blind to whatever comes before a normalization.
            loss = tf.reduce_mean(model(batch, training=True) ** 2)
        return tape.gradient(loss, model.trainable_weights)

    found = gradients(features(24, batch=8))
    for weight, gradient in zip(model.trainable_weights, found, strict=True):
        assert np.abs(gradient).max() > 0, weight.name


@every_family
def test_dropout_acts_in_training_only(family):
    model, batch = half(family), features(24)
    np.testing.assert_array_equal(model(batch), model(batch))
    assert not np.allclose(model(batch, training=True), model(batch, training=True))


@every_family
def test_width_scales_the_channels_but_not_the_classes(family):
    whole = built(family, SMALLEST[family])
    assert half(family).output_shape == whole.output_shape
    assert 0.2 < cost.trainable(half(family)) / cost.trainable(whole) < 0.6


def test_half_of_ds_cnn_s_has_the_parameters_worked_by_hand():
    convolutions = 10 * 4 * 32 + 4 * (3 * 3 * 32 + 32 * 32)
    biases = 9 * 32
    assert cost.parameters(half("ds_cnn")) == convolutions + biases + 33 * CLASSES


@pytest.mark.slow
def test_res15_dilates_by_powers_of_two_and_every_third_convolution():
    model = built("res", "15", bins=38)
    convolutions = [x for x in model.layers if isinstance(x, tf_keras.layers.Conv2D)]
    dilations = [x.dilation_rate[0] for x in convolutions]
    assert dilations == [1, 1, 1, 1, 2, 2, 2, 4, 4, 4, 8, 8, 8, 16]


# --- sub-spectral normalization ---


@pytest.mark.parametrize("bins", [10, 8, 7])
def test_training_normalizes_every_band_of_every_channel_by_itself(bins):
    x = features(6, bins, batch=4) * np.arange(1, bins + 1)[:, None] + np.arange(3)
    y = SubSpectralNorm(epsilon=1e-6)(x.astype(np.float32), training=True).numpy()
    bands = y.reshape(4, 6, sub_bands(bins), -1, 3)
    np.testing.assert_allclose(bands.mean(axis=(0, 1, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(bands.std(axis=(0, 1, 3)), 1, atol=1e-3)


def test_inference_is_the_normalization_formula_bin_by_bin():
    x = np.random.default_rng(1).normal(size=(2, 6, 10, 3)).astype(np.float32)
    layer = SubSpectralNorm(epsilon=0.5)
    layer(x)
    shape = layer.gamma.shape
    gamma, beta, mean, variance = (
        np.random.default_rng(i).uniform(0.5, 2, shape).astype(np.float32) for i in range(4)
    )
    layer.set_weights([gamma, beta, mean, variance])
    expected = np.empty_like(x)
    for bin_ in range(10):
        at = (0, bin_ // 2, 0)
        expected[:, :, bin_] = (x[:, :, bin_] - mean[at]) / np.sqrt(variance[at] + 0.5)
        expected[:, :, bin_] = expected[:, :, bin_] * gamma[at] + beta[at]
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-5)


def test_training_moves_the_statistics_that_inference_uses():
    layer = SubSpectralNorm(momentum=0.0)
    x = features(8, 10, batch=4) * 3 + 5
    trained = layer(x, training=True)
    np.testing.assert_allclose(layer(x, training=False), trained, atol=1e-2)


@pytest.mark.slow
def test_plain_batch_normalization_takes_fewer_parameters_and_the_same_macs():
    """Of each block over bins, 2 numbers for a channel instead of 2 for each of its 5 bands."""
    banded, plain = (built(family, "2", bins=40) for family in ("bc_resnet", "bc_resnet_bn"))
    blocks = [(2, 16), (2, 24), (4, 32), (4, 40)]
    fewer = sum(count * 2 * 4 * channels for count, channels in blocks)
    assert cost.trainable(banded) - cost.trainable(plain) == fewer
    convolutions = [cost.macs(model, frames=49, bins=40) for model in (banded, plain)]
    assert convolutions[1] == pytest.approx(convolutions[0], rel=0.05)


def test_the_layers_of_a_bc_resnet_survive_their_own_configuration():
    inputs = tf_keras.Input((None, 10, 3))
    model = tf_keras.Model(inputs, MeanOverBins()(SubSpectralNorm(epsilon=0.5)(inputs)))
    again = tf_keras.Model.from_config(model.get_config())
    weights = [np.random.default_rng(1).uniform(0.5, 2, x.shape) for x in model.get_weights()]
    for each in (model, again):
        each.set_weights(weights)
    x = np.random.default_rng(2).normal(size=(2, 6, 10, 3))
    np.testing.assert_allclose(again(x), model(x), atol=1e-6)


# --- the way into int8 ---


def int8_interpreter(model, frames, bins):
    signature = [tf.TensorSpec((1, frames, bins, 1), tf.float32)]
    graph = tf.function(lambda x: model(x, training=False), input_signature=signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [graph.get_concrete_function()], model
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [features(frames, bins, batch=1, seed=i)] for i in range(32)
    )
    converter.inference_input_type = converter.inference_output_type = tf.int8
    interpreter = tf.lite.Interpreter(
        model_content=converter.convert(),
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    return interpreter


def int8_logits(interpreter, x):
    (source,), (sink,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert source["dtype"] is sink["dtype"] is np.int8
    scale, zero = source["quantization"]
    codes = np.clip(np.round(x / scale + zero), -128, 127).astype(np.int8)
    interpreter.set_tensor(source["index"], codes)
    interpreter.invoke()
    scale, zero = sink["quantization"]
    return (interpreter.get_tensor(sink["index"]).astype(np.float32) - zero) * scale


@pytest.mark.slow
# The converter warns that integer input types are set, which is what we ask for.
@pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected:UserWarning")
# Dilated convolutions, and normalization by bands. tests/export/convert/test_int8_students.py has
# gates and an LSTM, test_qat.py every family; C is generated from int8 of every family.
@pytest.mark.parametrize("family", ["res", "bc_resnet"])
def test_500_ms_convert_to_int8_without_a_float_operator(family, monkeypatch):
    # Of four stages that differ in numbers alone, one: dilated, with a stride.
    monkeypatch.setattr(bc_resnet, "STAGES", bc_resnet.STAGES[1:2])
    set_seed(0)
    model = fresh(family, SMALLEST[family], bins=40, dropout=0.1)
    for seed in range(8):  # or the moving statistics are those of no data
        model(features(24, 40, batch=16, seed=seed), training=True)
    interpreter = int8_interpreter(model, 24, 40)
    types = {tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    assert types <= {np.int8, np.int32}  # int32: biases and shapes
    crops = [features(24, 40, batch=1, seed=100 + i) for i in range(8)]
    exact = np.concatenate([model(x) for x in crops])
    error = np.concatenate([int8_logits(interpreter, x) for x in crops]) - exact
    # Untrained weights round badly, but scores of another function would be off by 1.4.
    assert math.sqrt(np.mean(error**2)) < 0.25 * exact.std()
