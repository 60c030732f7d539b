/* stream_semihosting.c - the streams as files of the emulator's working folder.
 *
 * Source: Semihosting for AArch32 and AArch64, Arm 2022: operations and their blocks.
 */
#include "bench_port.h"

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { MODE_READ = 1, MODE_WRITE = 5 }; /* as fopen's rb and wb */
enum { FAULT = 3, NO_FILE = 2 };        /* exit codes */

static uint32_t files[BENCH_STREAMS];

static uint32_t call(uint32_t operation, const uint32_t *block)
{
    register uint32_t r0 __asm("r0") = operation;
    register const uint32_t *r1 __asm("r1") = block;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void stop(int code)
{
    const uint32_t block[2] = {0x20026u, (uint32_t)code}; /* ADP_Stopped_ApplicationExit */
    for (;;) (void)call(SYS_EXIT_EXTENDED, block);
}

void bench_open(void)
{
    static const char *const names[BENCH_STREAMS] = {
        "inputs.bin", "audio.bin", "outputs.bin", "features.bin", "result.txt",
    };
    for (int i = 0; i < BENCH_STREAMS; i++) {
        uint32_t length = 0;
        while (names[i][length] != '\0') length++;
        const uint32_t mode = i < BENCH_OUTPUTS ? MODE_READ : MODE_WRITE;
        const uint32_t block[3] = {(uint32_t)names[i], mode, length};
        files[i] = call(SYS_OPEN, block);
        if (files[i] == UINT32_MAX) stop(NO_FILE);
    }
}

int bench_read(enum bench_stream stream, void *bytes, size_t count)
{
    const uint32_t block[3] = {files[stream], (uint32_t)bytes, count};
    return call(SYS_READ, block) == 0; /* it returns how many bytes are missing */
}

void bench_write(enum bench_stream stream, const void *bytes, size_t count)
{
    const uint32_t block[3] = {files[stream], (uint32_t)bytes, count};
    if (call(SYS_WRITE, block) != 0) stop(NO_FILE);
}

uint32_t bench_mismatched_bytes(void)
{
    return 0;
}

void bench_exit(int code)
{
    for (int i = 0; i < BENCH_STREAMS; i++) (void)call(SYS_CLOSE, &files[i]);
    stop(code);
}

void fault_handler(void);

void fault_handler(void)
{
    stop(FAULT);
}
