/*
 * offload.h - calls that block (rd_kafka_metadata, rd_kafka_offsets_for_times) on a thread of their
 * own, one after the other; the answer comes back on the loop. A job's `work` runs on that thread and may
 * touch only what it was handed.
 */
#ifndef MILLRACE_OFFLOAD_H
#define MILLRACE_OFFLOAD_H

struct loop;
struct offload;

struct offload_job {
    void (*work)(struct offload_job *job);       /* on the thread; must end by itself within seconds */
    void (*on_done)(struct offload_job *job);    /* on the loop; may free the job */
    void (*on_dropped)(struct offload_job *job); /* instead of on_done, by offload_stop; may be NULL */
    struct offload_job *next;
};

struct offload *offload_start(struct loop *loop);

/* Waits for the job that is running, if any, as nothing that it uses may be freed under it (a program that
 * stops bounds this: service.h); it, those not begun and those not yet reported are dropped. */
void offload_stop(struct offload **offload);

/* keeps the job until on_done. */
void offload_run(struct offload *offload, struct offload_job *job);

#endif
