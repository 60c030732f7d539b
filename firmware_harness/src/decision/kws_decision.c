/* kws_decision.c - see kws_decision.h. */
#include "kws_decision.h"
#include "kws_memory.h"

#if KWS_MAX_SMOOTHING < 1 || KWS_MAX_SMOOTHING > 255
#error "KWS_MAX_SMOOTHING must be 1 to 255"
#endif

/* 65535 * exp(-d) for the differences d = 0..255 of two logits, in output steps. */
static const uint16_t exp_of_minus[256] = KWS_EXP_OF_MINUS;

void kws_decision_default(struct kws_decision_config *config)
{
    static const struct kws_decision_config chosen = {
        KWS_THRESHOLDS, KWS_REFRACTORY, KWS_SMOOTHING};
    *config = chosen;
}

int kws_decision_init(struct kws_decision *d, const struct kws_decision_config *config)
{
    if (config->smoothing < 1 || config->smoothing > KWS_MAX_SMOOTHING) return -1;
    for (int i = 0; i < KWS_NUM_KEYWORDS; i++) {
        if (config->thresholds[i] < 1 || config->thresholds[i] > KWS_NEVER) return -1;
    }
    memset(d, 0, sizeof *d);
    d->config = *config;
    return 0;
}

void kws_decision_scores(const int8_t *logits, uint16_t *scores)
{
    int best = logits[0];
    for (int i = 1; i < KWS_NUM_CLASSES; i++) {
        if (logits[i] > best) best = logits[i];
    }
    uint32_t sum = 0; /* 65535 <= sum <= 1024 classes * 65535 < 2^26 */
    for (int i = 0; i < KWS_NUM_CLASSES; i++) sum += exp_of_minus[best - logits[i]];
    for (int i = 0; i < KWS_NUM_CLASSES; i++) {
        /* 65535 * 32768 + 2^25 < 2^32, and no term is more than the sum: at most KWS_SCORE_ONE */
        const uint32_t term = (uint32_t)exp_of_minus[best - logits[i]] * KWS_SCORE_ONE;
        scores[i] = (uint16_t)((term + sum / 2) / sum);
    }
}

/* Replaces the oldest scores by the newest and keeps the sums in step: O(keywords). */
static void push(struct kws_decision *d, const uint16_t *scores)
{
    uint16_t *oldest = d->history[d->oldest];
    for (int i = 0; i < KWS_NUM_KEYWORDS; i++) {
        d->sums[i] = d->sums[i] - oldest[i] + scores[i];
        oldest[i] = scores[i];
    }
    d->oldest = (uint8_t)((d->oldest + 1) % d->config.smoothing);
}

/* The keyword with the highest mean of those that reach their thresholds. */
static int find_best(const struct kws_decision *d)
{
    int best = KWS_NONE;
    for (int i = 0; i < KWS_NUM_KEYWORDS; i++) {
        const uint32_t enough = (uint32_t)d->config.thresholds[i] * d->config.smoothing;
        if (d->sums[i] < enough) continue;
        if (best == KWS_NONE || d->sums[i] > d->sums[best]) best = i;
    }
    return best;
}

int kws_decision_step(struct kws_decision *d, const uint16_t *scores, uint16_t *mean)
{
    push(d, scores);
    if (d->silent > 0) {
        d->silent--;
        return KWS_NONE;
    }
    const int best = find_best(d);
    if (best == KWS_NONE) return KWS_NONE;
    d->silent = d->config.refractory;
    *mean = (uint16_t)(d->sums[best] / d->config.smoothing);
    return best;
}
