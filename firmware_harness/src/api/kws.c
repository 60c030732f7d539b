/* kws.c - see kws.h. */
#include "kws.h"
#include "kws_memory.h"

#if KWS_MODEL_INPUT_BYTES != KWS_FRAMES * KWS_BINS || KWS_MODEL_OUTPUT_BYTES != KWS_NUM_CLASSES
#error "kws_model.h is of another model than kws_feature_spec.h and kws_labels.h"
#endif
#if KWS_HOPS_PER_INFERENCE < 1 || KWS_HOPS_PER_INFERENCE > KWS_FRAMES
#error "KWS_HOPS_PER_INFERENCE must be 1 to KWS_FRAMES"
#endif

/* C99 has no alignas, so the scratch has room to begin at a multiple. */
static void *aligned_scratch(struct kws *k)
{
    const uintptr_t past = (uintptr_t)k->scratch % KWS_MODEL_SCRATCH_ALIGN;
    return k->scratch + (past ? KWS_MODEL_SCRATCH_ALIGN - past : 0);
}

#ifdef KWS_STEPS
/* The first steps end before a whole window has been heard; the last of them ends with it. */
static void begin_model(struct kws *k)
{
    memset(k->features, 0, sizeof k->features);
    k->frames = (KWS_KEPT_FRAMES - KWS_FRAMES % KWS_KEPT_FRAMES) % KWS_KEPT_FRAMES;
    k->steps_before = (KWS_FRAMES - 1) / KWS_KEPT_FRAMES;
    (void)kws_model_reset(k->state);
}

static int run_model(struct kws *k, int8_t *logits)
{
    k->frames = 0;
    return kws_model_step(k->features[0], logits, k->state, aligned_scratch(k));
}
#else
static void begin_model(struct kws *k)
{
    k->frames = 0;
}

/* Runs the model on a full window of frames, then drops the oldest ones. */
static int run_model(struct kws *k, int8_t *logits)
{
    const int status = kws_model_run(k->features[0], logits, aligned_scratch(k));
    k->frames = KWS_FRAMES - KWS_HOPS_PER_INFERENCE;
    memmove(k->features[0], k->features[KWS_HOPS_PER_INFERENCE],
            (size_t)k->frames * sizeof k->features[0]);
    return status;
}
#endif

static int infer(struct kws *k, uint16_t *scores)
{
    int8_t logits[KWS_NUM_CLASSES];
    const int status = run_model(k, logits);
#ifdef KWS_STEPS
    if (k->steps_before > 0) {
        k->steps_before--;
        return status == KWS_MODEL_OK ? 0 : KWS_ERR_MODEL;
    }
#endif
    k->inferred = k->taken;
    if (status != KWS_MODEL_OK) return KWS_ERR_MODEL;
    kws_decision_scores(logits, scores);
    return 1;
}

int kws_init(struct kws *k, const struct kws_decision_config *config)
{
    struct kws_decision_config chosen;
    if (!k) return KWS_ERR_ARG;
    if (config) {
        chosen = *config;
    } else {
        kws_decision_default(&chosen);
    }
    if (kws_decision_init(&k->decision, &chosen) != 0) return KWS_ERR_ARG;
    kws_frontend_init(&k->frontend);
    k->taken = 0;
    k->inferred = 0;
    begin_model(k);
    return KWS_OK;
}

int kws_reset(struct kws *k)
{
    struct kws_decision_config config;
    if (!k) return KWS_ERR_ARG;
    config = k->decision.config;
    return kws_init(k, &config);
}

int kws_push_scores(struct kws *k, const int16_t *samples, size_t count, uint16_t *scores)
{
    int status = 0;
    if (!k || !scores || count > KWS_MAX_PUSH_SAMPLES || (!samples && count > 0)) {
        return KWS_ERR_ARG;
    }
    while (count > 0) {
        int ready = 0;
        const size_t taken =
            kws_frontend_push(&k->frontend, samples, count, k->features[k->frames], &ready);
        samples += taken;
        count -= taken;
        k->taken += taken;
        if (ready && ++k->frames == KWS_KEPT_FRAMES) status = infer(k, scores);
    }
    return status;
}

int kws_push(struct kws *k, const int16_t *samples, size_t count, struct kws_result *result)
{
    uint16_t scores[KWS_NUM_CLASSES];
    if (!result) return KWS_ERR_ARG;
    const int status = kws_push_scores(k, samples, count, scores);
    if (status != 1) return status;
    const int word = kws_decision_step(&k->decision, scores, &result->score);
    if (word == KWS_NONE) return 0;
    result->word = word;
    result->time = k->inferred;
    return 1;
}

uint64_t kws_time(const struct kws *k)
{
    return k->inferred;
}
