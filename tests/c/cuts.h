/* cuts.h - a fuzz input as samples and the sizes of the pieces that they come in.
 *
 * First a byte that says how many sizes follow, a byte each, used in turn; the rest are samples.
 */
#ifndef CUTS_H
#define CUTS_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MOST_SIZES 8

struct cuts {
    const uint8_t *sizes;
    size_t num_sizes;
    int16_t *samples; /* on the heap, so that a sanitizer sees each read beyond them */
    size_t count;
};

/* Returns 0 where there is no sample. The caller frees `samples`. */
static int read_cuts(struct cuts *cuts, const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    cuts->num_sizes = 1 + data[0] % MOST_SIZES;
    cuts->sizes = data + 1;
    if (size < 1 + cuts->num_sizes + sizeof(int16_t)) return 0;
    cuts->count = (size - 1 - cuts->num_sizes) / sizeof(int16_t);
    cuts->samples = (int16_t *)malloc(cuts->count * sizeof(int16_t));
    if (!cuts->samples) return 0;
    memcpy(cuts->samples, data + 1 + cuts->num_sizes, cuts->count * sizeof(int16_t));
    return 1;
}

/* Samples of piece `i`, `most` at most and no more than are `left`. All sizes 0 would never end, so
 * each round of them has a sample at least. */
static size_t piece(const struct cuts *cuts, size_t i, size_t most, size_t left)
{
    size_t wanted = (size_t)cuts->sizes[i % cuts->num_sizes] * 3;
    if (i % cuts->num_sizes == 0) wanted++;
    if (wanted > most) wanted = most;
    return wanted < left ? wanted : left;
}

#endif
