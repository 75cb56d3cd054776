#include "common/io/offload.h"

#include "common/base/alloc.h"
#include "common/base/bug.h"
#include "common/io/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct job_list {
    struct offload_job *first;
    struct offload_job **end;
};

struct offload {
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the two lists and is_stopping */
    pthread_cond_t has_work;
    struct job_list waiting;
    struct job_list done;
    bool is_stopping;
    struct loop_wakeup wakeup;
};

static void list_init(struct job_list *list)
{
    *list = (struct job_list){.end = &list->first};
}

static void list_add(struct job_list *list, struct offload_job *job)
{
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
}

static struct offload_job *list_take(struct job_list *list)
{
    struct offload_job *job = list->first;

    if (job != NULL)
        list->first = job->next;
    if (list->first == NULL)
        list->end = &list->first;
    return job;
}

static void lock(struct offload *offload)
{
    BUG_ON(pthread_mutex_lock(&offload->mutex) != 0);
}

static void unlock(struct offload *offload)
{
    BUG_ON(pthread_mutex_unlock(&offload->mutex) != 0);
}

static void *run(void *argument)
{
    struct offload *offload = argument;

    lock(offload);
    while (!offload->is_stopping) {
        struct offload_job *job = list_take(&offload->waiting);
        if (job == NULL) {
            BUG_ON(pthread_cond_wait(&offload->has_work, &offload->mutex) != 0);
            continue;
        }
        unlock(offload);
        job->work(job);
        lock(offload);
        list_add(&offload->done, job);
        loop_wakeup_send(&offload->wakeup);
    }
    unlock(offload);
    return NULL;
}

static struct offload_job *take_done(struct offload *offload)
{
    lock(offload);
    struct offload_job *job = list_take(&offload->done);
    unlock(offload);
    return job;
}

static void on_wakeup(void *owner)
{
    struct offload *offload = owner;
    struct offload_job *job;

    while ((job = take_done(offload)) != NULL)
        job->on_done(job);
}

/* Signals are the main thread's: the new thread inherits a mask that blocks them all. */
static void start_thread(struct offload *offload)
{
    sigset_t all;
    sigset_t before;

    sigfillset(&all);
    BUG_ON(pthread_sigmask(SIG_SETMASK, &all, &before) != 0);
    if (pthread_create(&offload->thread, NULL, run, offload) != 0)
        BUG("no thread could be started (is the limit of tasks, TasksMax, high enough?)");
    BUG_ON(pthread_sigmask(SIG_SETMASK, &before, NULL) != 0);
}

struct offload *offload_start(struct loop *loop)
{
    struct offload *offload = xcalloc(1, sizeof(*offload));

    list_init(&offload->waiting);
    list_init(&offload->done);
    BUG_ON(pthread_mutex_init(&offload->mutex, NULL) != 0);
    BUG_ON(pthread_cond_init(&offload->has_work, NULL) != 0);
    loop_wakeup_init(&offload->wakeup, loop, on_wakeup, offload);
    start_thread(offload);
    return offload;
}

static void drop_all(struct job_list *list)
{
    struct offload_job *job;

    while ((job = list_take(list)) != NULL)
        if (job->on_dropped != NULL)
            job->on_dropped(job);
}

void offload_stop(struct offload **offload_p)
{
    struct offload *offload = *offload_p;

    if (offload == NULL)
        return;
    lock(offload);
    offload->is_stopping = true;
    BUG_ON(pthread_cond_signal(&offload->has_work) != 0);
    unlock(offload);
    BUG_ON(pthread_join(offload->thread, NULL) != 0);
    drop_all(&offload->waiting);
    drop_all(&offload->done);
    loop_wakeup_done(&offload->wakeup);
    BUG_ON(pthread_cond_destroy(&offload->has_work) != 0);
    BUG_ON(pthread_mutex_destroy(&offload->mutex) != 0);
    free(offload);
    *offload_p = NULL;
}

void offload_run(struct offload *offload, struct offload_job *job)
{
    lock(offload);
    list_add(&offload->waiting, job);
    BUG_ON(pthread_cond_signal(&offload->has_work) != 0);
    unlock(offload);
}
