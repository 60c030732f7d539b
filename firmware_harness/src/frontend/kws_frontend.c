/* kws_frontend.c - see kws_frontend.h; tables and scaling in kws_frontend_tables.h.
 *
 * A frame passes through: window, FFT of half as many complex points, separation into the spectrum
 * of the real samples, squared magnitudes, mel sums, log2, for MFCC a DCT, and one multiplication
 * into int8 steps. The exporter chose bits behind the point with which nothing overflows at the
 * loudest input; a quieter frame is moved up by the bits that it leaves unused, and the log2 of its
 * energies down again. Right shifts of negative numbers are arithmetic, as on every
 * compiler for the machines this is for; KWS_ARITHMETIC_SHIFT below refuses any other.
 */
#include "kws_frontend.h"

#include "kws_frontend_tables.h"
#include "kws_memory.h"

#define POINTS (KWS_FFT_SIZE / 2)
#define OVERLAP (KWS_WINDOW_SAMPLES - KWS_HOP_SAMPLES)

/* GCC would call what it finds large, and the FFT spend its time with calls. */
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

typedef char KWS_ARITHMETIC_SHIFT[(-3 >> 1) == -2 ? 1 : -1];

static struct kws_complex sum(struct kws_complex a, struct kws_complex b)
{
    struct kws_complex r = {a.re + b.re, a.im + b.im};
    return r;
}

static struct kws_complex difference(struct kws_complex a, struct kws_complex b)
{
    struct kws_complex r = {a.re - b.re, a.im - b.im};
    return r;
}

static struct kws_complex halved(struct kws_complex a)
{
    struct kws_complex r = {a.re >> 1, a.im >> 1};
    return r;
}

/* a * (cos - i sin), halved: the twiddle is Q31, the shift 32. */
static struct kws_complex turned(struct kws_complex a, const struct kws_twiddle *w)
{
    int64_t re = (int64_t)a.re * w->cos + (int64_t)a.im * w->sin;
    int64_t im = (int64_t)a.im * w->cos + (int64_t)a.re * -w->sin;
    struct kws_complex r = {(int32_t)(re >> 32), (int32_t)(im >> 32)};
    return r;
}

/* Transform of four points into those of `z` that stand `stride` apart. */
INLINE void butterfly(struct kws_complex *z, int32_t stride, struct kws_complex a,
                      struct kws_complex b, struct kws_complex c, struct kws_complex d)
{
    struct kws_complex even = sum(a, c), odd = sum(b, d);
    struct kws_complex apart = difference(a, c), across = difference(b, d);
    struct kws_complex turn = {across.im, -across.re}; /* times -i */
    z[0] = sum(even, odd);
    z[stride] = sum(apart, turn);
    z[2 * stride] = difference(even, odd);
    z[3 * stride] = difference(apart, turn);
}

/* Two samples make a complex point. |product| <= 2^30. */
static struct kws_complex windowed(const int16_t *samples, int32_t point, int32_t shift)
{
    int16_t x[2], w[2];
    memcpy(x, samples + 2 * point, sizeof x);
    memcpy(w, kws_frontend_window + 2 * point, sizeof w);
    {
        struct kws_complex r = {(x[0] * w[0]) >> shift, (x[1] * w[1]) >> shift};
        return r;
    }
}

/* Windows the samples, brings them into the order of the FFT and does its first pass. */
static void first_pass(struct kws_complex *z, const int16_t *samples, int32_t shift)
{
    const int32_t blocks = POINTS / KWS_FRONTEND_FIRST_RADIX;
    for (int32_t block = 0; block < blocks; block++, z += KWS_FRONTEND_FIRST_RADIX) {
        int32_t point = kws_frontend_order[block];
#if KWS_FRONTEND_FIRST_RADIX == 4
        butterfly(z, 1, windowed(samples, point, shift), windowed(samples, point + blocks, shift),
                  windowed(samples, point + 2 * blocks, shift),
                  windowed(samples, point + 3 * blocks, shift));
#else
        struct kws_complex a = windowed(samples, point, shift);
        struct kws_complex b = windowed(samples, point + blocks, shift);
        z[0] = sum(a, b);
        z[1] = difference(a, b);
#endif
    }
}

