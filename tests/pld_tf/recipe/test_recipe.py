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
    assert recipe.words.class_names[-2:] == ("unknown", "silence")
    assert recipe.description
    assert "\n" not in recipe.description


def test_the_smoke_recipe_is_shipped():
    assert "smoke" in recipe_names()


def test_a_recipe_can_be_a_file_of_the_user(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(recipe_text("smoke").replace("batch_size = 16", "batch_size = 32"))
    assert load_recipe(str(path)).training.batch_size == 32


def test_a_misspelt_recipe_name_brings_the_nearest_one():
    with pytest.raises(PldError, match=r"named 'smok'; closest is 'smoke'.*lists all \d+"):
        load_recipe("smok")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PldError, match=r"mine\.toml, line 1: expected UTF-8 text"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    ("mark", "encoding", "line_end"),
    [("\ufeff", "utf-8", "\r\n"), ("\ufeff", "utf-16-be", "\n"), ("", "utf-8", "\r")],
)
def test_a_recipe_of_any_editor_is_read(tmp_path, mark, encoding, line_end):
    text = mark + recipe_text("smoke").replace("\n", line_end)
    (tmp_path / "mine.toml").write_bytes(text.encode(encoding))
    assert load_recipe(str(tmp_path / "mine.toml")) == load_recipe("smoke")


