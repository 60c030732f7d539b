/* fuzz_api.c - any config is refused or taken, and any cut of a stream hears the same words. */
#include "cuts.h"
#include "kws.h"

#define CONFIG_BYTES (2 * KWS_NUM_KEYWORDS + 3)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t number(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static struct kws_decision_config read_config(const uint8_t *data)
{
    struct kws_decision_config config;
    for (int i = 0; i < KWS_NUM_KEYWORDS; i++, data += 2) config.thresholds[i] = number(data);
    config.refractory = number(data);
    config.smoothing = data[2];
    return config;
}

static int is_legal(const struct kws_decision_config *config)
{
    for (int i = 0; i < KWS_NUM_KEYWORDS; i++) {
        if (config->thresholds[i] < 1 || config->thresholds[i] > KWS_NEVER) return 0;
    }
    return config->smoothing >= 1 && config->smoothing <= KWS_MAX_SMOOTHING;
}

static void check_result(const struct kws_result *result, uint64_t taken)
{
    if (result->word < 0 || result->word >= KWS_NUM_KEYWORDS) abort();
    if (result->score < 1 || result->score > KWS_SCORE_ONE) abort();
    if (result->time > taken) abort();
}

/* Words in the rest of a stream, as a sum that depends on each; errors of the model count too. */
static uint64_t hear(struct kws *k, const struct cuts *cuts, size_t most)
{
    uint64_t sum = 0;
    size_t done = 0;
    for (size_t i = 0; done < cuts->count; i++) {
        struct kws_result result = {0, 0, 0};
        const size_t left = cuts->count - done;
        const size_t count = most == 1 ? 1 : piece(cuts, i, most, left);
        const int status = kws_push(k, cuts->samples + done, count, &result);
        done += count;
        if (status == KWS_ERR_ARG) abort();
        if (status == 0) continue;
        if (status == 1) check_result(&result, done);
        sum = sum * 31 + (status == 1 ? result.time * 7 + (uint64_t)result.word : 1);
        sum = sum * 31 + (status == 1 ? result.score : kws_time(k));
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kws by_sample, by_piece;
    struct cuts cuts;
    struct kws_result result;
    if (size < CONFIG_BYTES) return 0;
    const struct kws_decision_config config = read_config(data);
    const int status = kws_init(&by_sample, &config);
    if (status != (is_legal(&config) ? KWS_OK : KWS_ERR_ARG)) abort();
    if (status != KWS_OK || !read_cuts(&cuts, data + CONFIG_BYTES, size - CONFIG_BYTES)) return 0;
    if (kws_init(&by_piece, &config) != KWS_OK) abort();
    if (kws_push(&by_piece, cuts.samples, KWS_MAX_PUSH_SAMPLES + 1, &result) != KWS_ERR_ARG) abort();
    if (hear(&by_sample, &cuts, 1) != hear(&by_piece, &cuts, KWS_MAX_PUSH_SAMPLES)) abort();
    if (kws_time(&by_sample) != kws_time(&by_piece)) abort();
    free(cuts.samples);
    return 0;
}
