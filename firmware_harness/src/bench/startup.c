/* startup.c - vector table and reset of any Cortex-M from M3 on; link.ld gives the symbols.
 *
 * The clock stays as reset leaves it: counts of instructions and of cycles do not depend on it, but
 * for wait states of a flash.
 */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SCB_CCR REGISTER(0xE000ED14u)
#define SCB_CPACR REGISTER(0xE000ED88u)
#define CCR_DC (1u << 16)
#define CCR_IC (1u << 17)
#define CCR_BP (1u << 18)
#define CCR_LOB (1u << 19)

extern uint32_t image_stack_top[];
extern const uint32_t image_data_load[];
extern uint32_t image_data_start[], image_data_end[];
extern uint32_t image_bss_start[], image_bss_end[];

int main(void);
void reset_handler(void);
void default_handler(void);
void fault_handler(void) __attribute__((weak, alias("default_handler")));
void systick_handler(void) __attribute__((weak, alias("default_handler")));

void default_handler(void)
{
    for (;;) {
    }
}

#if defined(__ARM_ARCH_7EM__) && defined(__ARM_FP) && (__ARM_FP & 8)
/* Cortex-M7: both caches, or flash would hide what the core does. Source: Armv7-M ARM, B2.2.7. */
static void enable_caches(void)
{
    REGISTER(0xE000EF50u) = 0; /* ICIALLU: invalidate all instructions */
    REGISTER(0xE000ED84u) = 0; /* CSSELR: level 1 data */
    __asm volatile("dsb" ::: "memory");
    uint32_t size = REGISTER(0xE000ED80u); /* CCSIDR; a line has 32 bytes */
    uint32_t ways = (size >> 3) & 0x3FFu;
    for (uint32_t set = 0; set <= ((size >> 13) & 0x7FFFu); set++)
        for (uint32_t way = 0; way <= ways; way++)
            REGISTER(0xE000EF60u) = (way << 30) | (set << 5); /* DCISW, of 4 ways */
    __asm volatile("dsb\nisb" ::: "memory");
    SCB_CCR |= CCR_IC | CCR_DC;
    __asm volatile("dsb\nisb" ::: "memory");
}
#elif defined(__ARM_ARCH_8_1M_MAIN__)
/* Cortex-M55: low-overhead branches, branch prediction and both caches, which reset invalidates. */
static void enable_caches(void)
{
    SCB_CCR |= CCR_LOB | CCR_BP | CCR_IC | CCR_DC;
    __asm volatile("dsb\nisb" ::: "memory");
}
#else
static void enable_caches(void)
{
}
#endif

/* GCC would make calls of memcpy and memset of its loops, larger than all the rest. */
__attribute__((optimize("no-tree-loop-distribute-patterns"))) void reset_handler(void)
{
    SCB_CPACR |= 0xFu << 20; /* full access to FPU and Helium; no effect where there is none */
    __asm volatile("dsb\nisb" ::: "memory");
    enable_caches();
    const uint32_t *from = image_data_load;
    for (uint32_t *to = image_data_start; to < image_data_end;) *to++ = *from++;
    for (uint32_t *to = image_bss_start; to < image_bss_end;) *to++ = 0;
    (void)main();
    default_handler();
}

typedef void (*handler)(void);

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack_top;
    handler handlers[15];
} vectors = {
    image_stack_top,
    {
        reset_handler,
        fault_handler,   /* NMI */
        fault_handler,   /* HardFault */
        fault_handler,   /* MemManage */
        fault_handler,   /* BusFault */
        fault_handler,   /* UsageFault */
        fault_handler,   /* SecureFault */
        0, 0, 0,
        fault_handler,   /* SVCall */
        fault_handler,   /* DebugMonitor */
        0,
        fault_handler,   /* PendSV */
        systick_handler,
    },
};
