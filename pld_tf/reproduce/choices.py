"""What the paper leaves open, and what a recipe chose, in words."""

from pld_tf.recipe.schema import PROTOCOLS, ModelChoice, Recipe

_PLACED = {
    "crop": "the crop as it is",
    "padded_crop": "the crop between zeros, as long as its own input",
    "clip": "as much of the clip around the crop as its own input holds",
    "blend": "the crop and the clip around it, blended by how much of the word the crop holds",
}
_LENGTHS = {
    "fixed": "of its own length alone",
    "any": "of its own length and of all that come after",
}

_AUGMENTING = ("gain_db", "noise_share", "echo_epochs", "time_masks", "mel_masks")


def open_choices(recipe: Recipe, *, parameters: int, clips: int) -> list[dict[str, str]]:
    """Each choice the paper leaves open: `open`, `here`, and the recipe `keys` that change it.

    Args:
      recipe: of the reproduction.
      parameters: of its network.
      clips: on the test list.
    """
    rows = (
        ("network", _network(recipe.models[0], parameters), "models.0"),
        ("data version, classes", _classes(recipe, clips), "keywords, ignored_words, unknown"),
        ("features", _features(recipe), "features"),
        ("soft or hard labels in the tables", _labels(recipe), "labels, temperature, hard_weight"),
        ("how a teacher takes a shorter crop", _PLACED[recipe.teacher_hears], "teacher_hears"),
        ("crops a teacher is trained on", _LENGTHS[recipe.teacher_lengths], "teacher_lengths"),
        ("crops per clip", _crops_per_clip(recipe), "crops_per_clip"),
        ("where training crops lie", _placing(recipe), "loudest_share, shift_ms"),
        ("augmentation", _augmentation(recipe), ", ".join(_AUGMENTING)),
        ("optimiser", _optimizer(recipe), "optimizer, learning_rate, schedule, batch"),
        ("epochs of a network", _epochs(recipe), "epochs, patience, validation_protocol"),
        ("where test crops lie", f"four protocols: {', '.join(PROTOCOLS)}", "--protocol"),
        ("seeds", "intervals are over seeds and clips", "--seeds"),
    )
    return [{"open": left, "here": here, "keys": keys} for left, here, keys in rows]


def _network(model: ModelChoice, parameters: int) -> str:
    return (
        f"{model.family} {model.size}, width {model.width:g}, dropout {model.dropout:g}: "
        f"{parameters:,} parameters at every length"
    )


def _classes(recipe: Recipe, clips: int) -> str:
    return (
        f"{', '.join(recipe.keywords)}, unknown ({recipe.unknown:g} keywords' worth), silence "
        f"({recipe.silence:g}); {clips} test clips"
    )


def _features(recipe: Recipe) -> str:
    spec = recipe.features
    kind = f"{spec.mfcc} MFCC" if spec.mfcc else f"{spec.mel_bins} log-mel bins"
    return f"{kind}, {spec.window_ms} ms every {spec.hop_ms} ms, {spec.sample_rate_hz} Hz"


def _labels(recipe: Recipe) -> str:
    own = f"{recipe.hard_weight:.0%} of the loss from the corpus' own labels"
    if recipe.labels == "hard":
        return f"hard (the teacher's first choice), {own}"
    return f"soft ({recipe.labels}), temperature {recipe.temperature:g}, {own}"


def _crops_per_clip(recipe: Recipe) -> str:
    return (
        f"{recipe.crops_per_clip}, the same ones again"
        if recipe.crops_per_clip
        else "a fresh one in each epoch"
    )


def _placing(recipe: Recipe) -> str:
    shifted = f", clips shifted by up to {recipe.shift_ms} ms" if recipe.shift_ms else ""
    if not recipe.loudest_share:
        return f"anywhere in the clip{shifted}"
    return (
        f"{recipe.loudest_share:.0%} at the loudest part (give or take "
        f"{recipe.loudest_jitter_ms} ms), else anywhere{shifted}"
    )


def _augmentation(recipe: Recipe) -> str:
    kept = f", both kept for {recipe.echo_epochs} epochs" if recipe.echo_epochs > 1 else ""
    return (
        f"gain within {recipe.gain_db:g} dB, noise on {recipe.noise_share:.0%} of crops{kept}, "
        f"{recipe.time_masks} + {recipe.mel_masks} SpecAugment masks"
    )


def _optimizer(recipe: Recipe) -> str:
    return (
        f"{recipe.optimizer}, learning rate {recipe.learning_rate:g}, {recipe.schedule}, batch "
        f"{recipe.batch}"
    )


def _epochs(recipe: Recipe) -> str:
    return (
        f"{recipe.epochs[0]}, the best one by validation accuracy "
        f"({recipe.validation_protocol} crops)"
    )
