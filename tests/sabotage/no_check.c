/*
 * Sabotage: a consumer-primary without the two checks that make a repeated insert harmless. Each insert has a
 * token of its own, so that ClickHouse recognises nothing, and a plan that is done again is inserted without
 * asking the table. Rows must be doubled, and the test with the kills must see it.
 */
#include "common/service/batch/plan.h"
#include "common/service/batch/settle.h"

#include <stdio.h>
#include <sys/random.h>

void __real_settle_init(struct settle *settle, bool is_replay, uint32_t row_count);

void __wrap_plan_token(const struct plan_route *route, const struct plan *plan, uint32_t round,
                       char out[PLAN_TOKEN_BYTES]);
void __wrap_settle_init(struct settle *settle, bool is_replay, uint32_t row_count);
void __wrap_settle_on_uncertain(struct settle *settle);

void __wrap_plan_token(const struct plan_route *route, const struct plan *plan, uint32_t round,
                       char out[PLAN_TOKEN_BYTES])
{
    unsigned long long bits = 0;

    (void)plan, (void)round;
    (void)!getrandom(&bits, sizeof(bits), 0);
    (void)snprintf(out, PLAN_TOKEN_BYTES, "%s/%016llx", route->table, bits);
}

void __wrap_settle_init(struct settle *settle, bool is_replay, uint32_t row_count)
{
    (void)is_replay;
    __real_settle_init(settle, false, row_count);
}

void __wrap_settle_on_uncertain(struct settle *settle)
{
    settle->next = SETTLE_INSERT;
}