def test_a_word_is_the_same_composed_and_decomposed_and_with_a_blank_at_its_end():
    recipe = load_recipe("smoke", ['words.keywords=["cafe\\u0301 ", "no"]'])
    assert recipe.words.keywords == ["caf\u00e9", "no"]
    with pytest.raises(PldError, match="stands twice"):
        load_recipe("smoke", ['words.keywords=["cafe\\u0301", "caf\u00e9"]'])


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("batch_size: 16")
    with pytest.raises(PldError, match=r"mine\.toml is not valid TOML"):
        load_recipe(str(path))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("temprature=1", "unknown key 'temprature'; closest is 'teaching.temperature'"),
        ("my_features=1", "unknown key 'my_features'; closest is 'features'"),
        ("features.mel_bin=3", "unknown key 'features.mel_bin'; closest is 'features.mel_bins'"),
        ("models.0.famly=x", r"unknown key 'models\.0\.famly'; closest is 'models.family'"),
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
        ("teaching.temperature=hot", "temperature must be a number, got 'hot'"),
        ("training.epochs=2.5", r"epochs\.0 must be a whole number, got 2\.5"),
        ("training.epochs=true", r"epochs\.0 must be a whole number, got True"),
        ("training.epochs=many", r"epochs\.0 must be a whole number, got 'many'"),
        ("training.batch_size='16'", "training.batch_size must be a whole number, got '16'"),
        ("features.mel_bins=ten", r"features\.mel_bins must be a whole number, got 'ten'"),
        ("words.keywords=yes", "keywords must be a list, got 'yes'"),
        ("words.keywords=[1]", r"keywords\.0 must be a text, got 1"),
        ("models=3", "models must be a list, got 3"),
        ("models=[3]", r"models\.0 must be a table, got 3"),
        ("models.0.size=true", r"models\.0\.size must be a text, got True"),
        ("features=3", "features must be a table, got 3"),
        ("training.batch_size=1979-05-27", "training.batch_size must be a whole number"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_key_and_value(override, message):
    assert_refused([override], message)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.batch_size=20", "training.batch_size must be a multiple of 16, got 20"),
        ("teaching.hard_weight=1.5", r"hard_weight must be at most 1, got 1\.5"),
        ("teaching.temperature=0", "temperature must be above 0, got 0"),
        ("teaching.labels=sofd", "labels must be 'online', 'stored' or 'hard', got 'sofd'"),
        ("training.learning_rate=inf", "learning_rate must be a finite number, got inf"),
        ("features.log2_offset=nan", "log2_offset must be a finite number, got nan"),
        ("features.high_hz=9000", "high_hz must be at most half the rate; got 9000"),
        (
            "training.epochs=[1, 2, 3]",
            "epochs must hold 1 entry, or 2, one per rung of ladder.input_lengths_ms; got 3",
        ),
        ('words.keywords=["yes", "yes"]', "keywords must differ, 'yes' stands twice"),
        ('words.keywords=["silence"]', "'silence' is a class of its own"),
        (
            "words.ignored=['on', 'no']",
            "'no' is among words.keywords and words.ignored; take it out",
        ),
        ("ladder.input_lengths_ms=[]", r"ladder.input_lengths_ms must not be empty, got \[\]"),
        ("training.epochs=[]", "epochs must hold 1 entry, or 2, .* got 0"),
        ("training.epochs=0", r"epochs\.0 must be at least 1, got 0"),
        ("training.label_smoothing=1", "label_smoothing must be below 1, got 1"),
        ("features.mfcc=9", r"features\.mfcc must be at least 10, the fewest .* got 9"),
        ("features.mel_bins=9", r"features\.mel_bins must be at least 10, the fewest .* got 9"),
        ("features.high_hz=700", r"features\.mel_bins = 40 puts filter \d+ between two FFT bins"),
        ("features.sample_rate_hz=16050", "features: window_ms must be a whole number of samples"),
        ("ladder.input_lengths_ms=[500, 1000]", r"must fall from rung to rung, got 1000 after 500"),
        ("ladder.input_lengths_ms=[500, 500]", r"must fall from rung to rung, got 500 after 500"),
        (
            "ladder.input_lengths_ms=[1010, 500]",
            "ladder.input_lengths_ms must start at 1000 or below, got 1010",
        ),
        (
            "ladder.input_lengths_ms=[500, 90]",
            "ladder.input_lengths_ms must end at 100 or above, got 90",
        ),
        (
            "ladder.input_lengths_ms=[1000, 555]",
            "ladder.input_lengths_ms must hold multiples of 10, .* got 555",
        ),
        ("ladder.networks=[1, 1, 1]", "networks must hold 1 entry, or 2, .* got 3"),
        ("ladder.networks=0", r"networks\.0 must be at least 1, got 0"),
        ("ladder.networks=17", r"networks\.0 must be at most 16, got 17"),
        ("ladder.networks=[1, 2]", "networks must end with 1, the student that is exported; got 2"),
        ("ladder.train_fraction=0", r"train_fraction\.0 must be above 0, got 0"),
        ("ladder.train_fraction=[1, 1.5]", r"train_fraction\.1 must be at most 1, got 1\.5"),
        ("ladder.train_fraction=[1, 1, 1]", "train_fraction must hold 1 entry, or 2, .* got 3"),
        ("teaching.ensemble=sum", "ensemble must be 'mean' or 'switch', got 'sum'"),
        ("teaching.keep_first_teacher=1", "keep_first_teacher"),
        ("teaching.hard_finish_epochs=-1", "hard_finish_epochs must be at least 0, got -1"),
        ("teaching.embedding_weight=-1", "embedding_weight must be at least 0, got -1"),
        ("augment.mixup=11", "mixup must be at most 10, got 11"),
        ("training.weight_average=1", "weight_average must be below 1, got 1"),
        ("augment.tempo=0.6", r"tempo must be at most 0\.5, got 0\.6"),
        ("augment.vocal_tract=0.4", r"vocal_tract must be at most 0\.3, got 0\.4"),
        ("augment.filter_db=41", "filter_db must be at most 40, got 41"),
        ("crops.echo_epochs=0", "echo_epochs must be at least 1, got 0"),
    ],
)
def test_a_value_out_of_range_is_refused_with_key_and_value(override, message):
    assert_refused([override], message)


