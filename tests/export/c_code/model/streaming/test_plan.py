"""What a step computes and keeps, worked by hand."""

import pytest
from c_models import SAME, VALID, Net

from export.c_code.files import model_c
from export.c_code.model import generate
from export.c_code.model.ir import read_model
from export.c_code.model.streaming.plan import Kept, NoStep, plan_step
from export.c_code.plan_text import plan_text


def kept(net: Net, output: int, hop: int) -> dict[int, Kept]:
    return dict(plan_step(read_model(net.model(output)), hop=hop).kept)


def two_layers(**given) -> tuple[Net, int, int]:
    """Twelve frames of two bins; two kernels of three frames, the first with these choices."""
    net = Net((1, 12, 2, 1))
    first = net.conv_2d(0, channels=4, kernel=(3, 2), padding=VALID, **given)
    x = net.conv_2d(first, channels=5, kernel=(3, 1), padding=VALID)
    return net, first, net.mean(x, [1, 2])


def test_a_kernel_of_three_rows_keeps_two_old_ones():
    net, first, output = two_layers()
    plan = kept(net, output, 2)
    assert (plan[0].new, plan[0].old, plan[0].last) == (2, 2, 11)
    assert (plan[first].new, plan[first].old, plan[first].bytes) == (2, 2, 4 * 4)


def test_a_mean_over_time_keeps_all_rows_of_the_window():
    net, first, output = two_layers()
    (mean,) = [each for tensor, each in kept(net, output, 2).items() if tensor not in (0, first)]
    assert (mean.new, mean.rows, mean.first) == (2, 8, 0)


def test_a_step_of_a_stride_adds_one_row():
    net, first, output = two_layers(stride=(2, 1))
    plan = kept(net, output, 2)
    assert (plan[first].grid, plan[first].new, plan[first].old) == (2, 1, 2)


def test_a_step_of_half_a_stride_takes_rows_of_a_finer_grid():
    """Three rows two frames apart are five rows one frame apart."""
    net, first, output = two_layers(stride=(2, 1))
    plan = kept(net, output, 1)
    assert (plan[first].grid, plan[first].new, plan[first].rows) == (1, 1, 5)


def test_dilation_keeps_the_rows_between_the_taps():
    net, _, output = two_layers(dilation=(3, 1))
    assert kept(net, output, 1)[0].old == 6


def test_a_cut_shortcut_reads_rows_as_late_as_the_kernels_do():
    """Kernels of three and three frames lose four; the shortcut has two of them in front."""
    net = Net((1, 12, 1, 4))
    x = net.conv_2d(0, channels=4, kernel=(1, 1))
    y = net.conv_2d(net.conv_2d(x, kernel=(3, 1), padding=VALID), channels=4, kernel=(3, 1),
                    padding=VALID)  # fmt: skip
    cut = net.strided_slice(x, [None, 2, None, None], [None, 10, None, None])
    plan = kept(net, net.mean(net.add(cut, y), [1, 2]), 1)
    assert plan[x].rows == 3  # the shortcut's row is the oldest that the first kernel reads
    assert cut not in plan


def test_padding_over_time_leaves_nothing_to_a_step():
    net = Net((1, 12, 2, 1))
    x = net.conv_2d(0, kernel=(3, 1), padding=SAME)
    with pytest.raises(NoStep, match=r"CONV_2D \(layer 0\) pads over time"):
        plan_step(read_model(net.model(net.mean(x, [1, 2]))), hop=2)
    made = generate(net.model(net.mean(x, [1, 2])), hop=2)
    assert made.step is None
    assert "KWS_MODEL_STEP" not in made.header


def test_a_step_as_dear_as_a_window_is_not_written():
    net, _, output = two_layers()
    assert generate(net.model(output), hop=12).no_step == (
        "a step takes 1008 multiply-accumulates, a whole window 720"
    )


def test_the_plan_tells_what_a_step_takes_and_keeps():
    net, _, output = two_layers()
    entry = model_c(net.model(output), hop=2).entry
    text = plan_text(entry)
    assert "A step of 2 frames takes 168 MACs, a whole window 720. It keeps 64 bytes" in text
    assert [layer["rows"] for layer in entry["step"]["layers"]] == [2, 2, None]
    entry = model_c(net.model(output)).entry
    assert "each run takes a whole window: the number of frames from run to run" in plan_text(entry)
