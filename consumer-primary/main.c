/*
 * millrace-consumer-primary: every accepted event becomes one row, however often it was sent.
 *
 * Reads   topic events (group millrace-primary)
 * Writes  ClickHouse tables events, event_ids and event_outcomes; topic events_post_processing; what can't be
 * a row to events.dlq
 *
 * Promises
 *   - The first copy of an event has exactly one row, whatever is killed, whenever, how often: the batch
 * stage sees to it (common/service/batch, ARCHITECTURE.md).
 *   - A later copy of (tenant, environment, customer, id) has none, be its time or content another: what
 * became of it is in event_outcomes (primary_decider.h), for as long as event_ids knows the id (35 days).
 *   - Stored records are forwarded in order, each once for a receiver that follows envelope.h. Forwarding
 *     never holds up storing: without the topic events_post_processing rows go on being stored and read,
 *     and what is owed is forwarded by itself when it exists.
 *
 * Bad input   a record that is no event goes to events.dlq with the reason; its batch goes on.
 * ClickHouse or Kafka away or slow: the position is kept, health says so, it goes on by itself.
 * On stop     the insert under way is finished and the position committed, within drain_timeout; being
 *             killed instead loses nothing.
 */
#include "common/base/alloc.h"
#include "common/event/topics.h"
#include "common/service/batch/batch_stage.h"
#include "consumer-primary/event_row.h"
#include "consumer-primary/id_row.h"
#include "consumer-primary/outcome_row.h"
#include "consumer-primary/primary_decider.h"

#include <stdlib.h>

struct consumer_primary {
    struct primary primary;
    struct batch_stage *batches;
};

static void stop(void *stage)
{
    struct consumer_primary *primary = stage;

    batch_stage_stop(&primary->batches);
    primary_done(&primary->primary);
    free(primary);
}

static bool start(struct service *service, void **out_stage, struct err *err)
{
    const struct config *config = service_config(service);
    struct consumer_primary *primary = xcalloc(1, sizeof(*primary));

    primary_init(&primary->primary, config->topics.events, service_metrics(service));
    const struct batch_stage_description description = {
        .name = "consumer-primary",
        .source_topic = config->topics.events,
        .group = GROUP_PRIMARY,
        .forward_topic = config->topics.post_processing,
        .table = {"events", event_row_columns},
        .companions = {[PRIMARY_IDS] = {"event_ids", id_row_columns},
                       [PRIMARY_OUTCOMES] = {"event_outcomes", outcome_row_columns}},
        .decider = &primary_decider,
        .identify = primary_identify,
        .on_reject = primary_on_reject,
        .owner = &primary->primary,
    };
    if (!batch_stage_start(service, &config->consumer_primary, &description, &primary->batches, err)) {
        stop(primary);
        return false;
    }
    *out_stage = primary;
    return true;
}

static void drain(void *stage)
{
    struct consumer_primary *primary = stage;

    batch_stage_drain(primary->batches);
}

static void write_status(void *stage, char *text, size_t size)
{
    struct consumer_primary *primary = stage;

    batch_stage_write_status(primary->batches, text, size);
}

static const struct service_description consumer_primary = {
    .name = "consumer-primary",
    .summary =
        "Stores every record of the topic events as one row of ClickHouse's table events, exactly once,\n"
        "and forwards it to events_post_processing.",
    .start = start,
    .drain = drain,
    .stop = stop,
    .write_status = write_status,
};

int main(int argc, char **argv)
{
    return service_run(&consumer_primary, argc, argv);
}