/* The same after each point has lost a bit, and all but the first are turned. */
INLINE void turn_and_transform(struct kws_complex *z, int32_t stride,
                               const struct kws_twiddle *w)
{
    butterfly(z, stride, halved(z[0]), turned(z[stride], w), turned(z[2 * stride], w + 1),
              turned(z[3 * stride], w + 2));
}

/* One pass of radix 4; it halves, so that values grow by at most 2. Returns the next twiddles. */
INLINE const struct kws_twiddle *pass(struct kws_complex *spectrum, int32_t stride,
                                      const struct kws_twiddle *w)
{
    for (int32_t k = 0; k < stride; k++, w += 3) {
        for (int32_t point = k; point < POINTS; point += 4 * stride)
            turn_and_transform(spectrum + point, stride, w);
    }
    return w;
}

/* The last two stand alone: with a stride known to the compiler a pass takes fewer registers. */
static void other_passes(struct kws_complex *spectrum)
{
    const struct kws_twiddle *w = kws_frontend_twiddles;
    for (int32_t stride = KWS_FRONTEND_FIRST_RADIX; stride < POINTS / 16; stride *= 4)
        w = pass(spectrum, stride, w);
    if (KWS_FRONTEND_FIRST_RADIX <= POINTS / 16) w = pass(spectrum, POINTS / 16, w);
    if (KWS_FRONTEND_FIRST_RADIX <= POINTS / 4) pass(spectrum, POINTS / 4, w);
}

static struct kws_power squared(struct kws_complex a)
{
    uint64_t power =
        (uint64_t)((int64_t)a.re * a.re + (int64_t)a.im * a.im) >> KWS_FRONTEND_POWER_SHIFT;
    struct kws_power r = {(uint32_t)power, (uint32_t)(power >> 32)};
    return r;
}

/* From the transform of (even, odd) samples to squared magnitudes of the real ones, bins 1 to
 * POINTS - 1. Bins k and POINTS - k need the same two values and take their place. */
static void separate(struct kws_frontend *f)
{
    for (int32_t k = 1; k <= POINTS / 2; k++) {
        struct kws_complex a = f->work.spectrum[k], b = f->work.spectrum[POINTS - k];
        struct kws_complex mirrored = {b.re, -b.im};
        struct kws_complex even = halved(sum(a, mirrored));
        struct kws_complex odd = turned(difference(a, mirrored), &kws_frontend_turns[k - 1]);
        struct kws_complex turn = {odd.im, -odd.re}; /* times -i */
        f->work.power[POINTS - k] = squared(difference(even, turn));
        f->work.power[k] = squared(sum(even, turn));
    }
}

static int32_t leading_zeros(uint64_t value)
{
#if defined(__GNUC__)
    return __builtin_clzll(value);
#else
    int32_t zeros = 0;
    for (; !(value >> 63); value <<= 1) zeros++;
    return zeros;
#endif
}

/* log2 of a value above 0, Q15: a table of 64 steps a doubling, straight lines between them. */
static int32_t log2_q15(uint64_t value)
{
    int32_t zeros = leading_zeros(value);
    uint32_t mantissa = (uint32_t)((value << zeros) >> 41) & 0x3fffff; /* the 22 after the first */
    const uint16_t *step = &kws_frontend_log2[mantissa >> 16];
    uint32_t between = ((uint32_t)(step[1] - step[0]) * (mantissa & 0xffff)) >> 16;
    return ((63 - zeros) << 15) + (int32_t)(step[0] + between);
}

/* Each FFT bin gives to two filters, falling in one and rising in the next. Energies are
 * low + high * 2^32, for which 32-bit machines multiply and add in one instruction. */
static void mel_log2(struct kws_frontend *f, int32_t headroom)
{
    /* Energies have moved by twice the bits; each begins with the floor that is added to it. */
    const uint64_t log_floor = KWS_FRONTEND_LOG_FLOOR << (2 * headroom);
    const int32_t bias = KWS_FRONTEND_LOG2_BIAS + (headroom << 16);
    const struct kws_mel_weights *w = kws_frontend_mel;
    const struct kws_power *power = f->work.power + KWS_FRONTEND_FIRST_BIN;
    uint64_t rising_low = 0;
    uint32_t rising_high = 0;
    for (int32_t filter = -1; filter < KWS_MEL_BINS; filter++) {
        const struct kws_mel_weights *end = kws_frontend_mel + kws_frontend_mel_ends[filter + 1];
        uint64_t low = rising_low;
        uint32_t high = rising_high;
        rising_low = log_floor;
        rising_high = 0;
        for (; w < end; w++, power++) {
            uint32_t falling = w->falling, rising = w->rising;
            low += (uint64_t)power->low * falling;
            high += power->high * falling;
            rising_low += (uint64_t)power->low * rising;
            rising_high += power->high * rising;
        }
        if (filter < 0) continue;
        f->log2_energy[filter] = log2_q15(low + ((uint64_t)high << 32)) - bias;
    }
}

