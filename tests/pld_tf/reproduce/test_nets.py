"""Which networks are trained; no TensorFlow."""

import pytest

from pld_tf.errors import PldError
from pld_tf.recipe.load import changed, load_recipe
from pld_tf.recipe.schema import Recipe
from pld_tf.reproduce import nets, paper


def named(recipe: Recipe) -> list[str]:
    """Every net once, in the order of training."""
    climbs = nets.climbs(recipe, [*paper.LADDERS, *paper.DIRECT])
    return list(dict.fromkeys(net.name for climb in climbs for net in climb))


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return load_recipe("paper")


def test_the_papers_tables_need_24_trainings_and_the_baselines_three_more(recipe):
    names = named(recipe)
    taught = [name for name in names if name.startswith("1000")]
    assert len(taught) == 24
    assert names[24:] == ["hard-500-0-loudest", "hard-500-1-loudest", "padded-1000", "any-length"]


def test_without_sharing_they_would_need_32():
    assert 1 + sum(map(len, paper.LADDERS)) == 32


def test_the_figures_of_the_paper_agree_where_ladders_share_a_first_step():
    first = {next(iter(ladder.items())) for ladder in (*paper.LADDERS, *paper.DIRECT)}
    assert first == {(900, 94.91), (800, 93.81), (700, 92.58), (600, 90.12), (500, 85.82)}


def test_every_ladder_falls_to_the_target(recipe):
    for ladder in paper.LADDERS:
        climbed = nets.ladder_nets(recipe, ladder)
        assert climbed[0].tested_ms == paper.SOURCE_MS
        assert climbed[-1].tested_ms == paper.TARGET_MS
        assert [net.rung for net in climbed] == list(range(len(ladder) + 1))


def test_nets_of_one_name_are_trained_alike(recipe):
    """Same lengths below, same lengths heard at each rung: all that a ladder decides."""
    for teachers in ("fixed", "any"):
        given = changed(recipe, {"ladder": {"teacher_lengths": teachers}})
        made_of: dict[str, tuple] = {}
        for ladder in (*paper.LADDERS, *paper.DIRECT):
            for net in nets.ladder_nets(given, ladder):
                heard = tuple(net.recipe.crop_lengths_ms(rung) for rung in range(net.rung + 1))
                assert made_of.setdefault(net.name, heard) == heard
        assert len(set(made_of.values())) == len(made_of)


def test_baselines_train_on_hard_labels_with_the_recipes_epochs(recipe):
    for baseline in nets.baselines(recipe):
        net = baseline.net
        assert net.rung == 0  # rung 0 has no teacher
        assert net.tested_ms == paper.TARGET_MS
        assert net.recipe.rung_epochs(0) == recipe.rung_epochs(0)
        assert net.recipe.rung_model(0) == recipe.rung_model(0)


def test_the_baselines_differ_in_what_their_nets_hear(recipe):
    by_title = {each.title: each.net for each in nets.baselines(recipe)}
    assert [
        (title, net.recipe.crop_lengths_ms(0), net.recipe.crops.loudest_share, net.input_ms)
        for title, net in by_title.items()
    ] == [
        ("hard labels on random crops", (500,), 0.0, 500),
        ("hard labels on the loudest crop", (500,), 1.0, 500),
        ("the 1000 ms net on a zero-padded crop", (1000,), 0.0, 1000),
        ("the any-length net directly", (1000, 500), 0.0, 500),
    ]


def test_the_first_baseline_has_the_ladders_own_crops():
    recipe = load_recipe("paper", ["crops.loudest_share=0.3"])
    titles = [baseline.title for baseline in nets.baselines(recipe)]
    assert titles[:3] == [
        "hard labels on crops of which 30% are the loudest",
        "hard labels on random crops",
        "hard labels on the loudest crop",
    ]
    assert nets.baselines(recipe)[0].net.recipe.crops.loudest_share == 0.3


def test_teachers_of_any_length_are_shared_by_no_two_ladders():
    recipe = load_recipe("paper", ["ladder.teacher_lengths=any"])
    names = named(recipe)
    assert {"1000+800+500", "1000-800+500", "1000-800-500", "1000+800", "1000-800"} <= set(names)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "ladder.input_lengths_ms=[1000, 500]",
            r"input_lengths_ms .* can't be set, got \[1000, 500\]",
        ),
        ("training.epochs=[6, 5, 4, 3, 2, 1]", "epochs must hold 1 entry .* got 6"),
        ("ladder.networks=3", "networks must be 1 .* got 3"),
    ],
)
def test_a_recipe_whose_rungs_differ_is_refused(override, message):
    with pytest.raises(PldError, match=message):
        nets.check(load_recipe("paper", [override]))


def test_the_shipped_recipe_is_accepted_and_is_the_literal_method(recipe):
    nets.check(recipe)
    assert (recipe.teaching.hard_weight, recipe.teaching.teacher_input) == (0.0, "padded_crop")
    assert recipe.ladder.teacher_lengths == "fixed"
    assert (recipe.crops.loudest_share, recipe.crops.shift_ms) == (0.0, 0)
