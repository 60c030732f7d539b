/* counter_dwt.c - the core's own cycle counter, for boards. Source: Armv7-M ARM, C1.8. */
#include "bench_port.h"

#define DEMCR (*(volatile uint32_t *)0xE000EDFCu)
#define DWT_CTRL (*(volatile uint32_t *)0xE0001000u)
#define DWT_CYCCNT (*(volatile uint32_t *)0xE0001004u)
#define DWT_LAR (*(volatile uint32_t *)0xE0001FB0u)

void bench_counter_start(void)
{
    DEMCR |= 1u << 24;     /* TRCENA */
    DWT_LAR = 0xC5ACCE55u; /* Cortex-M7 locks the counter; others ignore this */
    DWT_CYCCNT = 0;
    DWT_CTRL |= 1u;
}

uint32_t bench_ticks(void)
{
    return DWT_CYCCNT;
}
