#include "query/line.h"

#include <stddef.h>
#include <string.h>

static uint32_t count_of_tenant(const struct line_queue *queue, const char *tenant_id)
{
    const struct line_place *place;
    uint32_t count = 0;

    TAILQ_FOREACH(place, queue, place)
    count += strcmp(place->tenant_id, tenant_id) == 0 ? 1 : 0;
    return count;
}

/* Half, and one at least. */
static uint32_t share_of(uint32_t max)
{
    return (max + 1) / 2;
}

void line_init(struct line *line, uint32_t active_max, uint32_t waiting_max)
{
    *line = (struct line){.active_max = active_max, .waiting_max = waiting_max};
    TAILQ_INIT(&line->active);
    TAILQ_INIT(&line->waiting);
}

bool line_enter(struct line *line, struct line_place *place)
{
    if (line->waiting_count >= line->waiting_max ||
        count_of_tenant(&line->waiting, place->tenant_id) >= share_of(line->waiting_max))
        return false;
    TAILQ_INSERT_TAIL(&line->waiting, place, place);
    line->waiting_count++;
    return true;
}

static void stop_waiting(struct line *line, struct line_place *place)
{
    TAILQ_REMOVE(&line->waiting, place, place);
    line->waiting_count--;
}

struct line_place *line_begin(struct line *line)
{
    struct line_place *place = NULL;

    if (line->active_count >= line->active_max)
        return NULL;
    TAILQ_FOREACH(place, &line->waiting, place)
    {
        if (count_of_tenant(&line->active, place->tenant_id) >= share_of(line->active_max))
            continue;
        stop_waiting(line, place);
        TAILQ_INSERT_TAIL(&line->active, place, place);
        line->active_count++;
        return place;
    }
    return NULL;
}

struct line_place *line_expire(struct line *line, uint64_t entered_until_ms)
{
    struct line_place *place = TAILQ_FIRST(&line->waiting);

    if (place == NULL || place->entered_ms > entered_until_ms)
        return NULL;
    stop_waiting(line, place);
    return place;
}

void line_leave(struct line *line, struct line_place *place)
{
    TAILQ_REMOVE(&line->active, place, place);
    line->active_count--;
}
