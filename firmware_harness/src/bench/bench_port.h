/* bench_port.h - what bench_main.c needs of the machine that it runs on.
 *
 * Three machines: QEMU (files through semihosting, SysTick counts), a board (data in flash, results
 * over RTT, DWT counts) and the host (files, no count). Each links one file of each kind:
 *
 *   machine   streams              counter             stack
 *   QEMU      stream_semihosting.c counter_systick.c   stack_paint.c
 *   board     stream_embedded.c    counter_dwt.c       stack_paint.c
 *   host      stream_stdio.c       none_on_host.c      none_on_host.c
 */
#ifndef BENCH_PORT_H
#define BENCH_PORT_H

#include <stddef.h>
#include <stdint.h>

enum bench_stream {
    BENCH_INPUTS,   /* in: model inputs, KWS_MODEL_INPUT_BYTES each */
    BENCH_AUDIO,    /* in: crops, KWS_CROP_SAMPLES int16 each */
    BENCH_OUTPUTS,  /* out: KWS_MODEL_OUTPUT_BYTES for each input */
    BENCH_FEATURES, /* out: KWS_BINS int8 for each frame of each crop */
    BENCH_RESULT,   /* out: one line of key=value, see bench_main.c */
    BENCH_STREAMS
};

/* Opens all streams. Ends the program when that fails. */
void bench_open(void);

/* Reads the next `count` bytes. Returns 1, or 0 at the end of the stream. */
int bench_read(enum bench_stream stream, void *bytes, size_t count);

/* Appends `count` bytes, or compares them with what is expected where the machine has no files. */
void bench_write(enum bench_stream stream, const void *bytes, size_t count);

/* Bytes written that were not as expected; 0 where the host compares. */
uint32_t bench_mismatched_bytes(void);

/* Flushes the streams and ends the program: 0 is success. */
void bench_exit(int code);

/* Starts the counter. */
void bench_counter_start(void);

/* Ticks since then, modulo 2^32: instructions under QEMU in units of the emulated clock, cycles of
 * the core on a board, 0 on the host. */
uint32_t bench_ticks(void);

/* Stack in bytes that `run` needs below the frame of its caller; 0 on the host. */
uint32_t bench_stack_of(void (*run)(void));

#endif
