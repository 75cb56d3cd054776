#include "common/event/event_id.h"

#include "common/base/bug.h"

#include <string.h>
#include <sys/random.h>

/* 128 bits in 26 characters of 5: the first carries only 3. */
void ulid_write(uint64_t unix_ms, const unsigned char random[10], char out[ULID_TEXT_BYTES])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned __int128 bits = unix_ms & UINT64_C(0xffffffffffff);

    for (size_t i = 0; i < 10; i++)
        bits = bits << 8 | random[i];
    for (int i = ULID_TEXT_BYTES - 2; i >= 0; i--) {
        out[i] = digits[bits & 0x1f];
        bits >>= 5;
    }
    out[ULID_TEXT_BYTES - 1] = '\0';
}

void ulid_make(uint64_t unix_ms, char out[ULID_TEXT_BYTES])
{
    unsigned char random[10];

    /* So few bytes come whole and uninterrupted, once the kernel has gathered its first entropy. */
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        BUG("getrandom");
    ulid_write(unix_ms, random, out);
}

void event_id_make(uint64_t unix_ms, char out[EVENT_ID_MADE_BYTES])
{
    static const char prefix[] = "event_";

    memcpy(out, prefix, sizeof(prefix) - 1);
    ulid_make(unix_ms, out + sizeof(prefix) - 1);
}
