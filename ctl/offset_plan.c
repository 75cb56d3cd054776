#include "ctl/offset_plan.h"

#include <inttypes.h>

/* ---- where it stands ---- */

static bool log_has(const struct offset_facts *facts, int64_t offset)
{
    return offset >= facts->low && offset < facts->high;
}

static bool is_read(const struct offset_facts *facts)
{
    return facts->has_commit && facts->reading == PLAN_READ;
}

bool offset_plan_is_in_log(const struct offset_facts *facts)
{
    return is_read(facts) && facts->committed >= facts->low && facts->committed <= facts->high;
}

/* The topic is not the one whose rows the table has. */
static bool is_made_anew(const struct offset_facts *facts)
{
    return facts->has_row && (facts->row_offset >= facts->high ||
                              (log_has(facts, facts->row_offset) && !facts->is_same_record));
}

struct offset_resume offset_plan_resume(const struct offset_facts *facts)
{
    if (offset_plan_is_in_log(facts))
        return (struct offset_resume){facts->state.epoch, facts->committed};
    if (!facts->has_row)
        return (struct offset_resume){1, facts->low};
    if (is_made_anew(facts))
        return (struct offset_resume){facts->row_epoch + 1, facts->low};
    return (struct offset_resume){facts->row_epoch, facts->row_offset + 1};
}

const char *offset_state_name(enum offset_state state)
{
    static const char *const names[] = {"good", "debt-lost", "changed", "lost", "foreign", "too-new"};

    return names[state];
}

static void note_way(const struct offset_facts *facts, struct buf *notes)
{
    struct offset_resume resume = offset_plan_resume(facts);

    if (offset_plan_is_in_log(facts))
        return;
    buf_printf(notes, "%s; a worker goes on at offset %" PRId64 ", epoch %" PRIu32,
               !facts->has_commit              ? "no position"
               : facts->committed < facts->low ? "the position is below the log"
                                               : "the position is above the log",
               resume.next, resume.epoch);
}

