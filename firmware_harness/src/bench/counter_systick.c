/* counter_systick.c - SysTick as counter, with its wraps. For QEMU, where DWT does not count.
 *
 * Under -icount an instruction takes a fixed time of the emulated clock, so that ticks are
 * instructions times a factor that the host knows. The wrap takes some ten of each ten million.
 */
#include "bench_port.h"

#define SYST_CSR (*(volatile uint32_t *)0xE000E010u)
#define SYST_RVR (*(volatile uint32_t *)0xE000E014u)
#define SYST_CVR (*(volatile uint32_t *)0xE000E018u)
#define BITS 24
#define PERIOD (1u << BITS)

static volatile uint32_t wraps;

void systick_handler(void);

void systick_handler(void)
{
    wraps++;
}

void bench_counter_start(void)
{
    SYST_RVR = PERIOD - 1;
    SYST_CVR = 0;
    SYST_CSR = 7; /* core clock, interrupt, on */
}

uint32_t bench_ticks(void)
{
    uint32_t before, value;
    do {
        before = wraps;
        value = SYST_CVR;
    } while (before != wraps);
    /* It counts down, and wraps when it reaches 0. */
    return (before << BITS) + ((PERIOD - value) & (PERIOD - 1));
}
