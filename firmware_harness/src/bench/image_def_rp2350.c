/* image_def_rp2350.c - the block that makes RP2350's boot ROM start an image: an Arm program for the
 * secure state, whose vector table is at its beginning. Source: RP2350 datasheet, 5.9.5.1.
 */
#include <stdint.h>

__attribute__((section(".image_def"), used)) static const uint32_t image_def[5] = {
    0xFFFFDED3u, /* begin of the block */
    0x10210142u, /* item: image type, executable, secure, Arm, RP2350 */
    0x000001FFu, /* last item, after one word of items */
    0x00000000u, /* the next block is this one */
    0xAB123579u, /* end of the block */
};
