/* kws_host.c - a bundle's C with plain functions around it, for host_library.py through ctypes.
 *
 * Built with as much of the bundle as is there: KWS_HOST_FRONTEND and KWS_HOST_STREAM say what.
 * Sizes and strides are asked of C, so that Python repeats no number of a header.
 */
#include "kws_model.h"

#include <stddef.h>
#include <stdint.h>

size_t kws_host_input_bytes(void);
size_t kws_host_output_bytes(void);
size_t kws_host_scratch_bytes(void);
int kws_host_run_model(const int8_t *inputs, int8_t *outputs, size_t count, void *scratch);

size_t kws_host_input_bytes(void) { return KWS_MODEL_INPUT_BYTES; }
size_t kws_host_output_bytes(void) { return KWS_MODEL_OUTPUT_BYTES; }
size_t kws_host_scratch_bytes(void) { return KWS_MODEL_SCRATCH_BYTES; }

/* Scratch aligned to KWS_MODEL_SCRATCH_ALIGN. Returns the first error, else KWS_MODEL_OK. */
int kws_host_run_model(const int8_t *inputs, int8_t *outputs, size_t count, void *scratch)
{
    for (size_t i = 0; i < count; i++) {
        const int status = kws_model_run(inputs + i * KWS_MODEL_INPUT_BYTES,
                                         outputs + i * KWS_MODEL_OUTPUT_BYTES, scratch);
        if (status != KWS_MODEL_OK) return status;
    }
    return KWS_MODEL_OK;
}

#ifdef KWS_HOST_FRONTEND
#include "kws_feature_spec.h"
#include "kws_frontend.h"

size_t kws_host_sample_rate_hz(void);
size_t kws_host_window_samples(void);
size_t kws_host_hop_samples(void);
size_t kws_host_bins(void);
size_t kws_host_frontend_bytes(void);
size_t kws_host_features(struct kws_frontend *f, const int16_t *samples, size_t count,
                         int8_t *frames);

size_t kws_host_sample_rate_hz(void) { return KWS_SAMPLE_RATE_HZ; }
size_t kws_host_window_samples(void) { return KWS_WINDOW_SAMPLES; }
size_t kws_host_hop_samples(void) { return KWS_HOP_SAMPLES; }
size_t kws_host_bins(void) { return KWS_BINS; }
size_t kws_host_frontend_bytes(void) { return sizeof(struct kws_frontend); }

/* All frames of a recording, heard from its start. Returns how many. */
size_t kws_host_features(struct kws_frontend *f, const int16_t *samples, size_t count,
                         int8_t *frames)
{
    size_t made = 0;
    kws_frontend_init(f);
    while (count > 0) {
        int8_t frame[KWS_BINS];
        int ready = 0;
        const size_t taken = kws_frontend_push(f, samples, count, frame, &ready);
        if (ready) {
            for (size_t i = 0; i < KWS_BINS; i++) frames[made * KWS_BINS + i] = frame[i];
            made++;
        }
        samples += taken;
        count -= taken;
    }
    return made;
}
#endif

#ifdef KWS_HOST_STREAM
#include "kws.h"

size_t kws_host_state_bytes(void);
size_t kws_host_frames(void);
size_t kws_host_num_classes(void);
size_t kws_host_num_keywords(void);
size_t kws_host_hops_per_inference(void);
size_t kws_host_refractory(void);
const char *kws_host_label(size_t index);
int kws_host_init(struct kws *k);
int kws_host_push_scores(struct kws *k, const int16_t *samples, size_t count, uint64_t *times,
                         uint16_t *scores);
int kws_host_push(struct kws *k, const int16_t *samples, size_t count, uint64_t *times,
                  int32_t *words, uint16_t *scores);

size_t kws_host_state_bytes(void) { return sizeof(struct kws); }
size_t kws_host_frames(void) { return KWS_FRAMES; }
size_t kws_host_num_classes(void) { return KWS_NUM_CLASSES; }
size_t kws_host_num_keywords(void) { return KWS_NUM_KEYWORDS; }
size_t kws_host_hops_per_inference(void) { return KWS_HOPS_PER_INFERENCE; }
size_t kws_host_refractory(void) { return KWS_REFRACTORY; }

/* UTF-8, or NULL past the last one. */
const char *kws_host_label(size_t index)
{
    static const char *const labels[KWS_NUM_CLASSES] = KWS_LABELS;
    return index < KWS_NUM_CLASSES ? labels[index] : NULL;
}

int kws_host_init(struct kws *k) { return kws_init(k, NULL); }

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

/* Scores of every inference in any number of samples. Returns how many, or a negative error. There
 * is room for count / KWS_MAX_PUSH_SAMPLES + 1 of them. */
int kws_host_push_scores(struct kws *k, const int16_t *samples, size_t count, uint64_t *times,
                         uint16_t *scores)
{
    int made = 0;
    while (count > 0) {
        const size_t part = smaller(count, KWS_MAX_PUSH_SAMPLES);
        const int status =
            kws_push_scores(k, samples, part, scores + (size_t)made * KWS_NUM_CLASSES);
        if (status < 0) return status;
        if (status == 1) times[made++] = kws_time(k);
        samples += part;
        count -= part;
    }
    return made;
}

/* The same for words: `words` are indexes into KWS_LABELS. */
int kws_host_push(struct kws *k, const int16_t *samples, size_t count, uint64_t *times,
                  int32_t *words, uint16_t *scores)
{
    int made = 0;
    while (count > 0) {
        const size_t part = smaller(count, KWS_MAX_PUSH_SAMPLES);
        struct kws_result heard;
        const int status = kws_push(k, samples, part, &heard);
        if (status < 0) return status;
        if (status == 1) {
            times[made] = heard.time;
            words[made] = heard.word;
            scores[made++] = heard.score;
        }
        samples += part;
        count -= part;
    }
    return made;
}
#endif
