/* kws_model_example.c - run the model alone on numbers, and print what it gives.
 *
 *     cc -O2 -I. *.c examples/kws_model_example.c -o kws_model_example
 *     ./kws_model_example < numbers.txt
 *
 * Reads real numbers, KWS_MODEL_INPUT_BYTES for each run, and stores them as the model does. For a
 * host: a device has its values in int8 already, or computes them with the two numbers of the input.
 */
#include <stdio.h>

#include "kws_model.h"

static uint32_t scratch[(KWS_MODEL_SCRATCH_BYTES + KWS_MODEL_SCRATCH_ALIGN + 3) / 4];

/* C99 has no alignas, so the scratch has room to begin at a multiple. */
static void *aligned(void)
{
    unsigned char *start = (unsigned char *)scratch;
    const uintptr_t past = (uintptr_t)start % KWS_MODEL_SCRATCH_ALIGN;
    return start + (past ? KWS_MODEL_SCRATCH_ALIGN - past : 0);
}

/* value / scale + zero point, halves away from zero, cut to int8. */
static int8_t stored(float value)
{
    const float steps = value / KWS_MODEL_INPUT_SCALE;
    if (steps > 256.0f) return 127;
    if (steps < -256.0f) return -128;
    const int whole = (int)(steps + (steps < 0 ? -0.5f : 0.5f)) + KWS_MODEL_INPUT_ZERO_POINT;
    return (int8_t)(whole > 127 ? 127 : whole < -128 ? -128 : whole);
}

static float real(int8_t value)
{
    return KWS_MODEL_OUTPUT_SCALE * (float)(value - KWS_MODEL_OUTPUT_ZERO_POINT);
}

int main(void)
{
    static int8_t input[KWS_MODEL_INPUT_BYTES], output[KWS_MODEL_OUTPUT_BYTES];
    float value;
    int filled = 0;
    while (scanf("%f", &value) == 1) {
        input[filled++] = stored(value);
        if (filled < KWS_MODEL_INPUT_BYTES) continue;
        filled = 0;
        if (kws_model_run(input, output, aligned()) != KWS_MODEL_OK) return 1;
        for (int i = 0; i < KWS_MODEL_OUTPUT_BYTES; i++) printf("%g ", (double)real(output[i]));
        printf("\n");
    }
    return filled == 0 ? 0 : 1;
}