@pytest.mark.parametrize(
    ("overrides", "frames"),
    [
        # 1 + (1600 - 480) // 480: windows of 30 ms, each 30 ms, in 100 ms.
        (["ladder.input_lengths_ms=[1000, 100]", "features.hop_ms=30"], 3),
        (
            [
                "ladder.input_lengths_ms=[300]",
                "training.epochs=1",
                "features.window_ms=300",
                "features.fft_size=8192",
            ],
            1,
        ),
    ],
)
def test_a_ladder_that_ends_below_four_frames_is_refused(overrides, frames):
    length = overrides[0].rstrip("]").split("[")[1].split(" ")[-1]
    assert_refused(
        overrides, f"ladder.input_lengths_ms ends at {length}, which gives {frames} frames; .* 4"
    )


def test_four_frames_are_enough():
    """1 + (1600 - 480) // 320 frames."""
    assert load_recipe(
        "smoke", ["ladder.input_lengths_ms=[1000, 100]"]
    ).ladder.input_lengths_ms == [1000, 100]


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


def test_a_key_of_another_table_is_told_where_it_belongs():
    assert_refused(["noise_share=0.5"], r"unknown key 'noise_share'; it is augment\.noise_share\.$")
    assert_refused(["crops.gain_db=3"], r"unknown key 'crops\.gain_db'; it is augment\.gain_db\.$")
    assert_refused(["epochs=3"], "it is training.epochs or finish.epochs")


def test_a_recipe_of_flat_keys_is_told_of_tables():
    flat = {
        "description": "old",
        "keywords": ["yes"],
        "ladder_ms": [1000],
        "epochs": 3,
        "batch": 16,
    }
    with pytest.raises(PldError) as caught:
        parse_recipe(flat, "mine.toml")
    assert "unknown key 'keywords'; it is words.keywords." in str(caught.value)
    assert str(caught.value).endswith(
        " Since version 0.2 keys stand in tables; pld-tf recipes keys lists them all."
    )


def test_a_key_like_no_other_leads_to_the_list_of_keys():
    with pytest.raises(PldError) as caught:
        load_recipe("smoke", ["zzqq=1"])
    assert str(caught.value) == (
        "recipe smoke: unknown key 'zzqq'; pld-tf recipes keys lists the keys there are."
    )


def test_a_key_like_no_other_in_a_table_brings_the_few_there_are():
    assert_refused(
        ["models.0.zzqq=1"],
        r"'models\.0\.zzqq'; there are dropout, family, size, time_padding, width",
    )


def test_a_file_that_may_not_be_read_is_refused_as_such(tmp_path, monkeypatch):
    path = tmp_path / "mine.toml"
    path.write_text(recipe_text("smoke"))

    def refuse(path: Path, mode: str) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PldError, match=r"mine\.toml can't be read: Permission denied\.$"):
        load_recipe(str(path))


def test_a_missing_key_is_named():
    with pytest.raises(
        PldError, match=r"recipe mine: description is missing\. words is missing\. ladder is"
    ):
        parse_recipe({}, "mine")


def test_several_mistakes_are_told_at_once():
    assert_refused(
        ["temprature=1", "training.batch_size=20"],
        r"unknown key 'temprature'.* training\.batch_size .* got 20",
    )


def test_set_reaches_into_tables_and_lists():
    recipe = load_recipe(
        "smoke",
        [
            "models.0.width=1.5",
            "features.mfcc=10",
            "words.keywords.1=stop",
            "ladder.input_lengths_ms.0=900",
            "teaching.labels = hard",
            'words.ignored=["on", "off"]',
        ],
    )
    assert recipe.models[0].width == 1.5
    assert recipe.features.mfcc == 10
    assert recipe.words.keywords == ["yes", "stop"]
    assert recipe.ladder.input_lengths_ms == [900, 500]
    assert recipe.teaching.labels == "hard"
    assert recipe.words.ignored == ["on", "off"]


