"""The networks of a reproduction: the recipe of each, and the crops it is tested on."""

from collections.abc import Iterable
from dataclasses import dataclass

from pld_tf.errors import PldError
from pld_tf.recipe.load import changed
from pld_tf.recipe.schema import Recipe
from pld_tf.reproduce import paper

# The nets of one ladder, first rung first.
Climb = tuple["Net", ...]


@dataclass(frozen=True, kw_only=True)
class Net:
    """A rung of a ladder, and how it is tested.

    Attributes:
      name: unique in a reproduction; ladders that share a rung share its name.
      recipe: of the ladder that trains it.
      rung: its number in that ladder.
      tested_ms: length of the test crops.
      input_ms: length of its input; if it is longer, the crop lies between zeros.
    """

    name: str
    recipe: Recipe
    rung: int
    tested_ms: int
    input_ms: int


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A network without a teacher. The paper's tables lack these."""

    title: str
    net: Net


def check(recipe: Recipe) -> None:
    """Refuse a recipe whose rungs differ, because its ladders could not be compared.

    Raises:
      PldError: the input lengths were changed, or rungs have other networks or epochs.
    """
    if (lengths := tuple(recipe.lengths_ms)) != _lengths_ms(paper.LADDERS[-1]):
        raise PldError(
            "ladder.input_lengths_ms is what reproduce paper varies and can't be set, got "
            f"{list(lengths)}; pld-tf distill climbs a ladder of your own."
        )
    for key, values in (
        ("models", recipe.models),
        ("training.epochs", recipe.training.epochs),
        ("ladder.train_fraction", recipe.ladder.train_fraction),
        ("ladder.networks", recipe.ladder.networks),
    ):
        if len(values) != 1:
            raise PldError(
                f"{key} must hold 1 entry for all networks of the tables, got {len(values)}; rungs "
                "of different make could not be compared."
            )
    if recipe.ladder.networks != [1]:
        raise PldError(
            f"ladder.networks must be 1 for reproduce paper, got {recipe.ladder.networks[0]}: the "
            "tables have one network at each rung."
        )


def ladder_nets(recipe: Recipe, ladder: Iterable[int]) -> Climb:
    """The networks of a ladder of the paper, the 1000 ms teacher first.

    Args:
      recipe: of the reproduction.
      ladder: lengths below 1000 ms, falling.
    """
    lengths_ms = _lengths_ms(ladder)
    of_ladder = changed(recipe, {"ladder": {"input_lengths_ms": list(lengths_ms)}})
    return tuple(
        Net(
            name=_name(of_ladder, rung),
            recipe=of_ladder,
            rung=rung,
            tested_ms=length_ms,
            input_ms=length_ms,
        )
        for rung, length_ms in enumerate(lengths_ms)
    )


def baselines(recipe: Recipe) -> tuple[Baseline, ...]:
    """Networks on hard labels alone, at 500 ms; the first uses the same crops as the ladders."""
    shares = dict.fromkeys((recipe.crops.loudest_share, 0.0, 1.0))
    source, target = paper.SOURCE_MS, paper.TARGET_MS
    # There is no teacher, but the recipe's checks need a teacher input that fits the lengths.
    untaught = {"teaching": {"teacher_input": "crop"}}
    alone = {"input_lengths_ms": [source], "teacher_lengths": "fixed"}
    both = {"input_lengths_ms": [source, target], "teacher_lengths": "any"}
    teacher = changed(recipe, untaught | {"ladder": alone})
    any_length = changed(recipe, untaught | {"ladder": both})
    return (
        *(_hard_labels(recipe, share) for share in shares),
        Baseline(
            title=f"the {source} ms net on a zero-padded crop",
            net=Net(
                name=f"padded-{source}", recipe=teacher, rung=0, tested_ms=target, input_ms=source
            ),
        ),
        Baseline(
            title="the any-length net directly",
            net=Net(
                name="any-length", recipe=any_length, rung=0, tested_ms=target, input_ms=target
            ),
        ),
    )


def climbs(recipe: Recipe, ladders: Iterable[Iterable[int]]) -> list[Climb]:
    """Every ladder and baseline, in the order of training; each includes its shared rungs."""
    return [
        *(ladder_nets(recipe, ladder) for ladder in ladders),
        *((baseline.net,) for baseline in baselines(recipe)),
    ]


def _hard_labels(recipe: Recipe, share: float) -> Baseline:
    places = {0.0: "random crops", 1.0: "the loudest crop"}
    crops = places.get(share, f"crops of which {share:.0%} are the loudest")
    target = paper.TARGET_MS
    net = Net(
        name=f"hard-{target}-{share:g}-loudest",
        recipe=changed(
            recipe, {"ladder": {"input_lengths_ms": [target]}, "crops": {"loudest_share": share}}
        ),
        rung=0,
        tested_ms=target,
        input_ms=target,
    )
    return Baseline(title=f"hard labels on {crops}", net=net)


def _name(recipe: Recipe, rung: int) -> str:
    """Lengths of the teachers and of the net itself; + joins all lengths it is trained on.

    The name gives everything that its training depends on. So rungs of the same name are trained
    alike, whatever the recipe's `teacher_lengths`.
    """
    own = "+".join(str(length_ms) for length_ms in recipe.crop_lengths_ms(rung))
    return "-".join([*map(str, recipe.lengths_ms[:rung]), own])


def _lengths_ms(ladder: Iterable[int]) -> tuple[int, ...]:
    return (paper.SOURCE_MS, *ladder)
