"""`run.json` of a reproduction: the choices and data it was started with."""

import json
from pathlib import Path

from pld_tf.errors import PldError
from pld_tf.recipe.load import parse_recipe
from pld_tf.recipe.schema import Recipe
from pld_tf.run.folder import OTHER_DATA, differences, refuse_occupied, refuse_other_choices
from pld_tf.run.onednn import read_onednn
from pld_tf.system.files import write_json
from pld_tf.system.onednn import is_onednn_on
from pld_tf.system.progress import Say
from pld_tf.system.provenance import package_versions
from pld_tf.system.source_commit import source_commit

CLAIM_FORMAT = 2
KIND = "paper"
# What a reproduction writes beside run.json.
WRITTEN = (
    *("paper.json", "paper.csv", "paper.md", "paper.png", "int8_bytes.json"),
    *("decisions", "rungs", "soft_labels"),
)


def claim(run_dir: Path, *, recipe: Recipe, data_key: str, say: Say) -> None:
    """Claim the folder for this reproduction, or check that it belongs to it.

    Seeds and protocol are not compared: more seeds may be added later.

    Raises:
      PldError: the folder holds another kind of run, or was started with other choices or data.
    """
    path = run_dir / "run.json"
    now = {"commit": source_commit(), "versions": package_versions(), "onednn": is_onednn_on()}
    if not path.exists():
        refuse_occupied(run_dir, WRITTEN)
        begun = {"recipe": recipe.model_dump(mode="json"), "data_key": data_key}
        write_json(path, {"format": CLAIM_FORMAT, "kind": KIND} | begun | now)
        return
    try:
        values = json.loads(path.read_text("utf-8"))
        if values.get("kind") != KIND:
            raise PldError(
                f"{run_dir} holds a run of pld-tf distill, not a reproduction of the paper. Give "
                "another --run-dir."
            )
        if values["format"] != CLAIM_FORMAT:
            raise PldError(
                f"{path} has format {values['format']}; this version reads {CLAIM_FORMAT}."
            )
        earlier = parse_recipe(values["recipe"], str(path))
        changed = [] if values["data_key"] == data_key else [OTHER_DATA]
        begun = values | {"onednn": read_onednn(values)}
        same_code = {key: begun[key] for key in now} == now
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise PldError(
            f"{path} can't be read as a reproduction: {error!r}. Start a new folder."
        ) from error
    refuse_other_choices(run_dir, [*changed, *differences(earlier, recipe)])
    if not same_code:
        say(
            f"{run_dir} was begun with other code (oneDNN, commit or package versions): what is "
            "trained now may differ from what either would give alone."
        )


def is_reproduction(run_dir: Path) -> bool:
    """Whether a run folder is one of `pld-tf reproduce`; False too where that can't be told."""
    try:
        return json.loads((run_dir / "run.json").read_text("utf-8")).get("kind") == KIND
    except (OSError, ValueError, AttributeError, RecursionError):
        return False