def test_the_last_set_of_a_key_counts():
    assert (
        load_recipe(
            "smoke", ["training.batch_size=32", "training.batch_size=48"]
        ).training.batch_size
        == 48
    )


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
        (
            "ladder.input_lengths_ms.0.x=1",
            r"--set ladder\.input_lengths_ms\.0\.x: there is no 'x' in 1000",
        ),
        ("ladder.input_lengths_ms.0.x.y=1", "there is no 'x' in 1000"),
        ("training.batch_size.x=1", "there is no 'x' in 16"),
    ],
)
def test_a_set_that_leads_nowhere_is_refused(override, message):
    assert_refused([override], message)


def test_one_entry_serves_all_rungs():
    recipe = load_recipe("smoke", ["training.epochs=3"])
    assert [recipe.rung_epochs(rung) for rung in (0, 1)] == [3, 3]
    assert recipe.rung_model(1) == recipe.models[0]


def test_each_rung_takes_its_own_entry_where_there_is_one():
    recipe = load_recipe("smoke", ["training.epochs=[3, 4]"])
    assert [recipe.rung_epochs(rung) for rung in (0, 1)] == [3, 4]


def test_one_number_of_networks_leaves_the_last_rung_with_one():
    recipe = load_recipe("smoke", ["ladder.input_lengths_ms=[1000, 800, 500]", "ladder.networks=3"])
    assert [recipe.rung_networks(rung) for rung in (0, 1, 2)] == [3, 3, 1]


def test_each_rung_takes_its_own_number_of_networks_and_share_of_labels():
    recipe = load_recipe("smoke", ["ladder.networks=[4, 1]", "ladder.train_fraction=[1.0, 0.1]"])
    assert [recipe.rung_networks(rung) for rung in (0, 1)] == [4, 1]
    assert [recipe.rung_train_fraction(rung) for rung in (0, 1)] == [1.0, 0.1]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["teaching.labels=stored"],
            "teaching.labels = 'stored' needs crops.per_clip, the number of crops",
        ),
        (
            ["teaching.keep_first_teacher=true", "teaching.teacher_input=clip"],
            "keep_first_teacher needs teacher_input = 'crop' or 'clean_crop': .*; got 'clip'",
        ),
        (
            ["teaching.teacher_input=blend", "ladder.teacher_lengths=fixed"],
            "teacher_input = 'blend' needs ladder.teacher_lengths = 'any': the teacher is given",
        ),
    ],
)
def test_choices_that_do_not_go_together_are_refused_with_the_reason(overrides, message):
    assert_refused(overrides, message)


def test_the_same_choices_go_together_with_what_they_need():
    for overrides in (
        ["teaching.labels=stored", "crops.per_clip=4"],
        ["teaching.keep_first_teacher=true", "teaching.teacher_input=crop"],
        ["teaching.teacher_input=blend", "ladder.teacher_lengths=any"],
    ):
        assert load_recipe("smoke", overrides).training.batch_size == 16


def test_a_teacher_of_any_length_hears_all_lengths_to_come():
    ladder = ["ladder.input_lengths_ms=[1000, 800, 500]"]
    recipe = load_recipe("smoke", [*ladder, "ladder.teacher_lengths=any"])
    assert [recipe.crop_lengths_ms(rung) for rung in (0, 1, 2)] == [
        (1000, 800, 500),
        (800, 500),
        (500,),
    ]
    fixed = load_recipe("smoke", [*ladder, "ladder.teacher_lengths=fixed"])
    assert [fixed.crop_lengths_ms(rung) for rung in (0, 1, 2)] == [(1000,), (800,), (500,)]


def test_a_recipe_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load_recipe("smoke").training.batch_size = 32  # pyright: ignore


def test_ladder_lengths_lie_on_the_grid_of_loudness():
    assert LADDER_GRID_MS == BLOCK_MS


def test_a_recipe_is_read_without_tensorflow():
    code = (
        "import sys, pld_tf.recipe.load as r; r.load_recipe('smoke'); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
