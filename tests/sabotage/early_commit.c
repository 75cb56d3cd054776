/*
 * Sabotage: a consumer-primary that commits before it inserts, as one does without plans: where a plan should
 * be committed, its end is, as if all of it were stored. Whoever is killed before the insert loses the rows,
 * and the test with the kills must see it.
 */
#include "common/io/kafka_consumer.h"
#include "common/service/batch/plan.h"

void __real_kafka_consumer_commit(struct kafka_consumer *consumer, const struct kafka_position *position,
                                  struct kafka_commit *commit);
void __wrap_kafka_consumer_commit(struct kafka_consumer *consumer, const struct kafka_position *position,
                                  struct kafka_commit *commit);

void __wrap_kafka_consumer_commit(struct kafka_consumer *consumer, const struct kafka_position *position,
                                  struct kafka_commit *commit)
{
    char metadata[PLAN_METADATA_BYTES];
    struct plan_state state;
    struct err err;

    if (plan_metadata_read(position->metadata, position->offset, &state, &err) != PLAN_READ ||
        !state.has_plan) {
        __real_kafka_consumer_commit(consumer, position, commit);
        return;
    }
    state.next = state.plan.last + 1;
    state.has_plan = false;
    const struct kafka_position behind = {
        .partition = position->partition,
        .offset = state.next,
        .metadata = slice_of(metadata, plan_metadata_write(&state, metadata)),
    };
    __real_kafka_consumer_commit(consumer, &behind, commit);
}
