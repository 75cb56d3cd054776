#include "common/event/topics.h"

/* clang-format off */
const struct topic topics[] = {
    {TOPIC_EVENTS, "ingest, retrier",
     {{"consumer-primary", GROUP_PRIMARY}, {"feature-tracker", GROUP_FEATURES}}, TOPIC_PARTITIONS_CONFIGURED},
    {TOPIC_POST_PROCESSING, "consumer-primary",
     {{"consumer-postproc", GROUP_POSTPROC}}, TOPIC_PARTITIONS_SAME_AS_EVENTS},
    {TOPIC_POST_PROCESSING_BACKFILL, "millrace",
     {{"consumer-postproc", GROUP_POSTPROC}}, TOPIC_PARTITIONS_SAME_AS_EVENTS},
    {TOPIC_FEATURE_BACKFILL, "millrace",
     {{"feature-tracker", GROUP_FEATURES}}, TOPIC_PARTITIONS_SAME_AS_EVENTS},
    {TOPIC_SYSTEM_EVENTS, "retrier, consumer-postproc, feature-tracker",
     {{"webhook", GROUP_WEBHOOK}}, TOPIC_PARTITIONS_CONFIGURED},
    {.name = NULL},
};
/* clang-format on */
