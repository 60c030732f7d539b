"""Small graphs with branches and reshapes, for tests of generated C."""

IMAGE = (1, 6, 5, 4)


def residual(net):
    inner = net.conv_2d(net.depthwise_conv_2d(0), channels=4, kernel=(1, 1))
    return net.fully_connected(net.mean(net.add(inner, 0), [1, 2]))


def read_again(net):
    """The output is the first of two convolutions; the second reads it."""
    output = net.conv_2d(0, channels=4, kernel=(1, 1))
    net.conv_2d(output, channels=4, kernel=(1, 1))
    return output


def read_again_in_another_shape(net):
    output = net.reshape(net.depthwise_conv_2d(0), (1, 120))
    net.softmax(output)
    return output


def squeeze(net):
    """A channel's weight, from the mean of all, in the place of what it weighs."""
    weights = net.unary("LOGISTIC", net.conv_2d(net.mean(0, [1, 2], keep_dims=True), channels=4))
    return net.mul(0, weights)


def late_input(net):
    """The model's input is read first and last."""
    inner = net.depthwise_conv_2d(net.depthwise_conv_2d(0))
    return net.concatenation(0, net.quantize(inner, scale=net.scale(0), zero=net.zero(0)))


def reshaped_between(net):
    """What is only another shape shares its memory with a tensor that is still needed."""
    inner = net.depthwise_conv_2d(0)
    flat = net.quantize(net.reshape(inner, (1, 120)))
    return net.concatenation(
        net.quantize(net.reshape(flat, IMAGE), scale=0.1, zero=3),
        net.quantize(inner, scale=0.1, zero=3),
    )


def wide_then_narrow(net):
    """The last layers work in place, but the caller's output has no room for the wide tensor."""
    wide = net.conv_2d(0, channels=9, kernel=(1, 1))
    return net.conv_2d(net.conv_2d(wide, channels=3, kernel=(1, 1)), channels=1, kernel=(1, 1))


BUILDS = {
    "a residual block": residual,
    "an output that is read again": read_again,
    "an output that is read again, reshaped": read_again_in_another_shape,
    "squeeze and excite": squeeze,
    "an input that is read late": late_input,
    "reshaped between": reshaped_between,
    "wide, then narrow": wide_then_narrow,
    "an input that is reshaped first": lambda net: net.softmax(net.reshape(0, (1, 120))),
    "an output that is reshaped last": lambda net: net.reshape(net.unary("TANH", 0), (1, 120)),
    "reshaped at both ends": lambda net: net.reshape(
        net.unary("RELU", net.reshape(0, (1, 120))), (1, 30, 1, 4)
    ),
    "only reshaped": lambda net: net.reshape(0, (1, 120)),
    "an input that is used three times": lambda net: net.concatenation(0, 0, 0),
}
