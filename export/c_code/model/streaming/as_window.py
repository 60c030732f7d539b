"""C that computes a whole window step by step, so that steps are tested as whole windows are."""

import re

_MARK = "#define KWS_MODEL_STEP_FRAMES"
_WHOLE = "int kws_model_whole(const int8_t *input, int8_t *output, void *scratch);\n"
_RUN = """
/* The window as a stream: some frames of its first step may come before it. */
int kws_model_run(const int8_t *input, int8_t *output, void *scratch)
{
    enum {
        FRAME = KWS_MODEL_INPUT_BYTES / KWS_MODEL_STEP_WINDOW,
        STEP = KWS_MODEL_STEP_FRAMES * FRAME,
        STEPS = (KWS_MODEL_STEP_WINDOW + KWS_MODEL_STEP_FRAMES - 1) / KWS_MODEL_STEP_FRAMES
    };
    int8_t *state = (int8_t *)scratch + KWS_MODEL_STEP_SCRATCH_BYTES;
    int8_t *frames = state + KWS_MODEL_STATE_BYTES;
    int status = kws_model_reset(state);
    for (int step = 0; step < STEPS && status == KWS_MODEL_OK; step++) {
        for (int i = 0; i < STEP; i++) {
            int at = KWS_MODEL_INPUT_BYTES - (STEPS - step) * STEP + i;
            frames[i] = at < 0 ? 0 : input[at];
        }
        status = kws_model_step(frames, output, state, scratch);
    }
    return status;
}
"""


def as_window(header: str, source: str) -> tuple[str, str] | None:
    """kws_model.h and kws_model.c with a kws_model_run of steps; None for a model without steps.

    Args:
      header: kws_model.h.
      source: kws_model.c.
    """
    if _MARK not in header:
        return None
    needed = (
        "(KWS_MODEL_STEP_SCRATCH_BYTES + KWS_MODEL_STATE_BYTES + \\\\\n"
        "    KWS_MODEL_STEP_FRAMES * KWS_MODEL_INPUT_BYTES / KWS_MODEL_STEP_WINDOW)"
    )
    scratch = r"(#define KWS_MODEL_SCRATCH_BYTES) \d+"
    changed = re.sub(scratch, rf"\1 {needed}", header)
    changed = changed.replace("int kws_model_run(", f"{_WHOLE}int kws_model_run(", 1)
    return changed, source.replace("int kws_model_run(", "int kws_model_whole(", 1) + _RUN
