/* kws.h - hear words in a stream of samples.
 *
 *     static struct kws k;
 *     struct kws_result heard;
 *     kws_init(&k, NULL);
 *     for (;;) {
 *         read(samples, KWS_HOP_SAMPLES);
 *         if (kws_push(&k, samples, KWS_HOP_SAMPLES, &heard) == 1) act_on(heard.word);
 *     }
 *
 * Samples are int16 PCM, mono, KWS_SAMPLE_RATE_HZ per second. Once KWS_FRAMES frames have been heard
 * the model runs, and again after every KWS_HOPS_PER_INFERENCE hops. What is heard does not depend
 * on how the stream is cut into pushes. Where the model has a step for so many hops, each run
 * computes only what the new frames change; the scores are those of the whole window.
 * KWS_MODEL_WHOLE, defined for all files, runs the model on whole windows (kws_model_tflm.cc).
 *
 * All memory is the caller's: sizeof(struct kws), in which the model's scratch is most, and the
 * stack of one call, which `pld-tf bench` measures. No heap, no globals: one struct a microphone.
 * Not for two threads at a time on one struct.
 */
#ifndef KWS_H
#define KWS_H

#include <stddef.h>
#include <stdint.h>

#include "kws_decision.h"
#include "kws_feature_spec.h"
#include "kws_frontend.h"
#include "kws_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The most that one push takes. In so many samples there is at most one inference, so a push has a
 * bound in time and gives at most one word. */
#define KWS_MAX_PUSH_SAMPLES (KWS_HOP_SAMPLES * KWS_HOPS_PER_INFERENCE)

#if defined(KWS_MODEL_STEP_FRAMES) && !defined(KWS_MODEL_WHOLE)
#if KWS_MODEL_STEP_FRAMES == KWS_HOPS_PER_INFERENCE
#define KWS_STEPS
#endif
#endif
#ifdef KWS_STEPS
#define KWS_KEPT_FRAMES KWS_HOPS_PER_INFERENCE
#define KWS_SCRATCH_BYTES KWS_MODEL_STEP_SCRATCH_BYTES
#else
#define KWS_KEPT_FRAMES KWS_FRAMES
#define KWS_SCRATCH_BYTES KWS_MODEL_SCRATCH_BYTES
#endif

#define KWS_OK 0
#define KWS_ERR_ARG (-1)   /* a null pointer, a number out of its range */
#define KWS_ERR_MODEL (-2) /* the model did not run: TFLite Micro refused it or its arena */

struct kws_result {
    uint64_t time;  /* samples since kws_init at the end of what the model heard */
    int word;       /* index into KWS_LABELS, 0..KWS_NUM_KEYWORDS - 1 */
    uint16_t score; /* mean probability in 1/KWS_SCORE_ONE */
};

/* State, owned by the caller; nothing in it is for others to read. */
struct kws {
    struct kws_frontend frontend;
    struct kws_decision decision;
    uint64_t taken;   /* samples since kws_init */
    uint64_t inferred; /* `taken` at the last inference */
    int frames;       /* of `features` that are filled, 0..KWS_KEPT_FRAMES - 1 between calls */
    int8_t features[KWS_KEPT_FRAMES][KWS_BINS];
#ifdef KWS_STEPS
    int steps_before; /* steps until the model has heard KWS_FRAMES frames */
    uint8_t state[KWS_MODEL_STATE_BYTES];
#endif
    uint8_t scratch[KWS_SCRATCH_BYTES + KWS_MODEL_SCRATCH_ALIGN - 1];
};

/* Begins a stream. `config` NULL takes kws_decision_config.h's. Returns KWS_OK or KWS_ERR_ARG. */
int kws_init(struct kws *k, const struct kws_decision_config *config);

/* Begins the stream anew: nothing heard before counts. Thresholds stay. Returns KWS_OK or
 * KWS_ERR_ARG. */
int kws_reset(struct kws *k);

/* Takes all of `count` samples, 0..KWS_MAX_PUSH_SAMPLES. Returns 1 and fills `result` when a word
 * was heard, 0 and leaves it alone when not, or a negative error: after KWS_ERR_ARG nothing was
 * taken, after KWS_ERR_MODEL the samples were. */
int kws_push(struct kws *k, const int16_t *samples, size_t count, struct kws_result *result);

/* As kws_push for those who decide themselves: returns 1 and KWS_NUM_CLASSES scores, in
 * 1/KWS_SCORE_ONE, when the model ran. Decides nothing: a stream is given to one of the two. */
int kws_push_scores(struct kws *k, const int16_t *samples, size_t count, uint16_t *scores);

/* Samples since kws_init or kws_reset at the end of what the last inference heard; 0 before the first. */
uint64_t kws_time(const struct kws *k);

#ifdef __cplusplus
}
#endif

#endif
