/* stream_embedded.c - the streams of a board without files: inputs and expected bytes in flash, and
 * the result over RTT, which any probe reads out of RAM while the core runs.
 *
 * Source: SEGGER RTT, the control block that its readers look for.
 */
#include <string.h>

#include "bench_data.h"
#include "bench_port.h"

struct rtt_channel {
    const char *name;
    char *buffer;
    uint32_t size;
    volatile uint32_t written; /* by the board */
    volatile uint32_t read;    /* by the probe */
    uint32_t flags;
};

struct rtt {
    char id[16];
    int32_t up_channels;
    int32_t down_channels;
    struct rtt_channel up[1];
};

static char result[4096];
static size_t positions[BENCH_RESULT];
static uint32_t mismatched_bytes;

extern struct rtt _SEGGER_RTT;
struct rtt _SEGGER_RTT = {
    "SEGGER RTT", 1, 0, {{"result", result, sizeof result, 0, 0, 0}},
};

void bench_open(void)
{
}

int bench_read(enum bench_stream stream, void *bytes, size_t count)
{
    const struct bench_data *data = &bench_data[stream];
    if (count > data->size - positions[stream]) return 0;
    memcpy(bytes, data->bytes + positions[stream], count);
    positions[stream] += count;
    return 1;
}

static void report(const char *text, size_t count)
{
    uint32_t end = _SEGGER_RTT.up[0].written;
    if (count >= sizeof result - end) return; /* more layers than any line has room for */
    memcpy(result + end, text, count);
    _SEGGER_RTT.up[0].written = end + (uint32_t)count;
}

void bench_write(enum bench_stream stream, const void *bytes, size_t count)
{
    if (stream == BENCH_RESULT) {
        report(bytes, count);
        return;
    }
    const struct bench_data *data = &bench_data[stream];
    const unsigned char *found = bytes;
    for (size_t i = 0; i < count; i++) {
        size_t at = positions[stream] + i;
        if (at >= data->size || data->bytes[at] != found[i]) mismatched_bytes++;
    }
    positions[stream] += count;
}

uint32_t bench_mismatched_bytes(void)
{
    return mismatched_bytes;
}

void bench_exit(int code)
{
    (void)code;
    for (;;) __asm volatile("nop"); /* awake, so that the probe can read */
}

void fault_handler(void);

void fault_handler(void)
{
    static const char text[] = "fault=1\n";
    report(text, sizeof text - 1);
    bench_exit(1);
}
