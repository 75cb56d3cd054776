#include "ctl/secret_key.h"

#include "common/base/bug.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

void secret_key_write(const unsigned char random[SECRET_KEY_RANDOM_BYTES], char out[SECRET_KEY_TEXT_BYTES])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    char *next = out;
    unsigned bits = 0;
    int bit_count = 0;

    memcpy(next, "sk_", 3);
    next += 3;
    for (int i = 0; i < SECRET_KEY_RANDOM_BYTES; i++) {
        bits = (bits << 8 | random[i]) & 0xfff; /* at most 4 old bits are still to be written */
        for (bit_count += 8; bit_count >= 5; bit_count -= 5)
            *next++ = digits[bits >> (bit_count - 5) & 31];
    }
    *next = '\0';
}

void secret_key_make(char out[SECRET_KEY_TEXT_BYTES])
{
    unsigned char random[SECRET_KEY_RANDOM_BYTES];

    /* Requests of up to 256 bytes are never cut short, once the kernel has collected enough. */
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        BUG("getrandom: errno %d", errno);
    secret_key_write(random, out);
}

void secret_key_display(const char key[SECRET_KEY_TEXT_BYTES], char out[SECRET_KEY_DISPLAY_BYTES])
{
    (void)snprintf(out, SECRET_KEY_DISPLAY_BYTES, "%.5s***%s", key, key + strlen(key) - 2);
}
