"""Recipes: what loads, what is refused, and in which words."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pld_tf.data.store.loudness import BLOCK_MS
from pld_tf.errors import PldError
from pld_tf.recipe.load import load_recipe, parse_recipe, recipe_names, recipe_text
from pld_tf.recipe.schema import LADDER_GRID_MS


def assert_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(PldError, match=message) as caught:
        load_recipe("smoke", overrides)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_loads(name):
    recipe = load_recipe(name)
    assert recipe.class_names[-2:] == ("unknown", "silence")
    assert recipe.description
    assert "\n" not in recipe.description


def test_the_smoke_recipe_is_shipped():
    assert "smoke" in recipe_names()


def test_a_recipe_can_be_a_file_of_the_user(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(recipe_text("smoke").replace("batch = 16", "batch = 32"))
    assert load_recipe(str(path)).batch == 32


def test_a_misspelt_recipe_name_brings_the_nearest_one():
    with pytest.raises(PldError, match=r"named 'smok'; closest is 'smoke'.*lists all \d+"):
        load_recipe("smok")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PldError, match=r"mine\.toml can't be read as UTF-8 text"):
        load_recipe(str(path))


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("batch: 16")
    with pytest.raises(PldError, match=r"mine\.toml is not valid TOML"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("temprature=1", "unknown key 'temprature'; closest is 'temperature'"),
        ("my_features=1", "unknown key 'my_features'; closest is 'features'"),
        ("features.mel_bin=3", "unknown key 'features.mel_bin'; closest is 'mel_bins'"),
        ("models.0.famly=x", r"unknown key 'models\.0\.famly'; closest is 'family'"),
        ("models.0.family=ds_cn", "no model family named 'ds_cn'; closest is 'ds_cnn'"),
        ("models.0.size=XL", r"tc_resnet has no size 'XL'; .* It comes in 8, 14\.$"),
        ("models.0.size=15", "tc_resnet has no size '15'"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_one(override, message):
    assert_refused([override], message)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("temperature=hot", "temperature must be a number, got 'hot'"),
        ("epochs=2.5", r"epochs\.0 must be a whole number, got 2\.5"),
        ("epochs=true", r"epochs\.0 must be a whole number, got True"),
        ("epochs=many", r"epochs\.0 must be a whole number, got 'many'"),
        ("batch='16'", "batch must be a whole number, got '16'"),
        ("features.mel_bins=ten", r"features\.mel_bins must be a whole number, got 'ten'"),
        ("keywords=yes", "keywords must be a list, got 'yes'"),
        ("keywords=[1]", r"keywords\.0 must be a text, got 1"),
        ("models=3", "models must be a list, got 3"),
        ("models=[3]", r"models\.0 must be a table, got 3"),
        ("models.0.size=true", r"models\.0\.size must be a text, got True"),
        ("features=3", "features must be a table, got 3"),
        ("batch=1979-05-27", "batch must be a whole number"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_key_and_value(override, message):
    assert_refused([override], message)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("batch=20", "batch must be a multiple of 16, got 20"),
        ("hard_weight=1.5", r"hard_weight must be at most 1, got 1\.5"),
        ("temperature=0", "temperature must be above 0, got 0"),
        ("labels=sofd", "labels must be 'online', 'stored' or 'hard', got 'sofd'"),
        ("learning_rate=inf", "learning_rate must be a finite number, got inf"),
        ("features.log2_offset=nan", "log2_offset must be a finite number, got nan"),
        ("features.high_hz=9000", "high_hz must be at most half the rate; got 9000"),
        ("epochs=[1, 2, 3]", "epochs must hold 1 entry, or 2, one per rung of ladder_ms; got 3"),
        ('keywords=["yes", "yes"]', "keywords must differ, 'yes' stands twice"),
        ('keywords=["silence"]', "'silence' is a class of its own"),
        ("ignored_words=['on', 'no']", "'no' is among keywords and ignored_words; take it out"),
        ("ladder_ms=[]", r"ladder_ms must not be empty, got \[\]"),
        ("epochs=[]", "epochs must hold 1 entry, or 2, .* got 0"),
        ("epochs=0", r"epochs\.0 must be at least 1, got 0"),
        ("label_smoothing=1", "label_smoothing must be below 1, got 1"),
        ("features.mfcc=9", r"features\.mfcc must be at least 10, the fewest .* got 9"),
        ("features.mel_bins=9", r"features\.mel_bins must be at least 10, the fewest .* got 9"),
        ("features.high_hz=700", r"features\.mel_bins = 40 puts filter \d+ between two FFT bins"),
        ("features.sample_rate_hz=16050", "features: window_ms must be a whole number of samples"),
        ("ladder_ms=[500, 1000]", r"must fall from rung to rung, got 1000 after 500"),
        ("ladder_ms=[500, 500]", r"must fall from rung to rung, got 500 after 500"),
        ("ladder_ms=[1010, 500]", "ladder_ms must start at 1000 or below, got 1010"),
        ("ladder_ms=[500, 90]", "ladder_ms must end at 100 or above, got 90"),
        ("ladder_ms=[1000, 555]", "ladder_ms must hold multiples of 10, .* got 555"),
        ("networks=[1, 1, 1]", "networks must hold 1 entry, or 2, .* got 3"),
        ("networks=0", r"networks\.0 must be at least 1, got 0"),
        ("networks=17", r"networks\.0 must be at most 16, got 17"),
        ("networks=[1, 2]", "networks must end with 1, the student that is exported; got 2"),
        ("train_fraction=0", r"train_fraction\.0 must be above 0, got 0"),
        ("train_fraction=[1, 1.5]", r"train_fraction\.1 must be at most 1, got 1\.5"),
        ("train_fraction=[1, 1, 1]", "train_fraction must hold 1 entry, or 2, .* got 3"),
        ("ensemble=sum", "ensemble must be 'mean' or 'switch', got 'sum'"),
        ("keep_first_teacher=1", "keep_first_teacher"),
        ("hard_finish_epochs=-1", "hard_finish_epochs must be at least 0, got -1"),
        ("embedding_weight=-1", "embedding_weight must be at least 0, got -1"),
        ("mixup=11", "mixup must be at most 10, got 11"),
        ("weight_average=1", "weight_average must be below 1, got 1"),
        ("tempo=0.6", r"tempo must be at most 0\.5, got 0\.6"),
        ("vocal_tract=0.4", r"vocal_tract must be at most 0\.3, got 0\.4"),
        ("filter_db=41", "filter_db must be at most 40, got 41"),
        ("echo_epochs=0", "echo_epochs must be at least 1, got 0"),
    ],
)
def test_a_value_out_of_range_is_refused_with_key_and_value(override, message):
    assert_refused([override], message)


@pytest.mark.parametrize(
    ("overrides", "frames"),
    [
        # 1 + (1600 - 480) // 480: windows of 30 ms, each 30 ms, in 100 ms.
        (["ladder_ms=[1000, 100]", "features.hop_ms=30"], 3),
        (["ladder_ms=[300]", "epochs=1", "features.window_ms=300", "features.fft_size=8192"], 1),
    ],
)
def test_a_ladder_that_ends_below_four_frames_is_refused(overrides, frames):
    length = overrides[0].rstrip("]").split("[")[1].split(" ")[-1]
    assert_refused(overrides, f"ladder_ms ends at {length}, which gives {frames} frames; .* 4")


def test_four_frames_are_enough():
    """1 + (1600 - 480) // 320 frames."""
    assert load_recipe("smoke", ["ladder_ms=[1000, 100]"]).ladder_ms == [1000, 100]


