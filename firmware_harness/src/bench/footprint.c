/* footprint.c - the smallest program with start-up code, front end and model: its size is reported.
 *
 * A model with a step for streams runs in steps.
 * Where audio comes from and what is done with scores is the product's: a volatile each here.
 */
#include <stdint.h>

#include "kws_model.h"
#ifdef BENCH_FRONTEND
#include "kws_feature_spec.h"
#include "kws_frontend.h"

static struct kws_frontend frontend;
#endif

#define ALIGNED __attribute__((aligned(KWS_MODEL_SCRATCH_ALIGN)))

static ALIGNED int8_t output[KWS_MODEL_OUTPUT_BYTES];
#ifdef KWS_MODEL_STEP_FRAMES
enum { FRAME_BYTES = KWS_MODEL_INPUT_BYTES / KWS_MODEL_STEP_WINDOW };
static ALIGNED int8_t input[KWS_MODEL_STEP_FRAMES * FRAME_BYTES];
static ALIGNED uint8_t scratch[KWS_MODEL_STEP_SCRATCH_BYTES + 1];
static int8_t state[KWS_MODEL_STATE_BYTES];
#else
static ALIGNED int8_t input[KWS_MODEL_INPUT_BYTES];
static ALIGNED uint8_t scratch[KWS_MODEL_SCRATCH_BYTES + 1];
#endif
static volatile int16_t microphone;
static volatile int8_t score;

int main(void)
{
#ifdef BENCH_FRONTEND
    kws_frontend_init(&frontend);
#endif
    for (;;) {
#ifdef BENCH_FRONTEND
        int16_t sample = microphone;
        int ready = 0;
        (void)kws_frontend_push(&frontend, &sample, 1, input, &ready);
        if (!ready) continue;
#else
        input[0] = (int8_t)microphone;
#endif
#ifdef KWS_MODEL_STEP_FRAMES
        (void)kws_model_step(input, output, state, scratch);
#else
        (void)kws_model_run(input, output, scratch);
#endif
        score = output[0];
    }
}
