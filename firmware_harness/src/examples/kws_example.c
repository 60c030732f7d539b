/* kws_example.c - print the words of a WAV file.
 *
 *     cc -O2 -I. *.c examples/kws_example.c -o kws_example && ./kws_example a.wav
 *
 * Takes PCM of 16 bits, mono, at KWS_SAMPLE_RATE_HZ. For a host: a device reads a microphone.
 */
#include <stdio.h>

#include "kws.h"

static const char *const labels[KWS_NUM_CLASSES] = KWS_LABELS;
static struct kws state;

static unsigned long little_endian(const unsigned char *bytes, int count)
{
    unsigned long value = 0;
    while (count-- > 0) value = value << 8 | bytes[count];
    return value;
}

/* Reads up to the samples. Returns their bytes as the file declares them, or 0. */
static unsigned long find_samples(FILE *file)
{
    unsigned char head[12], fmt[16] = {0};
    if (fread(head, 1, 12, file) != 12 || little_endian(head, 4) != 0x46464952) return 0; /* RIFF */
    while (fread(head, 1, 8, file) == 8) {
        unsigned long size = little_endian(head + 4, 4);
        if (little_endian(head, 4) == 0x61746164) { /* data */
            const int fits = little_endian(fmt, 4) == 0x10001 && little_endian(fmt + 14, 2) == 16;
            return fits && little_endian(fmt + 4, 4) == KWS_SAMPLE_RATE_HZ ? size : 0;
        }
        if (little_endian(head, 4) == 0x20746d66) { /* fmt: PCM, 1 channel, rate, ..., bits */
            if (size < 16 || fread(fmt, 1, 16, file) != 16) return 0;
            size -= 16;
        }
        for (size += size % 2; size > 0; size--) { /* chunks start at even bytes */
            if (fgetc(file) == EOF) return 0;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    unsigned long left = file ? find_samples(file) : 0;
    if (left == 0 || kws_init(&state, NULL) != KWS_OK) {
        fprintf(stderr, "usage: %s FILE.wav (16 bits, mono, %d Hz)\n", argc > 0 ? argv[0] : "",
                KWS_SAMPLE_RATE_HZ);
        return 2;
    }
    unsigned char bytes[2];
    for (; left >= 2 && fread(bytes, 1, 2, file) == 2; left -= 2) {
        const long value = (long)little_endian(bytes, 2);
        const int16_t sample = (int16_t)(value < 32768 ? value : value - 65536);
        struct kws_result heard;
        if (kws_push(&state, &sample, 1, &heard) != 1) continue;
        printf("%.2f s %s %.2f\n", (double)heard.time / KWS_SAMPLE_RATE_HZ, labels[heard.word],
               (double)heard.score / KWS_SCORE_ONE);
    }
    return fclose(file) == 0 ? 0 : 1;
}
