"""Rules under which a crop is drawn plainly."""

from pld_tf.data.batches.draws import CropRules


def rules(**changes) -> CropRules:
    values = {
        "loudest_share": 0.0,
        "jitter": 0,
        "shift": 0,
        "gain_db": 0.0,
        "noise_share": 0.0,
        "noise_volume": 0.0,
        "tempo": 0.0,
        "vocal_tract": 0.0,
        "filter_db": 0.0,
        "time_masks": 0,
        "time_mask_frames": 0,
        "mel_masks": 0,
        "mel_mask_bins": 0,
    }
    return CropRules(**{**values, **changes})
