/*
 * The metadata of an offset commit. What reads as a plan is written and read again without change; the first
 * 8 bytes are the committed offset.
 */
#include "tests/fuzz/fuzz.h"

#include "common/service/batch/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan_state state, again;
    char text[PLAN_METADATA_BYTES], text_again[PLAN_METADATA_BYTES];
    struct err err;
    int64_t next;

    if (size < sizeof(next))
        return 0;
    memcpy(&next, data, sizeof(next));
    next &= INT64_MAX; /* Kafka has no other offsets */
    if (plan_metadata_read(slice_of(data + sizeof(next), size - sizeof(next)), next, &state, &err) !=
        PLAN_READ)
        return 0;
    size_t length = plan_metadata_write(&state, text);
    EXPECT(plan_metadata_read(slice_of(text, length), next, &again, &err) == PLAN_READ);
    EXPECT(plan_metadata_write(&again, text_again) == length && memcmp(text, text_again, length) == 0);
    EXPECT(again.next == next && again.has_plan == state.has_plan);
    EXPECT(!state.has_plan || (again.plan.first == next && again.plan.last == state.plan.last));
    return 0;
}
