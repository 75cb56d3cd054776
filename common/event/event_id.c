#include "common/event/event_id.h"

#include "common/base/bug.h"

#include <string.h>
#include <sys/random.h>

/* 128 bits in 26 characters of 5: the first carries only 3. */
void ulid_write(uint64_t unix_ms, const unsigned char random[ULID_RANDOM_BYTES], char out[ULID_TEXT_BYTES])
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned __int128 bits = unix_ms & UINT64_C(0xffffffffffff);

    for (size_t i = 0; i < ULID_RANDOM_BYTES; i++)
        bits = bits << 8 | random[i];
    for (int i = ULID_TEXT_BYTES - 2; i >= 0; i--) {
        out[i] = digits[bits & 0x1f];
        bits >>= 5;
    }
    out[ULID_TEXT_BYTES - 1] = '\0';
}

static void draw(unsigned char random[ULID_RANDOM_BYTES])
{
    /* So few bytes come whole and uninterrupted, once the kernel has gathered its first entropy. */
    if (getrandom(random, ULID_RANDOM_BYTES, 0) != ULID_RANDOM_BYTES)
        BUG("getrandom");
}

/* One more, as a number; behind the last comes 0. */
static void increment(unsigned char random[ULID_RANDOM_BYTES])
{
    size_t i = ULID_RANDOM_BYTES;

    do
        random[--i]++;
    while (random[i] == 0 && i > 0);
}

void ulid_make(uint64_t unix_ms, char out[ULID_TEXT_BYTES])
{
    unsigned char random[ULID_RANDOM_BYTES];

    draw(random);
    ulid_write(unix_ms, random, out);
}

void event_ids_next(struct event_ids *ids, char out[EVENT_ID_MADE_BYTES])
{
    static const char prefix[] = "event_";

    if (ids->has_random)
        increment(ids->random);
    else
        draw(ids->random);
    ids->has_random = true;
    memcpy(out, prefix, sizeof(prefix) - 1);
    ulid_write(ids->unix_ms, ids->random, out + sizeof(prefix) - 1);
}
