/* bench_main.c - runs the model on stored inputs and the front end on stored audio, and counts.
 *
 * Writes every output and feature byte, then one line: key=value, separated by spaces. Ticks are in
 * the unit of bench_ticks(). With KWS_MODEL_PROFILE the model tells when each layer is done.
 */
#include "bench_port.h"
#include "kws_model.h"
#ifdef BENCH_FRONTEND
#include "kws_feature_spec.h"
#include "kws_frontend.h"
#endif

#define ALIGNED __attribute__((aligned(KWS_MODEL_SCRATCH_ALIGN)))

/* What lies behind a block and must stay as it is. */
#define GUARD_BYTES 16
#define GUARD 0x5A

static ALIGNED int8_t input[KWS_MODEL_INPUT_BYTES];
static ALIGNED int8_t output[KWS_MODEL_OUTPUT_BYTES + GUARD_BYTES];
static ALIGNED int8_t scratch[KWS_MODEL_SCRATCH_BYTES + GUARD_BYTES];
static int model_errors;
static int overruns; /* runs that wrote beyond the output or the scratch */
static uint32_t tick_cost; /* of reading the counter, part of each difference */

static uint32_t ticks_since(uint32_t start, uint32_t cost)
{
    uint32_t ticks = bench_ticks() - start;
    return ticks > cost ? ticks - cost : 0;
}

#ifdef KWS_MODEL_PROFILE
static uint64_t layer_ticks[KWS_MODEL_NUM_LAYERS];
static uint32_t layer_start;
static uint32_t layer_cost; /* of telling that a layer is done */

void kws_model_layer_done(int layer)
{
    layer_ticks[layer] += ticks_since(layer_start, layer_cost);
    layer_start = bench_ticks();
}

/* An empty layer takes what telling costs. */
static void start_layers(void)
{
    layer_cost = 0;
    layer_start = bench_ticks();
    kws_model_layer_done(0);
    layer_ticks[0] = 0;
    kws_model_layer_done(0);
    layer_cost = (uint32_t)layer_ticks[0];
    for (int i = 0; i < KWS_MODEL_NUM_LAYERS; i++) layer_ticks[i] = 0;
}
#endif

static void put_text(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') length++;
    bench_write(BENCH_RESULT, text, length);
}

static void put(const char *key, uint64_t value)
{
    char digits[20]; /* 2^64 has 20 */
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put_text(key);
    put_text("=");
    bench_write(BENCH_RESULT, digits + first, sizeof digits - first);
    put_text(" ");
}

static void run_model(void)
{
    int status = kws_model_run(input, output, scratch);
    if (status != KWS_MODEL_OK) model_errors++;
}

static void set_guard(int8_t *bytes)
{
    for (int i = 0; i < GUARD_BYTES; i++) bytes[i] = GUARD;
}

static int is_overrun(const int8_t *bytes)
{
    int changed = 0;
    for (int i = 0; i < GUARD_BYTES; i++) changed |= bytes[i] != GUARD;
    return changed;
}

static void check_guards(void)
{
    overruns += is_overrun(output + KWS_MODEL_OUTPUT_BYTES);
    overruns += is_overrun(scratch + KWS_MODEL_SCRATCH_BYTES);
}

#ifdef KWS_MODEL_STEP_FRAMES
enum {
    WINDOW = KWS_MODEL_INPUT_BYTES,
    FRAME_BYTES = WINDOW / KWS_MODEL_STEP_WINDOW,
    STEP_BYTES = KWS_MODEL_STEP_FRAMES * FRAME_BYTES,
    STEPS = (KWS_MODEL_STEP_WINDOW + KWS_MODEL_STEP_FRAMES - 1) / KWS_MODEL_STEP_FRAMES,
    STEPPED_INPUTS = 20 /* so many are given in steps, too */
};
static int8_t state[KWS_MODEL_STATE_BYTES + GUARD_BYTES];
static int8_t step_frames[STEP_BYTES];
static int8_t step_output[KWS_MODEL_OUTPUT_BYTES + GUARD_BYTES];
static ALIGNED int8_t step_scratch[KWS_MODEL_STEP_SCRATCH_BYTES + GUARD_BYTES];
static uint64_t step_ticks;
static uint32_t steps, unlike_steps, step_stack;

static void run_step(void)
{
    if (kws_model_step(step_frames, step_output, state, step_scratch) != KWS_MODEL_OK)
        model_errors++;
}

/* The window as a stream: in its first step some frames may come before it. */
static void bench_steps(void)
{
    set_guard(state + KWS_MODEL_STATE_BYTES);
    set_guard(step_output + KWS_MODEL_OUTPUT_BYTES);
    set_guard(step_scratch + KWS_MODEL_STEP_SCRATCH_BYTES);
    (void)kws_model_reset(state);
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < STEP_BYTES; i++) {
            int at = WINDOW - (STEPS - step) * STEP_BYTES + i;
            step_frames[i] = at < 0 ? 0 : input[at];
        }
        uint32_t start = bench_ticks();
        run_step();
        step_ticks += ticks_since(start, tick_cost);
        steps++;
    }
    for (int i = 0; i < KWS_MODEL_OUTPUT_BYTES; i++) unlike_steps += step_output[i] != output[i];
    overruns += is_overrun(state + KWS_MODEL_STATE_BYTES);
    overruns += is_overrun(step_output + KWS_MODEL_OUTPUT_BYTES);
    overruns += is_overrun(step_scratch + KWS_MODEL_STEP_SCRATCH_BYTES);
}

