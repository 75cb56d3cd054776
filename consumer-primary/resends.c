#include "consumer-primary/resends.h"

#include "common/base/alloc.h"

#include <stdlib.h>
#include <string.h>

bool event_place_is_before(const struct event_place *a, const struct event_place *b)
{
    if (a->epoch != b->epoch)
        return a->epoch < b->epoch;
    if (a->partition != b->partition)
        return a->partition < b->partition;
    return a->offset < b->offset;
}

/* ---- within the batch: open addressing over the identities, which are hashes already ---- */

struct leaders {
    uint32_t *slots; /* index + 1; 0: free */
    uint32_t mask;
};

static uint32_t table_size(uint32_t count)
{
    uint32_t size = 16;

    while (size < count * 2)
        size *= 2;
    return size;
}

static uint32_t find_or_add(const struct leaders *leaders, const struct resend *records, uint32_t index,
                            resend_is_same *is_same, void *owner)
{
    uint32_t at = (uint32_t)records[index].identity & leaders->mask;

    for (; leaders->slots[at] != 0; at = (at + 1) & leaders->mask) {
        uint32_t other = leaders->slots[at] - 1;
        if (records[other].identity == records[index].identity && is_same(owner, other, index))
            return other;
    }
    leaders->slots[at] = index + 1;
    return index;
}

void resends_find_leaders(struct resend *records, uint32_t count, resend_is_same *is_same, void *owner)
{
    uint32_t size = table_size(count);
    struct leaders leaders = {xcalloc(size, sizeof(uint32_t)), size - 1};

    for (uint32_t i = 0; i < count; i++)
        if (records[i].is_event)
            records[i].leader = find_or_add(&leaders, records, i, is_same, owner);
    free(leaders.slots);
}

/* ---- the verdict ---- */

enum verdict resend_verdict(const struct resend *records, uint32_t index, struct event_place *in_out_first)
{
    const struct resend *record = &records[index];
    const struct resend *leader = &records[record->leader];
    const struct event_copy *earlier = leader->earlier;
    const unsigned char *first_hash = earlier != NULL ? earlier->content_hash : leader->content_hash;

    if (record == leader && earlier == NULL)
        return VERDICT_FIRST;
    if (earlier != NULL)
        *in_out_first = earlier->place;
    else
        in_out_first->offset = leader->offset; /* epoch and partition are the record's own */
    return memcmp(record->content_hash, first_hash, DIGEST_128_BYTES) == 0 ? VERDICT_DUPLICATE
                                                                           : VERDICT_CONFLICT;
}
