/* kws_memory.h - memcpy, memmove and memset: the C library's, or kws_memory.c's without one.
 *
 * Compilers call these three by themselves, whatever the source says. KWS_NO_LIBRARY is defined
 * with -ffreestanding, and where the compiler finds no <string.h>.
 */
#ifndef KWS_MEMORY_H
#define KWS_MEMORY_H

#include <stddef.h>

#ifndef KWS_NO_LIBRARY
#if defined(__STDC_HOSTED__) && __STDC_HOSTED__ == 0
#define KWS_NO_LIBRARY
#elif defined(__has_include)
#if !__has_include(<string.h>)
#define KWS_NO_LIBRARY
#endif
#endif
#endif

#ifndef KWS_NO_LIBRARY
#include <string.h>
#else

#ifdef __cplusplus
extern "C" {
#endif

void *memcpy(void *to, const void *from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);

#ifdef __cplusplus
}
#endif

#endif

#endif
