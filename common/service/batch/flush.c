#include "common/service/batch/flush.h"

uint32_t flush_wait_ms(const struct flush_policy *policy, const struct flush_state *state)
{
    uint64_t half_time_ms = 2 * (uint64_t)state->last_insert_took_ms * state->busy_partitions;
    uint64_t longest_ms = (uint64_t)policy->interval_ms * 20; /* a slow server makes events late, not stale */

    if (half_time_ms > longest_ms)
        half_time_ms = longest_ms;
    return half_time_ms > policy->interval_ms ? (uint32_t)half_time_ms : policy->interval_ms;
}

uint32_t flush_due_in_ms(const struct flush_policy *policy, const struct flush_state *state, uint64_t now_ms,
                         bool is_full)
{
    if (is_full || state->last_insert_at_ms == 0)
        return 0;
    uint64_t due_ms = state->last_insert_at_ms + flush_wait_ms(policy, state);
    return due_ms <= now_ms ? 0 : (uint32_t)(due_ms - now_ms);
}
