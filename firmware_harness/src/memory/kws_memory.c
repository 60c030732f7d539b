/* kws_memory.c - memcpy, memmove and memset, for builds without a C library; else empty.
 *
 * Byte by byte. They are weak, so that a program's own take their place.
 */
#include "kws_memory.h"

#ifdef KWS_NO_LIBRARY

/* A compiler would make calls of memcpy and memset of these loops: calls of themselves. */
#if defined(__GNUC__)
#define KEEP_LOOP __asm__ volatile("" : : : "memory")
#define WEAK __attribute__((weak))
#else
#define KEEP_LOOP (void)0
#define WEAK
#endif

WEAK void *memcpy(void *to, const void *from, size_t count)
{
    unsigned char *write = (unsigned char *)to;
    const unsigned char *read = (const unsigned char *)from;
    for (; count > 0; count--) {
        *write++ = *read++;
        KEEP_LOOP;
    }
    return to;
}

WEAK void *memmove(void *to, const void *from, size_t count)
{
    unsigned char *write = (unsigned char *)to;
    const unsigned char *read = (const unsigned char *)from;
    if (write <= read) return memcpy(to, from, count); /* which copies forwards */
    while (count-- > 0) {
        write[count] = read[count];
        KEEP_LOOP;
    }
    return to;
}

WEAK void *memset(void *to, int value, size_t count)
{
    unsigned char *write = (unsigned char *)to;
    for (; count > 0; count--) {
        *write++ = (unsigned char)value;
        KEEP_LOOP;
    }
    return to;
}

#endif
