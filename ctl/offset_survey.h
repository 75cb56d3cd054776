/*
 * offset_survey.h - collects the facts of offset_plan.h about the partitions of a stage, from Kafka and
 * ClickHouse. Each call is waited for.
 */
#ifndef MILLRACE_OFFSET_SURVEY_H
#define MILLRACE_OFFSET_SURVEY_H

#include "ctl/group_client.h"
#include "ctl/offset_plan.h"

/* A batch stage, as its program describes itself. */
struct offset_stage {
    const char *name;
    const char *group;
    const char *topic;         /* the two under their configured names: borrows */
    const char *forward_topic; /* NULL: none */
    const char *table;
};

struct offset_survey;

/* Keeps both. ERR_FATAL for properties that librdkafka refuses. */
bool offset_survey_new(const struct config *config, const struct offset_stage *stage,
                       struct offset_survey **out_survey, struct err *err);
void offset_survey_free(struct offset_survey **survey);

/* ERR_FATAL when the topic does not exist. */
bool offset_survey_count(struct offset_survey *survey, int *out_partitions, struct err *err);

/* metadata: as committed, appended. */
bool offset_survey_look(struct offset_survey *survey, int32_t partition, struct offset_facts *out_facts,
                        struct buf *metadata, struct err *err);

/* For the commit. Borrows. */
struct group_client *offset_survey_group(const struct offset_survey *survey);

#endif
