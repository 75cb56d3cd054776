#include "ingest/quota.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* A key that found no room wants some for so long; chains are found by bits of a hash that nobody chooses. */
enum { WANTS_MS = 1000, CHAINS = 1024 };

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)

/* A token bucket as one number: the moment at which all that was taken is paid for. Later than now is debt,
 * earlier than now by the burst is a full bucket. */
struct bucket {
    uint64_t paid_ns;
};

struct quota_key {
    SLIST_ENTRY(quota_key) next;
    unsigned char hash[QUOTA_KEY_BYTES];
    struct bucket events, bytes;
    size_t held_bytes;
};

struct quota {
    struct quota_limits limits;
    SLIST_HEAD(quota_chain, quota_key) chains[CHAINS];
    size_t held_bytes;
    unsigned char refused_hash[QUOTA_KEY_BYTES]; /* who last found no room, and until when it wants some */
    uint64_t refused_until_ms;
};

/* ---- buckets ---- */

/* The clock begins a burst after 0, so that a bucket of 0 is full. */
static uint64_t now_ns(const struct quota *quota, uint64_t now_ms)
{
    return (now_ms + quota->limits.burst_ms) * NS_PER_MS;
}

static bool is_full(const struct bucket *bucket, uint64_t now_ms)
{
    return bucket->paid_ns <= now_ms * NS_PER_MS;
}

static uint64_t debt_ns(const struct quota *quota, const struct bucket *bucket, uint64_t now_ms)
{
    uint64_t now = now_ns(quota, now_ms);

    return bucket->paid_ns > now ? bucket->paid_ns - now : 0;
}

static void take(struct bucket *bucket, uint64_t count, uint64_t per_s, uint64_t now_ms)
{
    uint64_t full_ns = now_ms * NS_PER_MS;
    uint64_t from_ns = bucket->paid_ns > full_ns ? bucket->paid_ns : full_ns;

    bucket->paid_ns = from_ns + count * NS_PER_S / per_s;
}

/* ---- keys ---- */

static bool is_idle(const struct quota_key *key, uint64_t now_ms)
{
    return key->held_bytes == 0 && is_full(&key->events, now_ms) && is_full(&key->bytes, now_ms);
}

static void forget_idle(struct quota_chain *chain, uint64_t now_ms)
{
    struct quota_key *next;

    for (struct quota_key *key = SLIST_FIRST(chain); key != NULL; key = next) {
        next = SLIST_NEXT(key, next);
        if (!is_idle(key, now_ms))
            continue;
        SLIST_REMOVE(chain, key, quota_key, next);
        free(key);
    }
}

struct quota_key *quota_find(struct quota *quota, const unsigned char hash[QUOTA_KEY_BYTES], uint64_t now_ms)
{
    uint32_t bits;

    memcpy(&bits, hash, sizeof(bits));
    struct quota_chain *chain = &quota->chains[bits % CHAINS];
    for (struct quota_key *known = SLIST_FIRST(chain); known != NULL; known = SLIST_NEXT(known, next))
        if (memcmp(known->hash, hash, sizeof(known->hash)) == 0)
            return known;
    forget_idle(chain, now_ms);
    struct quota_key *key = xcalloc(1, sizeof(*key));
    memcpy(key->hash, hash, sizeof(key->hash));
    SLIST_INSERT_HEAD(chain, key, next);
    return key;
}

/* ---- rates ---- */

enum quota_answer quota_check_rates(const struct quota *quota, const struct quota_key *key, uint64_t now_ms,
                                    uint32_t *out_retry_s)
{
    uint64_t events_ns = debt_ns(quota, &key->events, now_ms);
    uint64_t bytes_ns = debt_ns(quota, &key->bytes, now_ms);
    uint64_t longer_ns = events_ns > bytes_ns ? events_ns : bytes_ns;

    if (longer_ns == 0)
        return QUOTA_GOOD;
    *out_retry_s = (uint32_t)((longer_ns + NS_PER_S - 1) / NS_PER_S);
    return events_ns > bytes_ns ? QUOTA_EVENTS : QUOTA_BYTES;
}

void quota_charge(struct quota *quota, struct quota_key *key, uint64_t events, uint64_t bytes,
                  uint64_t now_ms)
{
    take(&key->events, events, quota->limits.events_per_s, now_ms);
    take(&key->bytes, bytes, quota->limits.bytes_per_s, now_ms);
}

/* ---- room ---- */

static bool others_want_room(const struct quota *quota, const struct quota_key *key, uint64_t now_ms)
{
    return quota->held_bytes > key->held_bytes ||
           (now_ms < quota->refused_until_ms &&
            memcmp(quota->refused_hash, key->hash, sizeof(key->hash)) != 0);
}

enum quota_answer quota_check_room(struct quota *quota, const struct quota_key *key, size_t bytes,
                                   uint64_t now_ms)
{
    uint64_t max_bytes = quota->limits.in_flight_max_bytes;

    if (key->held_bytes > 0 && key->held_bytes + bytes > max_bytes / 2 &&
        others_want_room(quota, key, now_ms))
        return QUOTA_SHARE;
    if (quota->held_bytes == 0 || quota->held_bytes + bytes <= max_bytes)
        return QUOTA_GOOD;
    memcpy(quota->refused_hash, key->hash, sizeof(key->hash));
    quota->refused_until_ms = now_ms + WANTS_MS;
    return QUOTA_FULL;
}

void quota_hold(struct quota *quota, struct quota_key *key, size_t bytes)
{
    key->held_bytes += bytes;
    quota->held_bytes += bytes;
}

void quota_release(struct quota *quota, struct quota_key *key, size_t bytes)
{
    BUG_ON(key->held_bytes < bytes || quota->held_bytes < bytes);
    key->held_bytes -= bytes;
    quota->held_bytes -= bytes;
}

size_t quota_held_bytes(const struct quota *quota)
{
    return quota->held_bytes;
}

/* ---- the whole ---- */

struct quota *quota_new(const struct quota_limits *limits)
{
    struct quota *quota = xcalloc(1, sizeof(*quota));

    quota->limits = *limits;
    for (size_t i = 0; i < CHAINS; i++)
        SLIST_INIT(&quota->chains[i]);
    return quota;
}

void quota_free(struct quota **quota_p)
{
    struct quota *quota = *quota_p;

    if (quota == NULL)
        return;
    for (size_t i = 0; i < CHAINS; i++) {
        while (!SLIST_EMPTY(&quota->chains[i])) {
            struct quota_key *key = SLIST_FIRST(&quota->chains[i]);
            SLIST_REMOVE_HEAD(&quota->chains[i], next);
            free(key);
        }
    }
    free(quota);
    *quota_p = NULL;
}
