/* fuzz_frontend.c - any audio, cut in any way, gives the features of the audio in one piece. */
#include <stdlib.h>

#include "cuts.h"
#include "kws_frontend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Pushes a piece; appends its frames. Returns how many frames there are then. */
static size_t hear(struct kws_frontend *f, const int16_t *samples, size_t count, int8_t *frames,
                   size_t made)
{
    do {
        int ready = 0;
        const size_t taken = kws_frontend_push(f, samples, count, frames + made * KWS_BINS, &ready);
        if (taken > count || (taken == 0 && count > 0) || (taken < count && !ready)) abort();
        if (ready) made++;
        samples += taken;
        count -= taken;
    } while (count > 0);
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kws_frontend whole, cut;
    struct cuts cuts;
    if (!read_cuts(&cuts, data, size)) return 0;
    const size_t most = 1 + cuts.count / KWS_HOP_SAMPLES; /* one more than there are */
    int8_t *expected = (int8_t *)malloc(2 * most * KWS_BINS);
    if (!expected) abort();
    int8_t *found = expected + most * KWS_BINS;
    kws_frontend_init(&whole);
    const size_t frames = hear(&whole, cuts.samples, cuts.count, expected, 0);
    const size_t windows = cuts.count < KWS_WINDOW_SAMPLES
                               ? 0
                               : 1 + (cuts.count - KWS_WINDOW_SAMPLES) / KWS_HOP_SAMPLES;
    if (frames != windows) abort();
    kws_frontend_init(&cut);
    size_t made = 0, done = 0;
    for (size_t i = 0; done < cuts.count; i++) {
        const size_t count = piece(&cuts, i, cuts.count, cuts.count - done);
        made = hear(&cut, cuts.samples + done, count, found, made);
        done += count;
    }
    if (made != frames || memcmp(expected, found, frames * KWS_BINS) != 0) abort();
    free(expected);
    free(cuts.samples);
    return 0;
}