static void put_steps(void)
{
    put("steps", steps);
    put("step_ticks", step_ticks);
    put("step_stack_bytes", step_stack);
    put("step_frames", KWS_MODEL_STEP_FRAMES);
    put("step_scratch_bytes", KWS_MODEL_STEP_SCRATCH_BYTES);
    put("state_bytes", KWS_MODEL_STATE_BYTES);
    put("unlike_steps", unlike_steps);
}
#endif

static void bench_model(void)
{
    uint64_t ticks = 0;
    uint32_t inputs = 0;
    uint32_t stack = 0;
    set_guard(output + KWS_MODEL_OUTPUT_BYTES);
    set_guard(scratch + KWS_MODEL_SCRATCH_BYTES);
    while (bench_read(BENCH_INPUTS, input, sizeof input)) {
        /* Before the first inference that is timed: caches are warm then on a board. */
        if (inputs == 0) stack = bench_stack_of(run_model);
#ifdef KWS_MODEL_PROFILE
        if (inputs == 0) start_layers();
        layer_start = bench_ticks();
#endif
        uint32_t start = bench_ticks();
        run_model();
        ticks += ticks_since(start, tick_cost);
        bench_write(BENCH_OUTPUTS, output, KWS_MODEL_OUTPUT_BYTES);
        check_guards();
#ifdef KWS_MODEL_STEP_FRAMES
        if (inputs == 0) step_stack = bench_stack_of(run_step);
        if (inputs < STEPPED_INPUTS) bench_steps();
#endif
        inputs++;
    }
    put("inputs", inputs);
    put("inference_ticks", ticks);
    put("model_stack_bytes", stack);
}

#ifdef BENCH_FRONTEND
static struct kws_frontend frontend;
static int16_t samples[KWS_WINDOW_SAMPLES];
static int8_t frame[KWS_BINS];
static size_t chunk; /* samples to push */
static int frame_ready;
static int audio_errors; /* audio of another length than KWS_CROP_SAMPLES a crop */

static void push_chunk(void)
{
    size_t taken = 0;
    frame_ready = 0;
    while (taken < chunk && !frame_ready)
        taken += kws_frontend_push(&frontend, samples + taken, chunk - taken, frame, &frame_ready);
}

static void read_audio(size_t length)
{
    if (!bench_read(BENCH_AUDIO, samples, length * sizeof samples[0])) audio_errors++;
}

/* The next frame of a crop: a whole window for the first, then a hop each. Returns its ticks. */
static uint32_t bench_frame(size_t length)
{
    chunk = length;
    read_audio(length);
    uint32_t start = bench_ticks();
    push_chunk();
    uint32_t ticks = ticks_since(start, tick_cost);
    bench_write(BENCH_FEATURES, frame, sizeof frame);
    return ticks;
}

/* Of the deepest push: the first that completes a frame. */
static uint32_t frontend_stack(void)
{
    kws_frontend_init(&frontend);
    chunk = KWS_WINDOW_SAMPLES;
    return bench_stack_of(push_chunk);
}

static void bench_frontend(void)
{
    enum { REST = KWS_CROP_SAMPLES - KWS_WINDOW_SAMPLES - (KWS_FRAMES - 1) * KWS_HOP_SAMPLES };
    uint64_t ticks = 0;
    uint32_t hops = 0;
    uint32_t stack = frontend_stack();
    for (uint32_t crop = 0; crop < BENCH_CROPS; crop++) {
        kws_frontend_init(&frontend);
        (void)bench_frame(KWS_WINDOW_SAMPLES);
        for (int i = 1; i < KWS_FRAMES; i++) {
            ticks += bench_frame(KWS_HOP_SAMPLES);
            hops++;
        }
        /* What is left of the crop fills no window. */
        read_audio(REST);
    }
    if (bench_read(BENCH_AUDIO, samples, sizeof samples[0])) audio_errors++;
    put("hops", hops);
    put("hop_ticks", ticks);
    put("frontend_stack_bytes", stack);
    put("frontend_state_bytes", sizeof frontend);
    put("audio_errors", audio_errors != 0);
}
#endif

static void put_layers(void)
{
#ifdef KWS_MODEL_PROFILE
    for (int i = 0; i < KWS_MODEL_NUM_LAYERS; i++) put("layer_ticks", layer_ticks[i]);
#endif
}

int main(void)
{
    bench_open();
    bench_counter_start();
    uint32_t start = bench_ticks();
    tick_cost = bench_ticks() - start;
    bench_model();
#ifdef BENCH_FRONTEND
    bench_frontend();
#endif
    put_layers();
#ifdef KWS_MODEL_STEP_FRAMES
    put_steps();
#endif
    put("input_bytes", KWS_MODEL_INPUT_BYTES);
    put("output_bytes", KWS_MODEL_OUTPUT_BYTES);
    put("scratch_bytes", KWS_MODEL_SCRATCH_BYTES);
    put("num_layers", KWS_MODEL_NUM_LAYERS);
    put("mismatched_bytes", bench_mismatched_bytes());
    put("model_errors", model_errors != 0);
    put("overruns", overruns != 0);
    put_text("\n");
    bench_exit(0);
    return 0;
}
