/* Which partitions wait for a person, and what a decision makes of them. */
#include "ctl/offset_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { NONE = -1 };

/* The commit is ours. */
#define COMMIT(offset, epoch_, forwarded_)                                                                   \
    .has_commit = true, .committed = (offset), .reading = PLAN_READ,                                         \
    .state = {.epoch = (epoch_), .next = (offset), .forwarded = (forwarded_), .suspect_until = NONE}
#define COMMIT_WITH_PLAN(offset, last_)                                                                      \
    .has_commit = true, .committed = (offset), .reading = PLAN_READ,                                         \
    .state = {.epoch = 1,                                                                                    \
              .next = (offset),                                                                              \
              .forwarded = (offset)-1,                                                                       \
              .suspect_until = 900,                                                                          \
              .has_plan = true,                                                                              \
              .plan = {.first = (offset), .last = (last_), .count = 5, .starts = 1}}
#define FOREIGN(offset)                                                                                      \
    .has_commit = true, .committed = (offset), .reading = PLAN_NOT_OURS, .problem = {.text = "not\x1bours"}
#define TOO_NEW(offset)                                                                                      \
    .has_commit = true, .committed = (offset), .reading = PLAN_TOO_NEW, .problem = {.text = "upgrade it"}
#define LOG(low_, high_) .low = (low_), .high = (high_)
#define ROW(epoch, offset) .has_row = true, .row_epoch = (epoch), .row_offset = (offset)
#define SAME .is_same_record = true

static void a_partition_waits_for_a_person_only_where_records_or_the_position_are_lost(void **state)
{
    static const struct {
        const char *what;
        struct offset_facts facts;
        enum offset_state state;
        const char *notes; /* part of them */
        uint32_t epoch;    /* where it goes on */
        int64_t next;
    } rows[] = {
        {"in the log", {COMMIT(50, 1, 49), LOG(0, 100), ROW(1, 49)}, OFFSET_GOOD, "", 1, 50},
        {"at the log's end", {COMMIT(100, 1, 99), LOG(0, 100), ROW(1, 99)}, OFFSET_GOOD, "", 1, 100},
        {"at its start", {COMMIT(60, 1, 59), LOG(60, 100), ROW(1, 59)}, OFFSET_GOOD, "", 1, 60},
        {"first start",
         {LOG(0, 100)},
         OFFSET_GOOD,
         "no position; a worker goes on at offset 0, epoch 1",
         1,
         0},
        {"first start behind a gap", {LOG(7, 100)}, OFFSET_GOOD, "at offset 7, epoch 1", 1, 7},
        {"forgotten", {LOG(0, 100), ROW(2, 49), SAME}, OFFSET_GOOD, "at offset 50, epoch 2", 2, 50},
        {"forgotten, just behind", {LOG(50, 100), ROW(2, 49)}, OFFSET_GOOD, "at offset 50, epoch 2", 2, 50},
        {"another record", {LOG(0, 100), ROW(2, 49)}, OFFSET_GOOD, "at offset 0, epoch 3", 3, 0},
        {"above the end", {LOG(0, 40), ROW(2, 49)}, OFFSET_GOOD, "at offset 0, epoch 3", 3, 0},
        {"commit above the end",
         {COMMIT(50, 1, 49), LOG(0, 40), ROW(1, 49)},
         OFFSET_GOOD,
         "the position is above the log; a worker goes on at offset 0, epoch 2",
         2,
         0},
        {"commit below the log, no row",
         {COMMIT(50, 1, NONE), LOG(60, 100)},
         OFFSET_GOOD,
         "the position is below the log; a worker goes on at offset 60, epoch 1",
         1,
         60},
        {"commit below the log, rows reach it",
         {COMMIT(50, 1, 49), LOG(60, 100), ROW(1, 59)},
         OFFSET_GOOD,
         "at offset 60, epoch 1",
         1,
         60},
        {"commit below the log, records are gone",
         {COMMIT(50, 1, 49), LOG(60, 100), ROW(1, 49)},
         OFFSET_LOST,
         "the newest stored row is of offset 49, but the log starts at 60: the records between are gone",
         1,
         50},
        {"forgotten, records are gone", {LOG(60, 100), ROW(1, 49)}, OFFSET_LOST, "log starts at 60", 1, 50},
        {"foreign", {FOREIGN(50), LOG(0, 100), ROW(1, 80), SAME}, OFFSET_FOREIGN, "not?ours", 1, 81},
        {"too new", {TOO_NEW(50), LOG(0, 100), ROW(1, 49), SAME}, OFFSET_TOO_NEW, "upgrade it", 1, 50},
        {"a plan whose records changed",
         {COMMIT_WITH_PLAN(50, 60), LOG(0, 100), .is_plan_changed = true},
         OFFSET_CHANGED,
         "other records at offsets 50 to 60 than the plan",
         1,
         50},
        {"debt lost",
         {COMMIT(50, 1, 9), LOG(20, 100), ROW(1, 49), .lost_debt = 10},
         OFFSET_DEBT_LOST,
         "10 rows were not forwarded, and their records are gone",
         1,
         50},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO_BUF notes = {0};
        enum offset_state got = offset_plan_judge(&rows[i].facts, &notes);
        struct offset_resume resume = offset_plan_resume(&rows[i].facts);
        if (got != rows[i].state || strstr(buf_text(&notes), rows[i].notes) == NULL)
            fail_msg("%s: %s: %s", rows[i].what, offset_state_name(got), buf_text(&notes));
        if (resume.epoch != rows[i].epoch || resume.next != rows[i].next)
            fail_msg("%s: goes on at %d, epoch %u", rows[i].what, (int)resume.next, resume.epoch);
    }
}

