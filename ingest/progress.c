#include "ingest/progress.h"

enum progress_state progress_acknowledged(struct progress *progress, uint64_t now_ms)
{
    progress->acknowledged_ms = now_ms;
    if (progress->state == PROGRESS_NONE)
        progress->state = PROGRESS_SOME;
    return progress->state;
}

enum progress_state progress_failed(struct progress *progress, uint64_t sent_ms)
{
    progress->state = progress->acknowledged_ms > sent_ms ? PROGRESS_SOME : PROGRESS_NONE;
    return progress->state;
}

enum progress_state progress_forgive(struct progress *progress)
{
    progress->state = PROGRESS_GOOD;
    return progress->state;
}
