#include "common/service/key_guard.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/base/ip_network.h"

#include <stdlib.h>

#define uthash_fatal(message) BUG("%s", message)
#include <uthash.h>

struct guarded {
    struct in6_addr network; /* the key */
    uint64_t until_ms;       /* end of its minute */
    uint32_t tries;
    UT_hash_handle hh;
};

/* uthash keeps the order in which addresses were added, which is that in which their minutes end. */
struct key_guard {
    struct guarded *by_network;
};

struct key_guard *key_guard_new(void)
{
    return xcalloc(1, sizeof(struct key_guard));
}

static void forget_first(struct key_guard *guard)
{
    struct guarded *first = guard->by_network;

    HASH_DEL(guard->by_network, first);
    free(first);
}

void key_guard_free(struct key_guard **guard)
{
    if (*guard == NULL)
        return;
    while ((*guard)->by_network != NULL)
        forget_first(*guard);
    free(*guard);
    *guard = NULL;
}

static void forget_old(struct key_guard *guard, uint64_t now_ms)
{
    while (guard->by_network != NULL && guard->by_network->until_ms <= now_ms)
        forget_first(guard);
}

uint32_t key_guard_on_wrong_key(struct key_guard *guard, const char *peer, uint64_t now_ms)
{
    struct in6_addr network;
    struct guarded *one = NULL;

    if (!ip_network_parse(peer, &network))
        return 0;
    forget_old(guard, now_ms);
    HASH_FIND(hh, guard->by_network, &network, sizeof(network), one);
    if (one == NULL) {
        if (HASH_COUNT(guard->by_network) == KEY_GUARD_ADDRESSES_MAX)
            forget_first(guard);
        one = xcalloc(1, sizeof(*one));
        one->network = network;
        one->until_ms = now_ms + KEY_GUARD_WINDOW_MS;
        HASH_ADD(hh, guard->by_network, network, sizeof(network), one);
    }
    if (one->tries == KEY_GUARD_TRIES)
        return (uint32_t)((one->until_ms - now_ms + 999) / 1000);
    one->tries++;
    return 0;
}

uint32_t key_guard_addresses(const struct key_guard *guard)
{
    return HASH_COUNT(guard->by_network);
}
