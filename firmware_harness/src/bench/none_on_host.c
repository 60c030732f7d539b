/* none_on_host.c - no counter and no painted stack: the host only compares bytes. */
#include "bench_port.h"

void bench_counter_start(void)
{
}

uint32_t bench_ticks(void)
{
    return 0;
}

uint32_t bench_stack_of(void (*run)(void))
{
    run();
    return 0;
}