@pytest.mark.parametrize(
    ("family", "size", "read"),
    [
        ("tc_resnet", "14", "14"),
        ("tc_resnet", "'14'", "14"),
        ("tc_resnet", "8.0", "8"),
        ("bc_resnet", "1.5", "1.5"),
    ],
)
def test_a_size_may_be_written_as_a_number(family, size, read):
    overrides = [f"models.0.family={family}", f"models.0.size={size}"]
    assert load_recipe("smoke", overrides).models[0].size == read


def test_a_key_like_no_other_leads_to_the_commented_recipe():
    with pytest.raises(PldError) as caught:
        load_recipe("smoke", ["zzqq=1"])
    assert str(caught.value) == (
        "recipe smoke: unknown key 'zzqq'; pld-tf recipes show own_words explains the keys there "
        "are."
    )


def test_a_key_like_no_other_in_a_table_brings_the_few_there_are():
    assert_refused(
        ["models.0.zzqq=1"], r"'models\.0\.zzqq'; there are dropout, family, size, width"
    )


def test_a_file_that_may_not_be_read_is_refused_as_such(tmp_path, monkeypatch):
    path = tmp_path / "mine.toml"
    path.write_text(recipe_text("smoke"))

    def refuse(path: Path, encoding: str) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(PldError, match=r"mine\.toml can't be read: Permission denied\.$"):
        load_recipe(str(path))


def test_a_missing_key_is_named():
    with pytest.raises(PldError, match=r"recipe mine: description is missing\. models is missing"):
        parse_recipe({"keywords": ["a"], "ladder_ms": [500]}, "mine")


def test_several_mistakes_are_told_at_once():
    assert_refused(["temprature=1", "batch=20"], r"got 20\. unknown key 'temprature'")


