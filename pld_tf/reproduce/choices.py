"""The choices that the paper leaves open, and what the recipe chose, in words."""

from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import PROTOCOLS, CropChoices, ModelChoice, TrainingChoices

_PLACED = {
    "crop": "the crop as it is",
    "clean_crop": "the crop without noise and room",
    "padded_crop": "the crop between zeros, as long as its own input",
    "clip": "as much of the clip around the crop as its own input holds",
    "blend": "the crop and the clip around it, blended by how much of the word the crop holds",
}
_LENGTHS = {
    "fixed": "of its own length alone",
    "any": "of its own length and of all that come after",
}

_AUGMENTING = "augment, crops.echo_epochs"


def open_choices(recipe: Recipe, *, parameters: int, clips: int) -> list[dict[str, str]]:
    """Each choice the paper leaves open: `open`, `here`, and the recipe `keys` that change it.

    Args:
      recipe: of the reproduction.
      parameters: number in its network.
      clips: number on the test list.
    """
    rows = (
        ("network", _network(recipe.models[0], parameters), "models.0"),
        ("data version, classes", _classes(recipe, clips), "words"),
        ("features", _features(recipe), "features"),
        (
            "soft or hard labels in the tables",
            _labels(recipe),
            "teaching.labels, teaching.temperature, teaching.hard_weight",
        ),
        (
            "how a teacher takes a shorter crop",
            _PLACED[recipe.teaching.teacher_input],
            "teaching.teacher_input",
        ),
        (
            "crops a teacher is trained on",
            _LENGTHS[recipe.ladder.teacher_lengths],
            "ladder.teacher_lengths",
        ),
        ("crops per clip", _crops_per_clip(recipe), "crops.per_clip"),
        ("where training crops lie", _placing(recipe.crops), "crops.loudest_share, crops.shift_ms"),
        ("augmentation", _augmentation(recipe), _AUGMENTING),
        ("optimiser", _optimizer(recipe.training), "training"),
        (
            "epochs of a network",
            _epochs(recipe),
            "training.epochs, training.patience, training.validation_protocol",
        ),
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
    words = recipe.words
    return (
        f"{', '.join(words.keywords)}, unknown ({words.unknown:g} keywords' worth), silence "
        f"({words.silence:g}); {clips} test clips"
    )


def _features(recipe: Recipe) -> str:
    spec = recipe.features
    kind = f"{spec.mfcc} MFCC" if spec.mfcc else f"{spec.mel_bins} log-mel bins"
    return f"{kind}, {spec.window_ms} ms every {spec.hop_ms} ms, {spec.sample_rate_hz} Hz"


def _labels(recipe: Recipe) -> str:
    own = f"{recipe.teaching.hard_weight:.0%} of the loss from the corpus' own labels"
    if recipe.teaching.labels == "hard":
        return f"hard (the teacher's first choice), {own}"
    return f"soft ({recipe.teaching.labels}), temperature {recipe.teaching.temperature:g}, {own}"


def _crops_per_clip(recipe: Recipe) -> str:
    return (
        f"{recipe.crops.per_clip}, the same ones again"
        if recipe.crops.per_clip
        else "a fresh one in each epoch"
    )


def _placing(crops: CropChoices) -> str:
    shifted = f", clips shifted by up to {crops.shift_ms} ms" if crops.shift_ms else ""
    if not crops.loudest_share:
        return f"anywhere in the clip{shifted}"
    return (
        f"{crops.loudest_share:.0%} at the loudest part (give or take "
        f"{crops.loudest_jitter_ms} ms), else anywhere{shifted}"
    )


def _augmentation(recipe: Recipe) -> str:
    augment, epochs = recipe.augment, recipe.crops.echo_epochs
    kept = f", both kept for {epochs} epochs" if epochs > 1 else ""
    return (
        f"gain within {augment.gain_db:g} dB, noise on {augment.noise_share:.0%} of crops{kept}, "
        f"{augment.time_masks} + {augment.mel_masks} SpecAugment masks"
    )


def _optimizer(training: TrainingChoices) -> str:
    return (
        f"{training.optimizer}, learning rate {training.learning_rate:g}, {training.schedule}, "
        f"batch {training.batch_size}"
    )


def _epochs(recipe: Recipe) -> str:
    return (
        f"{recipe.training.epochs[0]}, the best one by validation accuracy "
        f"({recipe.training.validation_protocol} crops)"
    )
