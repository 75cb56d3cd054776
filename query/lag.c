#include "query/lag.h"

#include "common/base/alloc.h"
#include "common/codec/json_write.h"

#include <inttypes.h>
#include <stdio.h>

void lag_unknown(struct lag *out_lag, const char *why)
{
    *out_lag = (struct lag){.is_known = false};
    (void)snprintf(out_lag->why, sizeof(out_lag->why), "%s", why);
}

static bool has_committed(const struct positions *positions)
{
    for (int32_t i = 0; i < positions->count; i++)
        if (positions->items[i].committed >= 0)
            return true;
    return false;
}

void lag_of(const struct positions_of *whose, const struct positions *positions, bool may_be_absent,
            struct lag *out_lag)
{
    struct lag lag = {.is_known = true};

    if (!positions->is_known) {
        lag_unknown(out_lag, positions->why);
        return;
    }
    lag_unknown(out_lag, "");
    if (may_be_absent && !has_committed(positions)) {
        (void)snprintf(out_lag->why, sizeof(out_lag->why), "the group %s has not read %s yet", whose->group,
                       whose->topic);
        return;
    }
    for (int32_t i = 0; i < positions->count; i++) {
        const struct position *item = &positions->items[i];
        if (item->next > item->end) {
            (void)snprintf(out_lag->why, sizeof(out_lag->why),
                           "the group %s stands behind the end of %s[%" PRId32 "]: the topic was made anew",
                           whose->group, whose->topic, i);
            return;
        }
        lag.records += (uint64_t)(item->end - item->next);
    }
    lag.has_age = lag.records == 0;
    *out_lag = lag;
}

void lag_write(struct buf *out, const char *name, const struct lag *lag)
{
    AUTO_STRING seconds_name = xasprintf("%s_seconds", name);
    AUTO_STRING reason_name = xasprintf("%s_reason", name);
    AUTO_BUF seconds = {0};

    if (lag->is_known && lag->has_age)
        buf_printf(&seconds, "%" PRIu64 ".%03" PRIu64, lag->age_ms / 1000, lag->age_ms % 1000);
    if (lag->is_known)
        json_write_i64_member(out, name, (int64_t)lag->records);
    else
        json_write_raw_member(out, name, SLICE("null"));
    json_write_raw_member(out, seconds_name, seconds.length > 0 ? buf_slice(&seconds) : SLICE("null"));
    if (!lag->is_known)
        json_write_member(out, reason_name, slice_from(lag->why));
}
