/* stream_stdio.c - the streams as files of the working folder, on the host. */
#include <stdio.h>
#include <stdlib.h>

#include "bench_port.h"

static FILE *files[BENCH_STREAMS];

void bench_open(void)
{
    static const char *const names[BENCH_STREAMS] = {
        "inputs.bin", "audio.bin", "outputs.bin", "features.bin", "result.txt",
    };
    for (int i = 0; i < BENCH_STREAMS; i++) {
        files[i] = fopen(names[i], i < BENCH_OUTPUTS ? "rb" : "wb");
        if (files[i] == NULL) exit(2);
    }
}

int bench_read(enum bench_stream stream, void *bytes, size_t count)
{
    return fread(bytes, 1, count, files[stream]) == count;
}

void bench_write(enum bench_stream stream, const void *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, files[stream]) != count) exit(2);
}

uint32_t bench_mismatched_bytes(void)
{
    return 0;
}

void bench_exit(int code)
{
    for (int i = 0; i < BENCH_STREAMS; i++)
        if (fclose(files[i]) != 0) code = 2;
    exit(code);
}