static void append_printable(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++)
        buf_append_byte(out, (unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static enum offset_state state_of(const struct offset_facts *facts)
{
    if (facts->has_commit && facts->reading != PLAN_READ)
        return facts->reading == PLAN_TOO_NEW ? OFFSET_TOO_NEW : OFFSET_FOREIGN;
    if (offset_plan_resume(facts).next < facts->low)
        return OFFSET_LOST;
    if (facts->is_plan_changed)
        return OFFSET_CHANGED;
    return facts->lost_debt > 0 ? OFFSET_DEBT_LOST : OFFSET_GOOD;
}

enum offset_state offset_plan_judge(const struct offset_facts *facts, struct buf *notes)
{
    enum offset_state state = state_of(facts);

    switch (state) {
    case OFFSET_TOO_NEW:
    case OFFSET_FOREIGN: /* shows what somebody else wrote there */
        append_printable(notes, facts->problem.text);
        break;
    case OFFSET_LOST:
        buf_printf(notes,
                   "the newest stored row is of offset %" PRId64 ", but the log starts at %" PRId64
                   ": the records between are gone",
                   offset_plan_resume(facts).next - 1, facts->low);
        break;
    case OFFSET_CHANGED:
        buf_printf(notes,
                   "the log has other records at offsets %" PRId64 " to %" PRId64
                   " than the plan that was begun with them",
                   facts->state.plan.first, facts->state.plan.last);
        break;
    case OFFSET_DEBT_LOST:
        buf_printf(notes, "%" PRIu64 " rows were not forwarded, and their records are gone",
                   facts->lost_debt);
        break;
    case OFFSET_GOOD:
        note_way(facts, notes);
        break;
    }
    return state;
}

/* ---- what a decision changes ---- */

static int64_t best_offset(const struct offset_facts *facts, const struct offset_resume *resume)
{
    int64_t offset = facts->has_commit && facts->reading == PLAN_NOT_OURS ? facts->committed : resume->next;

    if (offset < facts->low)
        return facts->low;
    return offset > facts->high ? facts->high : offset;
}

/* What is known to have been forwarded; never more than what is settled then. */
static int64_t forwarded_of(const struct offset_facts *facts, const struct offset_wish *wish, uint32_t epoch,
                            int64_t next)
{
    int64_t forwarded = PLAN_OFFSET_NONE;

    if (wish->gives_up_debt)
        return next - 1;
    if (is_read(facts) && facts->state.epoch == epoch)
        forwarded = facts->state.forwarded;
    else if (facts->has_forwarded && facts->forwarded_epoch == epoch)
        forwarded = facts->forwarded_offset;
    return forwarded < next ? forwarded : next - 1;
}

static void tell_position(const struct offset_facts *facts, int64_t from, int64_t to, struct buf *effects)
{
    int64_t gone = facts->low < to ? facts->low : to;

    if (to > from) {
        buf_printf(effects, "Skips offsets %" PRId64 " to %" PRId64 ", %" PRId64 " of them", from, to - 1,
                   to - from);
        if (gone > from)
            buf_printf(effects, "; %" PRId64 " are gone from the log", gone - from);
        buf_append_text(effects, ". Those without a row will never have one.\n");
    } else if (to < from) {
        buf_printf(effects,
                   "Goes back: offsets %" PRId64 " to %" PRId64
                   " are looked at again, and stored where they have no "
                   "row.\n",
                   to, from - 1);
    } else {
        buf_append_text(effects, "Skips nothing.\n");
    }
}

static void tell_rest(const struct offset_facts *facts, const struct offset_wish *wish,
                      const struct offset_change *change, struct buf *effects)
{
    if (is_read(facts) && facts->state.has_plan && !change->state.has_plan)
        buf_printf(effects,
                   "Drops the plan of offsets %" PRId64 " to %" PRId64
                   "; their records are planned anew, and stored "
                   "where they have no row.\n",
                   facts->state.plan.first, facts->state.plan.last);
    if (wish->gives_up_debt)
        buf_printf(effects,
                   "Rows up to offset %" PRId64
                   " count as forwarded; the next stage sees those that were not as a "
                   "gap.\n",
                   change->state.forwarded);
    else if (facts->lost_debt > 0)
        buf_printf(effects,
                   "%" PRIu64
                   " rows that were not forwarded, and whose records are gone, are still owed: --forwarded "
                   "gives them up.\n",
                   facts->lost_debt);
}

static bool check_wish(const struct offset_facts *facts, const struct offset_wish *wish, struct err *err)
{
    if (facts->has_commit && facts->reading == PLAN_TOO_NEW) {
        err_set(err, ERR_FATAL, "%s", facts->problem.text);
        return false;
    }
    if (wish->offset == PLAN_OFFSET_NONE || (wish->offset >= facts->low && wish->offset <= facts->high))
        return true;
    err_set(err, ERR_REJECT,
            "--offset %" PRId64 " is outside of the log, which goes from %" PRId64 " to %" PRId64,
            wish->offset, facts->low, facts->high);
    return false;
}

static bool is_needed(const struct offset_facts *facts, const struct offset_wish *wish,
                      const struct plan_state *state)
{
    if (!offset_plan_is_in_log(facts))
        return wish->offset != PLAN_OFFSET_NONE || wish->gives_up_debt || state_of(facts) != OFFSET_GOOD;
    return facts->is_plan_changed || state->next != facts->committed ||
           state->forwarded != facts->state.forwarded;
}

bool offset_plan_accept(const struct offset_facts *facts, const struct offset_wish *wish,
                        struct offset_change *out_change, struct err *err)
{
    struct offset_resume resume = offset_plan_resume(facts);
    int64_t next = wish->offset != PLAN_OFFSET_NONE ? wish->offset : best_offset(facts, &resume);
    struct offset_change change = {
        .state = {.epoch = resume.epoch, .next = next, .suspect_until = PLAN_OFFSET_NONE},
    };

    if (!check_wish(facts, wish, err))
        return false;
    change.state.forwarded = forwarded_of(facts, wish, resume.epoch, next);
    if (offset_plan_is_in_log(facts)) {
        change.state.suspect_until = facts->state.suspect_until;
        change.state.has_plan = facts->state.has_plan && next == facts->committed && !facts->is_plan_changed;
        change.state.plan = facts->state.plan;
    }
    change.is_needed = is_needed(facts, wish, &change.state);
    if (change.is_needed) {
        tell_position(facts, resume.next, next, &change.effects);
        tell_rest(facts, wish, &change, &change.effects);
    }
    *out_change = change;
    return true;
}