/* A feature in log2 units, Q15, as int8: halves go away from zero. */
static int8_t quantized(int64_t feature)
{
    const int64_t half = (int64_t)1 << (KWS_FRONTEND_STEP_SHIFT - 1);
    int64_t product = feature * KWS_FRONTEND_STEP_MULTIPLIER;
    int64_t steps = product < 0 ? -((half - product) >> KWS_FRONTEND_STEP_SHIFT)
                                : (half + product) >> KWS_FRONTEND_STEP_SHIFT;
    steps += KWS_INPUT_ZERO_POINT;
    return (int8_t)(steps < -128 ? -128 : steps > 127 ? 127 : steps);
}

static void write_frame(const int32_t *log2_energy, int8_t *frame)
{
#if KWS_MFCC
    const int16_t *dct = kws_frontend_dct;
    for (int32_t k = 0; k < KWS_MFCC; k++) {
        int64_t coefficient = 0;
        for (int32_t filter = 0; filter < KWS_MEL_BINS; filter++)
            coefficient += (int64_t)log2_energy[filter] * *dct++;
        frame[k] = quantized(coefficient >> 15);
    }
#else
    for (int32_t filter = 0; filter < KWS_MEL_BINS; filter++)
        frame[filter] = quantized(log2_energy[filter]);
#endif
}

/* Bits of a sample that are not its sign again: x ^ 2x is below 2^(n+1) where x needs n bits and a
 * sign. Two samples side by side: the lower one's sign reaches bit 0 of the upper, too low to count. */
static uint32_t used(uint32_t two)
{
    return two ^ (two << 1);
}

/* Copies forwards, so `to` may lie before `from`: a small C library copies byte by byte. Returns
 * the used bits of all samples. */
static uint32_t copy(int16_t *to, const int16_t *from, size_t count)
{
    uint32_t bits = 0, two;
    for (; count >= 2; count -= 2, to += 2, from += 2) {
        memcpy(&two, from, sizeof two);
        memcpy(to, &two, sizeof two);
        bits |= used(two);
    }
    if (count > 0) {
        *to = *from;
        bits |= used((uint16_t)*from) & 0xffff;
    }
    return bits;
}

/* How many bits above the used ones are free, at most KWS_FRONTEND_MAX_HEADROOM. */
static int32_t free_bits(uint32_t used_bits)
{
    int32_t zeros = leading_zeros((uint64_t)(used_bits | used_bits >> 16) << 48 | 1);
    return zeros < KWS_FRONTEND_MAX_HEADROOM ? zeros : KWS_FRONTEND_MAX_HEADROOM;
}

void kws_frontend_init(struct kws_frontend *f)
{
    memset(f, 0, sizeof *f);
}

size_t kws_frontend_push(struct kws_frontend *f, const int16_t *samples, size_t count,
                         int8_t *frame, int *ready)
{
    size_t missing = KWS_WINDOW_SAMPLES - f->filled;
    size_t taken = count < missing ? count : missing;
    int32_t headroom;
    *ready = taken == missing;
    f->used_bits |= copy(f->samples + f->filled, samples, taken);
    f->filled += (uint32_t)taken;
    if (!*ready) return taken;
    headroom = free_bits(f->used_bits);
    first_pass(f->work.spectrum, f->samples, KWS_FRONTEND_PRODUCT_SHIFT - headroom);
    other_passes(f->work.spectrum);
    separate(f);
    mel_log2(f, headroom);
    write_frame(f->log2_energy, frame);
    f->used_bits = copy(f->samples, f->samples + KWS_HOP_SAMPLES, OVERLAP);
    f->filled = OVERLAP;
    return taken;
}
