/*
 * each_decider.h - a decider that looks at each record by itself and asks nobody, for tests of the batch
 * stage. Of a record that it keeps the first companion gets "kept:<offset>;".
 */
#ifndef MILLRACE_TESTS_EACH_DECIDER_H
#define MILLRACE_TESTS_EACH_DECIDER_H

#include "common/service/batch/decider.h"

/* Appends the record's row; false with ERR_REJECT and nothing appended: it can't be a row. */
typedef bool decide_record(void *owner, const struct batch_record *record, struct buf *rows, struct err *err);

/* Decides all records of the batch. */
void decide_each(struct batch *batch, uint32_t epoch, decide_record *decide, void *owner);

/* The owner of the stage is a struct each_decider. */
struct each_decider {
    decide_record *decide;
    void *owner;
    bool is_waiting;     /* prepare says no */
    const char *problem; /* and why; NULL: nothing hinders */
    int open_count;      /* deciders that are open */
    int opened_count;    /* that were ever opened */
    int prepared_count;  /* how often prepare was called */
    int forgotten_count; /* batches that were decided and are gone */
};

extern const struct decider_class each_decider_class;

#endif
