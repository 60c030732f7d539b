"""The contents of a rung's model bundle: crops to quantize with, to measure and to compare."""

import numpy as np

from pld_tf.data.batches.pipeline import training_batches
from pld_tf.data.batches.training_data import TrainingData
from pld_tf.data.corpus.classes import IGNORED, Classes, find_classes
from pld_tf.data.held_out import held_out
from pld_tf.data.negatives.taught import TaughtNegatives
from pld_tf.data.store.loudness import BLOCK_MS, word_levels_db
from pld_tf.data.store.pack import Store
from pld_tf.distill.ladder import RungResult
from pld_tf.distill.validation import student_validation
from pld_tf.features.tables import make_tables
from pld_tf.model_bundle.write import BundleContents
from pld_tf.recipe.schema import Recipe
from pld_tf.system.provenance import package_versions
from pld_tf.system.source_commit import source_commit

REPRESENTATIVE_CROPS = 512
GOLDEN_CROPS = 16
# A device meets varying gain and noise, but never masked bands or synthetic voices.
_AS_RECORDED = {
    "time_masks": 0,
    "mel_masks": 0,
    "tempo": 0.0,
    "vocal_tract": 0.0,
    "filter_db": 0.0,
}


def bundle_contents(
    *,
    recipe: Recipe,
    recipe_name: str,
    seed: int,
    store: Store,
    rung: RungResult,
    excluded: frozenset[str] = frozenset(),
) -> BundleContents:
    """Everything in the bundle beside the model, for the input length of `rung`.

    `excluded` are the clips left out of `store`.
    """
    classes = find_classes(recipe.words, store.words)
    clips = held_out(store, classes, "validation")
    validation = student_validation(recipe, clips, rung.length_ms)
    starts = clips.starts_ms(recipe.training.validation_protocol, rung.length_ms)
    crops = len(validation.labels)
    golden = np.linspace(0, crops - 1, min(GOLDEN_CROPS, crops)).astype(int)
    return BundleContents(
        recipe_name=recipe_name,
        recipe=recipe.model_dump(mode="json"),
        seed=seed,
        data_key=store.key,
        word_level_db=trained_level_db(store, classes),
        excluded=tuple(sorted(excluded)),
        rung=rung.number,
        length_ms=rung.length_ms,
        commit=source_commit(),
        versions=package_versions(),
        spec=recipe.features,
        labels=classes.names,
        num_keywords=len(recipe.words.keywords),
        tables=make_tables(recipe.features).arrays(),
        representative=_representative(recipe, seed, store, classes, rung.length_ms),
        validation_features=validation.features[..., 0],
        validation_labels=validation.labels,
        golden_audio=clips.some_crops(starts, rung.length_ms, golden),
        golden_features=validation.features[golden, ..., 0],
    )


def trained_level_db(store: Store, classes: Classes) -> float:
    """Median level of the words that are trained on, in dB of full scale, to 0.1 dB."""
    index = store.splits["train"]
    is_trained = classes.of_word[index.words] != IGNORED
    block_samples = store.sample_rate_hz * BLOCK_MS // 1000
    return round(float(np.median(word_levels_db(index.energies[is_trained], block_samples))), 1)


def _representative(
    recipe: Recipe, seed: int, store: Store, classes: Classes, length_ms: int
) -> np.ndarray:
    """Training crops with their gain and noise, but without masks, which a device never meets."""
    data = TrainingData(
        store=store,
        classes=classes,
        spec=recipe.features,
        crops=recipe.crops.model_copy(update={"per_clip": 0, "echo_epochs": 1}),
        augment=recipe.augment.model_copy(update=_AS_RECORDED),
        lengths_ms=(length_ms,),
        batch=recipe.training.batch_size,
        seed=seed,
        negatives=TaughtNegatives.of(store, recipe.negatives),
    )
    batches = training_batches(data, first_epoch=0, epochs=1)
    enough = batches.take(-(-REPRESENTATIVE_CROPS // recipe.training.batch_size))
    return np.concatenate([batch["features"].numpy()[..., 0] for batch in enough])
