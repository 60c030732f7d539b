"""What each key of a recipe affects."""

from pld_tf.recipe.schema import Finish

# They leave the rungs as they are: what they decide lies in folders of its own.
FINISH_KEYS = (
    *("finish", "finish_epochs", "finish_learning_rate", "finish_teacher"),
    *("prune_sparsity", "cluster_count"),
)
# Finishing may be asked for later: each way has a folder that knows its own choices.
CHANGE_NO_WEIGHT = ("description", "device", *FINISH_KEYS)
# Keys that say how a teacher's labels are used: rung 0 does not depend on them.
TEACHER_KEYS = (
    *("labels", "temperature", "hard_weight", "hard_finish_epochs", "embedding_weight"),
    *("teacher_hears", "ensemble", "teach_unlabelled"),
)
# Keys that a rung's own length, model, epochs and teachers stand for, and those that change no
# weight.
LADDER_KEYS = (
    *("description", "device", "ladder_ms", "models", "epochs", "teacher_lengths", "networks"),
    *("train_fraction", "keep_first_teacher"),
    *FINISH_KEYS,
)
# Keys that came later, and their values that change nothing.
LATER_KEYS = {"echo_epochs": 1, "filter_db": 0.0}
# Each way's own key of the recipe, beside those that all ways have.
KEYS_OF_FINISH: dict[Finish, tuple[str, ...]] = {
    "qat_distilled": ("finish_teacher",),
    "pruned": ("prune_sparsity",),
    "clustered": ("cluster_count",),
}
