"""Choices under which crops are cut plainly; tests change what they are about."""

from dataclasses import replace
from typing import Any

from pld_tf.data.batches.training_data import TrainingData
from pld_tf.recipe.tables import AugmentChoices, CropChoices

PLAIN_CROPS = CropChoices(loudest_share=0.0, loudest_jitter_ms=0, shift_ms=0)
PLAIN_AUGMENT = AugmentChoices(
    gain_db=0.0,
    noise_share=0.0,
    noise_volume=0.0,
    time_masks=0,
    time_mask_frames=0,
    mel_masks=0,
    mel_mask_bins=0,
)


def plainly(**changes: Any) -> dict[str, Any]:
    """`crops` and `augment` of a `TrainingData`, with some keys changed."""
    of_crops = {key: changes[key] for key in changes if key in CropChoices.model_fields}
    of_augment = {key: changes[key] for key in changes if key not in of_crops}
    return {
        "crops": CropChoices(**(PLAIN_CROPS.model_dump() | of_crops)),
        "augment": AugmentChoices(**(PLAIN_AUGMENT.model_dump() | of_augment)),
    }


def with_crops(data: TrainingData, **changes: Any) -> TrainingData:
    return replace(data, crops=data.crops.model_copy(update=changes))
