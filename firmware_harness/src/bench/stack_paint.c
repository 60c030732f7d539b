/* stack_paint.c - how deep a function's stack gets: paint what lies below, run, look what is left. */
#include "bench_port.h"

#define PAINT 0xA5A5A5A5u
#define MOST_BYTES 65536u

extern uint32_t image_bss_end[];

uint32_t bench_stack_of(void (*run)(void))
{
    uintptr_t top;
    uintptr_t low = (uintptr_t)image_bss_end;
    __asm volatile("mov %0, sp" : "=r"(top));
    if (top - low > MOST_BYTES) low = top - MOST_BYTES;
    __asm volatile("cpsid i" ::: "memory"); /* an interrupt's frame would count too */
    for (uintptr_t at = low; at < top; at += sizeof(uint32_t)) *(volatile uint32_t *)at = PAINT;
    run();
    __asm volatile("cpsie i" ::: "memory");
    uintptr_t at = low;
    while (at < top && *(volatile uint32_t *)at == PAINT) at += sizeof(uint32_t);
    return (uint32_t)(top - at);
}