def test_set_reaches_into_tables_and_lists():
    recipe = load_recipe(
        "smoke",
        [
            "models.0.width=1.5",
            "features.mfcc=10",
            "keywords.1=stop",
            "ladder_ms.0=900",
            "labels = hard",
            'ignored_words=["on", "off"]',
        ],
    )
    assert recipe.models[0].width == 1.5
    assert recipe.features.mfcc == 10
    assert recipe.keywords == ["yes", "stop"]
    assert recipe.ladder_ms == [900, 500]
    assert recipe.labels == "hard"
    assert recipe.ignored_words == ["on", "off"]


def test_the_last_set_of_a_key_counts():
    assert load_recipe("smoke", ["batch=32", "batch=48"]).batch == 48


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("batch", "--set takes key=value, got 'batch'"),
        ("=3", "--set takes key=value, got '=3'"),
        ("models.5.width=1", r"--set models\.5\.width: '5' must be a number below 1"),
        ("models.5=1", r"--set models\.5: '5' must be a number below 1"),
        ("models.x.width=1", "'x' must be a number below 1"),
        ("models.².width=1", "'²' must be a number below 1"),
        ("models.-1.width=1", "'-1' must be a number below 1"),
        ("ladder_ms.0.x=1", r"--set ladder_ms\.0\.x: there is no 'x' in 1000"),
        ("ladder_ms.0.x.y=1", "there is no 'x' in 1000"),
        ("batch.x=1", "there is no 'x' in 16"),
    ],
)
def test_a_set_that_leads_nowhere_is_refused(override, message):
    assert_refused([override], message)


def test_one_entry_serves_all_rungs():
    recipe = load_recipe("smoke", ["epochs=3"])
    assert [recipe.rung_epochs(rung) for rung in (0, 1)] == [3, 3]
    assert recipe.rung_model(1) == recipe.models[0]


def test_each_rung_takes_its_own_entry_where_there_is_one():
    recipe = load_recipe("smoke", ["epochs=[3, 4]"])
    assert [recipe.rung_epochs(rung) for rung in (0, 1)] == [3, 4]


def test_one_number_of_networks_leaves_the_last_rung_with_one():
    recipe = load_recipe("smoke", ["ladder_ms=[1000, 800, 500]", "networks=3"])
    assert [recipe.rung_networks(rung) for rung in (0, 1, 2)] == [3, 3, 1]


def test_each_rung_takes_its_own_number_of_networks_and_share_of_labels():
    recipe = load_recipe("smoke", ["networks=[4, 1]", "train_fraction=[1.0, 0.1]"])
    assert [recipe.rung_networks(rung) for rung in (0, 1)] == [4, 1]
    assert [recipe.rung_train_fraction(rung) for rung in (0, 1)] == [1.0, 0.1]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["labels=stored"], "labels = 'stored' needs crops_per_clip, the number of crops"),
        (
            ["keep_first_teacher=true", "teacher_hears=clip"],
            "keep_first_teacher needs teacher_hears = 'crop': .*; got 'clip'",
        ),
        (
            ["teacher_hears=blend", "teacher_lengths=fixed"],
            "teacher_hears = 'blend' needs teacher_lengths = 'any': the teacher hears crop and",
        ),
    ],
)
def test_choices_that_do_not_go_together_are_refused_with_the_reason(overrides, message):
    assert_refused(overrides, message)


def test_the_same_choices_go_together_with_what_they_need():
    for overrides in (
        ["labels=stored", "crops_per_clip=4"],
        ["keep_first_teacher=true", "teacher_hears=crop"],
        ["teacher_hears=blend", "teacher_lengths=any"],
    ):
        assert load_recipe("smoke", overrides).batch == 16


def test_a_teacher_of_any_length_hears_all_lengths_to_come():
    ladder = ["ladder_ms=[1000, 800, 500]"]
    recipe = load_recipe("smoke", [*ladder, "teacher_lengths=any"])
    assert [recipe.heard_ms(rung) for rung in (0, 1, 2)] == [(1000, 800, 500), (800, 500), (500,)]
    fixed = load_recipe("smoke", [*ladder, "teacher_lengths=fixed"])
    assert [fixed.heard_ms(rung) for rung in (0, 1, 2)] == [(1000,), (800,), (500,)]


def test_a_recipe_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_recipe("smoke").batch = 32  # pyright: ignore


def test_ladder_lengths_lie_on_the_grid_of_loudness():
    assert LADDER_GRID_MS == BLOCK_MS


def test_a_recipe_is_read_without_tensorflow():
    code = (
        "import sys, pld_tf.recipe.schema as r; r.load_recipe('smoke'); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
