#include "common/service/state_keeper.h"

#include "common/base/alloc.h"
#include "common/io/offload.h"
#include "common/service/state_file.h"

#include <stdlib.h>

struct state_keeper {
    struct offload_job job; /* first: the job is the keeper */
    struct state_keeper_settings settings;
    struct offload *offload;
    char *path, *new_path;
    bool is_writing;
    bool has_next;
    struct buf next;

    /* The thread's, while is_writing. */
    struct buf bytes;
    bool is_kept;
    struct err err;
};

static void write_on_thread(struct offload_job *job)
{
    struct state_keeper *keeper = (struct state_keeper *)job;

    keeper->is_kept =
        state_file_replace(keeper->path, keeper->new_path, buf_slice(&keeper->bytes), &keeper->err);
}

static void begin(struct state_keeper *keeper, struct buf *bytes)
{
    buf_done(&keeper->bytes);
    keeper->bytes = *bytes;
    *bytes = (struct buf){0};
    keeper->is_writing = true;
    offload_run(keeper->offload, &keeper->job);
}

static void on_written(struct offload_job *job)
{
    struct state_keeper *keeper = (struct state_keeper *)job;

    struct err err = keeper->err;
    bool is_kept = keeper->is_kept;

    keeper->is_writing = false;
    if (keeper->has_next)
        begin(keeper, &keeper->next);
    keeper->has_next = false;
    keeper->settings.on_kept(keeper->settings.owner, is_kept ? NULL : &err);
}

struct state_keeper *state_keeper_start(const struct state_keeper_settings *settings)
{
    struct state_keeper *keeper = xcalloc(1, sizeof(*keeper));

    *keeper = (struct state_keeper){
        .job = {.work = write_on_thread, .on_done = on_written},
        .settings = *settings,
        .offload = offload_start(settings->loop),
        .path = xstrdup(settings->path),
        .new_path = xasprintf("%s.new-%s", settings->path, settings->instance),
    };
    return keeper;
}

void state_keeper_stop(struct state_keeper **keeper_p)
{
    struct state_keeper *keeper = *keeper_p;

    if (keeper == NULL)
        return;
    offload_stop(&keeper->offload);
    buf_done(&keeper->bytes);
    buf_done(&keeper->next);
    free_string(&keeper->path);
    free_string(&keeper->new_path);
    free(keeper);
    *keeper_p = NULL;
}

void state_keeper_keep(struct state_keeper *keeper, struct buf *bytes)
{
    if (!keeper->is_writing) {
        begin(keeper, bytes);
        return;
    }
    buf_done(&keeper->next);
    keeper->next = *bytes;
    *bytes = (struct buf){0};
    keeper->has_next = true;
}
