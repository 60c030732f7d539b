"""Which networks a reproduction trains, from which recipe, and on what each is tested."""

from collections.abc import Iterable
from dataclasses import dataclass

from pld_tf.errors import PldError
from pld_tf.recipe.load import parse_recipe
from pld_tf.recipe.schema import Recipe
from pld_tf.reproduce import paper

# The nets of one ladder, first rung first.
Climb = tuple["Net", ...]


@dataclass(frozen=True, kw_only=True)
class Net:
    """A rung of a ladder, and how it is tested.

    Attributes:
      name: unique in a reproduction, and the same for a rung that ladders share.
      recipe: of the ladder that trains it.
      rung: its place there.
      tested_ms: length of the test crops.
      heard_ms: what it hears; where that is longer, the crop lies between zeros.
    """

    name: str
    recipe: Recipe
    rung: int
    tested_ms: int
    heard_ms: int


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """A network that learns from no teacher: what the paper's tables lack."""

    title: str
    net: Net


def check(recipe: Recipe) -> None:
    """Refuse a recipe whose rungs differ: then ladders of several depths could not be compared.

    Raises:
      PldError: `ladder_ms` was changed, or there is more than one network or number of epochs.
    """
    if (lengths := tuple(recipe.ladder_ms)) != _lengths_ms(paper.LADDERS[-1]):
        raise PldError(
            "ladder_ms is what reproduce paper varies and can't be set, got "
            f"{list(lengths)}; pld-tf distill climbs a ladder of your own."
        )
    for key in ("models", "epochs", "train_fraction", "networks"):
        if len(value := getattr(recipe, key)) != 1:
            raise PldError(
                f"{key} must hold 1 entry for all networks of the tables, got {len(value)}; rungs "
                "of different make could not be compared."
            )
    if recipe.networks != [1]:
        raise PldError(
            f"networks must be 1 for reproduce paper, got {recipe.networks[0]}: the tables have "
            "one network at each rung."
        )


def ladder_nets(recipe: Recipe, ladder: Iterable[int]) -> Climb:
    """The networks of a ladder of the paper, the 1000 ms teacher first.

    Args:
      recipe: of the reproduction.
      ladder: lengths below 1000 ms, falling.
    """
    lengths_ms = _lengths_ms(ladder)
    changed = _changed(recipe, ladder_ms=list(lengths_ms))
    return tuple(
        Net(
            name=_name(changed, rung),
            recipe=changed,
            rung=rung,
            tested_ms=length_ms,
            heard_ms=length_ms,
        )
        for rung, length_ms in enumerate(lengths_ms)
    )


def baselines(recipe: Recipe) -> tuple[Baseline, ...]:
    """Hard labels alone, at 500 ms; the first one on the very crops that the ladders learn from."""
    shares = dict.fromkeys((recipe.loudest_share, 0.0, 1.0))
    source, target = paper.SOURCE_MS, paper.TARGET_MS
    # Nothing is taught here: what a teacher would hear must only agree with its lengths.
    untaught = _changed(recipe, teacher_hears="crop")
    teacher = _changed(untaught, ladder_ms=[source], teacher_lengths="fixed")
    any_length = _changed(untaught, ladder_ms=[source, target], teacher_lengths="any")
    return (
        *(_hard_labels(recipe, share) for share in shares),
        Baseline(
            title=f"the {source} ms net on a zero-padded crop",
            net=Net(
                name=f"padded-{source}", recipe=teacher, rung=0, tested_ms=target, heard_ms=source
            ),
        ),
        Baseline(
            title="the any-length net directly",
            net=Net(
                name="any-length", recipe=any_length, rung=0, tested_ms=target, heard_ms=target
            ),
        ),
    )


def climbs(recipe: Recipe, ladders: Iterable[Iterable[int]]) -> list[Climb]:
    """Every ladder and baseline, in the order of training; shared rungs come up in each."""
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
        recipe=_changed(recipe, ladder_ms=[target], loudest_share=share),
        rung=0,
        tested_ms=target,
        heard_ms=target,
    )
    return Baseline(title=f"hard labels on {crops}", net=net)


def _name(recipe: Recipe, rung: int) -> str:
    """Lengths of the teachers and of the net itself; with + those that it hears besides.

    What a rung hears besides its own length tells the rest of its ladder, so that rungs of one
    name are trained alike whatever the recipe says of teachers' lengths.
    """
    heard = "+".join(str(length_ms) for length_ms in recipe.heard_ms(rung))
    return "-".join([*(str(length_ms) for length_ms in recipe.ladder_ms[:rung]), heard])


def _lengths_ms(ladder: Iterable[int]) -> tuple[int, ...]:
    return (paper.SOURCE_MS, *ladder)


def _changed(recipe: Recipe, **changes: object) -> Recipe:
    return parse_recipe(recipe.model_dump(mode="json") | changes, "paper")
