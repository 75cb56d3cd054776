#include "common/service/batch/plan.h"

#include "common/base/bug.h"
#include "common/base/number.h"

#include <inttypes.h>
#include <stdio.h>

enum { PLAN_FORMAT_VERSION = 1 };

static const char magic[] = "millrace/";

size_t plan_metadata_write(const struct plan_state *state, char out[PLAN_METADATA_BYTES])
{
    int length =
        snprintf(out, PLAN_METADATA_BYTES, "%s%d epoch=%" PRIu32 " forwarded=%" PRId64 " suspect=%" PRId64,
                 magic, PLAN_FORMAT_VERSION, state->epoch, state->forwarded, state->suspect_until);

    if (state->has_plan)
        length += snprintf(out + length, PLAN_METADATA_BYTES - (size_t)length,
                           " last=%" PRId64 " count=%" PRIu32 " sum=%016" PRIx64 " starts=%" PRIu32,
                           state->plan.last, state->plan.count, state->plan.checksum, state->plan.starts);
    BUG_ON(length < 0 || length >= PLAN_METADATA_BYTES);
    return (size_t)length;
}

static bool read_u32(struct slice text, uint32_t *out_value)
{
    uint64_t value;

    if (!number_u64(text, &value) || value > UINT32_MAX)
        return false;
    *out_value = (uint32_t)value;
    return true;
}

/* Which members have been read: all of the first three belong to every state, the others to a plan. */
enum member {
    MEMBER_EPOCH = 1 << 0,
    MEMBER_FORWARDED = 1 << 1,
    MEMBER_SUSPECT = 1 << 2,
    MEMBER_LAST = 1 << 3,
    MEMBER_COUNT = 1 << 4,
    MEMBER_SUM = 1 << 5,
    MEMBER_STARTS = 1 << 6,
    MEMBERS_STATE = MEMBER_EPOCH | MEMBER_FORWARDED | MEMBER_SUSPECT,
    MEMBERS_PLAN = MEMBERS_STATE | MEMBER_LAST | MEMBER_COUNT | MEMBER_SUM | MEMBER_STARTS,
};

static unsigned read_member(struct slice name, struct slice value, struct plan_state *state)
{
    if (slice_equals_text(name, "epoch") && read_u32(value, &state->epoch))
        return MEMBER_EPOCH;
    if (slice_equals_text(name, "forwarded") && number_i64(value, &state->forwarded))
        return MEMBER_FORWARDED;
    if (slice_equals_text(name, "suspect") && number_i64(value, &state->suspect_until))
        return MEMBER_SUSPECT;
    if (slice_equals_text(name, "last") && number_i64(value, &state->plan.last))
        return MEMBER_LAST;
    if (slice_equals_text(name, "count") && read_u32(value, &state->plan.count))
        return MEMBER_COUNT;
    if (slice_equals_text(name, "sum") && number_hex64(value, &state->plan.checksum))
        return MEMBER_SUM;
    if (slice_equals_text(name, "starts") && read_u32(value, &state->plan.starts))
        return MEMBER_STARTS;
    return 0;
}

static bool is_sound(unsigned members, const struct plan_state *state)
{
    if (state->epoch == 0 || state->forwarded < PLAN_OFFSET_NONE || state->suspect_until < PLAN_OFFSET_NONE)
        return false;
    if (members == MEMBERS_STATE)
        return true;
    return members == MEMBERS_PLAN && state->plan.last >= state->next && state->plan.count > 0 &&
           (uint64_t)(state->plan.last - state->next) + 1 >= state->plan.count;
}

static enum plan_reading not_ours(struct slice metadata, struct err *err)
{
    err_set(err, ERR_REJECT,
            "the committed position has no metadata of ours (\"%.*s\"): somebody else moved it",
            (int)(metadata.length < 80 ? metadata.length : 80), metadata.data == NULL ? "" : metadata.data);
    return PLAN_NOT_OURS;
}

enum plan_reading plan_metadata_read(struct slice metadata, int64_t next, struct plan_state *out_state,
                                     struct err *err)
{
    struct plan_state state = {.next = next, .plan = {.first = next}};
    struct slice rest = metadata;
    struct slice word;
    uint64_t version;
    unsigned members = 0;

    (void)slice_cut(&rest, ' ', &word);
    if (!slice_starts_with(word, slice_from(magic)) ||
        !number_u64(slice_from_index(word, sizeof(magic) - 1), &version))
        return not_ours(metadata, err);
    if (version > PLAN_FORMAT_VERSION) {
        err_set(err, ERR_REJECT,
                "the committed position is of format %" PRIu64 ", this program knows %d: upgrade it", version,
                PLAN_FORMAT_VERSION);
        return PLAN_TOO_NEW;
    }
    while (!slice_is_empty(rest)) {
        struct slice name;
        (void)slice_cut(&rest, ' ', &word);
        (void)slice_cut(&word, '=', &name);
        unsigned member = read_member(name, word, &state);
        if (member == 0 || (members & member) != 0)
            return not_ours(metadata, err);
        members |= member;
    }
    if (!is_sound(members, &state))
        return not_ours(metadata, err);
    state.has_plan = members == MEMBERS_PLAN;
    *out_state = state;
    return PLAN_READ;
}

enum plan_takeover plan_take_over(const struct plan *plan)
{
    if (plan->starts < PLAN_STARTS_MAX)
        return PLAN_START;
    return plan->count > 1 ? PLAN_HALVE : PLAN_GIVE_UP;
}

bool plan_is_hopeless(const struct plan *plan)
{
    return plan->count == 1 && plan->starts > PLAN_STARTS_MAX;
}

uint32_t plan_size(const struct plan_state *state, int64_t first, uint32_t available, uint32_t *out_starts)
{
    *out_starts = 1;
    if (first > state->suspect_until)
        return available;
    uint64_t suspects = (uint64_t)(state->suspect_until - first) + 1;
    uint64_t half = suspects > 1 ? suspects / 2 : 1;
    uint32_t size = half < available ? (uint32_t)half : available;
    if (size > 1)
        *out_starts = PLAN_STARTS_MAX;
    return size;
}

void plan_token(const struct plan_route *route, const struct plan *plan, uint32_t round,
                char out[PLAN_TOKEN_BYTES])
{
    int length = snprintf(
        out, PLAN_TOKEN_BYTES, "%s/%s/%" PRIu32 "/%" PRId32 "/%" PRId64 "-%" PRId64 "/%016" PRIx64,
        route->table, route->topic, route->epoch, route->partition, plan->first, plan->last, plan->checksum);

    BUG_ON(length < 0 || length >= PLAN_TOKEN_BYTES - 16);
    if (round > 0)
        (void)snprintf(out + length, PLAN_TOKEN_BYTES - (size_t)length, ":r%" PRIu32, round);
}
