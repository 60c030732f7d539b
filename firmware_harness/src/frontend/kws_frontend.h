/* kws_frontend.h - turn a stream of audio into the int8 features of the model.
 *
 * Frame k stands for KWS_WINDOW_SAMPLES samples, from k * KWS_HOP_SAMPLES on, and depends on no
 * others: the first frame is ready after a window, each further one after a hop. How the audio is
 * cut into calls changes nothing. All arithmetic is of integers, the same on every machine. No
 * heap, no globals, no floating point; the caller owns the state.
 *
 * Source: log-mel features of docs/formats.md; bit for bit pld_tf/features/fixed_point.py.
 */
#ifndef KWS_FRONTEND_H
#define KWS_FRONTEND_H

#include <stddef.h>
#include <stdint.h>

#include "kws_feature_spec.h"

#ifdef __cplusplus
extern "C" {
#endif

struct kws_complex {
    int32_t re;
    int32_t im;
};

struct kws_power { /* low + high * 2^32 */
    uint32_t low;
    uint32_t high;
};

/* To be had anywhere, static or on a stack; set by kws_frontend_init, nobody else's business. */
struct kws_frontend {
    union {
        struct kws_complex spectrum[KWS_FFT_SIZE / 2];
        struct kws_power power[KWS_FFT_SIZE / 2];
    } work;
    int32_t log2_energy[KWS_MEL_BINS];
    int16_t samples[KWS_FFT_SIZE]; /* a window, then zeros */
    uint32_t filled;               /* samples of the window that are there */
    uint32_t used_bits;            /* of those samples: what tells a quiet window from a loud one */
};

/* Makes `f` wait for the first window. Also forgets the audio heard so far. */
void kws_frontend_init(struct kws_frontend *f);

/* Takes samples up to the end of the next frame, so call it until all are taken.
 *
 * samples  audio at KWS_SAMPLE_RATE_HZ.
 * count    how many; any number.
 * frame    KWS_BINS features in the model's input quantization, written when *ready becomes 1.
 * ready    1 when a frame was written, else 0.
 *
 * Returns how many samples it took: more than 0 unless `count` is 0.
 */
size_t kws_frontend_push(struct kws_frontend *f, const int16_t *samples, size_t count,
                         int8_t *frame, int *ready);

#ifdef __cplusplus
}
#endif

#endif