static void accepting_says_what_it_skips_and_keeps_what_is_known(void **state)
{
    static const struct {
        const char *what;
        struct offset_facts facts;
        struct offset_wish wish;
        bool is_needed;
        uint32_t epoch;
        int64_t next, forwarded;
        const char *effect; /* part of them */
    } rows[] = {
        {"nothing to do", {COMMIT(50, 1, 49), LOG(0, 100), ROW(1, 49)}, {NONE, false}, false, 1, 50, 49, ""},
        {"first start needs nobody", {LOG(0, 100)}, {NONE, false}, false, 1, 0, NONE, ""},
        {"forgotten needs nobody", {LOG(0, 100), ROW(1, 9), SAME}, {NONE, false}, false, 1, 10, NONE, ""},
        {"records are gone",
         {COMMIT(50, 2, 49), LOG(60, 100), ROW(2, 49)},
         {NONE, false},
         true,
         2,
         60,
         49,
         "Skips offsets 50 to 59, 10 of them; 10 are gone from the log."},
        {"and further",
         {COMMIT(50, 1, 49), LOG(60, 100), ROW(1, 49)},
         {70, false},
         true,
         1,
         70,
         49,
         "Skips offsets 50 to 69, 20 of them; 10 are gone from the log."},
        {"foreign, back",
         {FOREIGN(50), LOG(0, 100), ROW(1, 79), SAME, .has_forwarded = true, .forwarded_epoch = 1,
          .forwarded_offset = 79},
         {NONE, false},
         true,
         1,
         50,
         49,
         "Goes back: offsets 50 to 79 are looked at again"},
        {"foreign, ahead",
         {FOREIGN(90), LOG(0, 100), ROW(1, 79), SAME, .has_forwarded = true, .forwarded_epoch = 1,
          .forwarded_offset = 75},
         {NONE, false},
         true,
         1,
         90,
         75,
         "Skips offsets 80 to 89, 10 of them. Those without a row"},
        {"foreign, at the same place",
         {FOREIGN(80), LOG(0, 100), ROW(1, 79), SAME},
         {NONE, false},
         true,
         1,
         80,
         NONE,
         "Skips nothing."},
        {"foreign, outside of the log",
         {FOREIGN(500), LOG(0, 100), ROW(1, 79), SAME},
         {NONE, false},
         true,
         1,
         100,
         NONE,
         "Skips offsets 80 to 99"},
        {"foreign, the topic was made anew",
         {FOREIGN(5), LOG(0, 10), ROW(1, 79), .has_forwarded = true, .forwarded_epoch = 1,
          .forwarded_offset = 79},
         {NONE, false},
         true,
         2,
         5,
         NONE,
         "Skips offsets 0 to 4, 5 of them."},
        {"a plan that can be done again",
         {COMMIT_WITH_PLAN(50, 60), LOG(0, 100), ROW(1, 49)},
         {NONE, false},
         false,
         1,
         50,
         49,
         ""},
        {"a plan whose records changed",
         {COMMIT_WITH_PLAN(50, 60), LOG(0, 100), ROW(1, 49), .is_plan_changed = true},
         {NONE, false},
         true,
         1,
         50,
         49,
         "Skips nothing.\nDrops the plan of offsets 50 to 60"},
        {"debt is kept unless given up",
         {COMMIT(50, 1, 9), LOG(20, 100), ROW(1, 49), .lost_debt = 10},
         {60, false},
         true,
         1,
         60,
         9,
         "10 rows that were not forwarded, and whose records are gone, are still owed: --forwarded gives "
         "them up"},
        {"debt is given up",
         {COMMIT(50, 1, 9), LOG(20, 100), ROW(1, 49), .lost_debt = 10},
         {NONE, true},
         true,
         1,
         50,
         49,
         "Skips nothing.\nRows up to offset 49 count as forwarded"},
        {"debt was given up",
         {COMMIT(50, 1, 49), LOG(20, 100), ROW(1, 49)},
         {NONE, true},
         false,
         1,
         50,
         49,
         ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct offset_change change;
        struct err err = {.text = ""};
        if (!offset_plan_accept(&rows[i].facts, &rows[i].wish, &change, &err))
            fail_msg("%s: %s", rows[i].what, err.text);
        if (change.is_needed != rows[i].is_needed || change.state.epoch != rows[i].epoch ||
            change.state.next != rows[i].next || change.state.forwarded != rows[i].forwarded)
            fail_msg("%s: %d, epoch %u, next %d, forwarded %d", rows[i].what, change.is_needed,
                     change.state.epoch, (int)change.state.next, (int)change.state.forwarded);
        if (strstr(buf_text(&change.effects), rows[i].effect) == NULL)
            fail_msg("%s: %s", rows[i].what, buf_text(&change.effects));
        buf_done(&change.effects);
    }
}

static void a_plan_is_kept_unless_its_records_changed_or_the_position_moves(void **state)
{
    static const struct {
        bool is_plan_changed;
        struct offset_wish wish;
        bool keeps_plan;
    } rows[] = {
        {false, {NONE, false}, true},
        {false, {NONE, true}, true},
        {false, {60, false}, false},
        {true, {NONE, false}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct offset_facts facts = {COMMIT_WITH_PLAN(50, 60), LOG(0, 100),
                                           .is_plan_changed = rows[i].is_plan_changed};
        struct offset_change change;
        struct err err;
        assert_true(offset_plan_accept(&facts, &rows[i].wish, &change, &err));
        assert_int_equal(change.state.has_plan, rows[i].keeps_plan);
        assert_int_equal(change.state.suspect_until, 900); /* suspects stay suspects */
        if (rows[i].keeps_plan)
            assert_int_equal(change.state.plan.last, 60);
        buf_done(&change.effects);
    }
}

static void what_can_not_be_accepted_is_refused(void **state)
{
    static const struct {
        struct offset_facts facts;
        struct offset_wish wish;
        const char *reason;
    } rows[] = {
        {{COMMIT(50, 1, 49), LOG(20, 100)},
         {19, false},
         "--offset 19 is outside of the log, which goes from 20 to 100"},
        {{COMMIT(50, 1, 49), LOG(20, 100)}, {101, false}, "--offset 101 is outside"},
        {{TOO_NEW(50), LOG(0, 100)}, {NONE, false}, "upgrade it"},
        {{TOO_NEW(50), LOG(0, 100)}, {60, true}, "upgrade it"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct offset_change change;
        struct err err;
        assert_false(offset_plan_accept(&rows[i].facts, &rows[i].wish, &change, &err));
        assert_non_null(strstr(err.text, rows[i].reason));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_waits_for_a_person_only_where_records_or_the_position_are_lost),
        cmocka_unit_test(accepting_says_what_it_skips_and_keeps_what_is_known),
        cmocka_unit_test(a_plan_is_kept_unless_its_records_changed_or_the_position_moves),
        cmocka_unit_test(what_can_not_be_accepted_is_refused),
    };

    return cmocka_run_group_tests_name("offset_plan", tests, NULL, NULL);
}
