#include "common/event/topics.h"

const struct topic topics[] = {
    {TOPIC_EVENTS, "ingest, retrier", "consumer-primary, feature-tracker", TOPIC_PARTITIONS_CONFIGURED},
    {TOPIC_POST_PROCESSING, "consumer-primary", "consumer-postproc", TOPIC_PARTITIONS_SAME_AS_EVENTS},
    {TOPIC_POST_PROCESSING_BACKFILL, "millrace", "consumer-postproc", TOPIC_PARTITIONS_SAME_AS_EVENTS},
    {TOPIC_FEATURE_BACKFILL, "millrace", "feature-tracker", TOPIC_PARTITIONS_SAME_AS_EVENTS},
    {TOPIC_SYSTEM_EVENTS, "retrier, consumer-postproc, feature-tracker", "webhook",
     TOPIC_PARTITIONS_CONFIGURED},
    {NULL, NULL, NULL, TOPIC_PARTITIONS_CONFIGURED},
};
