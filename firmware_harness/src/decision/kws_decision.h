/* kws_decision.h - turn the scores of one inference after another into detections of words.
 *
 * A score is the probability that the model gives a class, in 1/32768. A keyword fires when its mean
 * score over the last `smoothing` inferences reaches its threshold; of several the one with the
 * highest mean, of equal ones the first. Then nothing fires for `refractory` inferences. Scores
 * before the first inference count as 0. No heap, no globals, no floating point.
 *
 * Source: posterior handling in Chen, Parada, Heigold, ICASSP 2014, section 2.3.
 */
#ifndef KWS_DECISION_H
#define KWS_DECISION_H

#include <stdint.h>

#include "kws_decision_config.h"
#include "kws_labels.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KWS_SCORE_ONE 32768 /* the score of a class that is certain */
#define KWS_NEVER 32769     /* the threshold of a keyword that shall not fire */
#define KWS_NONE (-1)

#ifndef KWS_MAX_SMOOTHING
#define KWS_MAX_SMOOTHING 16
#endif

struct kws_decision_config {
    uint16_t thresholds[KWS_NUM_KEYWORDS]; /* 1..KWS_SCORE_ONE, or KWS_NEVER */
    uint16_t refractory;                   /* inferences kept silent after a detection */
    uint8_t smoothing;                     /* inferences averaged, 1..KWS_MAX_SMOOTHING */
};

/* State, owned by the caller; nothing in it is for others to read. */
struct kws_decision {
    struct kws_decision_config config;
    uint32_t sums[KWS_NUM_KEYWORDS]; /* of history's columns, at most 255 * KWS_SCORE_ONE */
    uint16_t history[KWS_MAX_SMOOTHING][KWS_NUM_KEYWORDS];
    uint16_t silent; /* inferences until something may fire again */
    uint8_t oldest;  /* row of history that is replaced next */
};

/* What `pld-tf export` chose or `pld-tf tune` found: kws_decision_config.h. */
void kws_decision_default(struct kws_decision_config *config);

/* Copies `config`. Returns 0, or -1 and leaves `d` as it was when a number is out of its range. */
int kws_decision_init(struct kws_decision *d, const struct kws_decision_config *config);

/* The scores of KWS_NUM_CLASSES logits: their softmax, each rounded by itself. */
void kws_decision_scores(const int8_t *logits, uint16_t *scores);

/* Takes the scores of one inference. Returns the keyword that fired, an index into KWS_LABELS, and
 * sets `mean` to its mean score; or returns KWS_NONE and leaves `mean` alone. */
int kws_decision_step(struct kws_decision *d, const uint16_t *scores, uint16_t *mean);

#ifdef __cplusplus
}
#endif

#endif
