/* bench_data.h - what stream_embedded.c reads and expects; bench_data.c is written for one bundle. */
#ifndef BENCH_DATA_H
#define BENCH_DATA_H

#include <stddef.h>

#include "bench_port.h"

struct bench_data {
    const unsigned char *bytes;
    size_t size;
};

/* Of each stream but the result: what it gives, or what is to be written to it. */
extern const struct bench_data bench_data[BENCH_RESULT];

#endif
