/* Which record is the event, and what the others are. */
#include "consumer-primary/resends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { RECORDS_MAX = 8, FIRST_OFFSET = 100, EPOCH = 2, PARTITION = 5 };

/* A row's letters, one for each record: the letter is the event, its case the content; '.' is no event. '1'
 * and '2' are different events whose identities are one number. */
static bool is_same(void *owner, uint32_t a, uint32_t b)
{
    const char *letters = owner;

    return (letters[a] | 0x20) == (letters[b] | 0x20);
}

static void fill(struct resend *records, const char *letters)
{
    memset(records, 0, RECORDS_MAX * sizeof(records[0]));
    for (uint32_t i = 0; letters[i] != '\0'; i++) {
        bool has_twin = letters[i] == '1' || letters[i] == '2';
        records[i].is_event = letters[i] != '.';
        records[i].identity = has_twin ? 1 : (uint64_t)(letters[i] | 0x20);
        records[i].offset = FIRST_OFFSET + i;
        memset(records[i].content_hash, letters[i], sizeof(records[i].content_hash));
    }
}

static const char *name_of(enum verdict verdict)
{
    static const char *const names[] = {
        [VERDICT_FIRST] = "first", [VERDICT_DUPLICATE] = "duplicate", [VERDICT_CONFLICT] = "conflict"};

    return names[verdict];
}

static void check(const struct resend *records, uint32_t index, enum verdict expected,
                  const struct event_place *expected_first, const char *what)
{
    struct event_place first = {EPOCH, PARTITION, records[index].offset};
    enum verdict verdict = resend_verdict(records, index, &first);

    if (verdict != expected)
        fail_msg("%s: record %u is %s, expected %s", what, index, name_of(verdict), name_of(expected));
    if (memcmp(&first, expected_first, sizeof(first)) != 0)
        fail_msg("%s: record %u: the event is at offset %llu", what, index, (unsigned long long)first.offset);
}

/* In `verdicts`: F first, d duplicate, c conflict; in `firsts` the index of the event. */
struct batch_case {
    const char *letters, *verdicts, *firsts;
};

static enum verdict verdict_of(char letter)
{
    if (letter == 'F')
        return VERDICT_FIRST;
    return letter == 'd' ? VERDICT_DUPLICATE : VERDICT_CONFLICT;
}

static void the_first_of_a_batch_is_the_event(void **state)
{
    static const struct batch_case rows[] = {
        {"abcd", "FFFF", "0123"}, {"aa", "Fd", "00"},       {"aA", "Fc", "00"}, {"abaAb", "FFdcd", "01001"},
        {"Aaa", "Fcc", "000"},    {".a.a", "xFxd", "x1x1"}, {"12", "FF", "01"}, {"1221", "FFdd", "0110"},
    };
    struct resend records[RECORDS_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char letters[RECORDS_MAX + 1];
        uint32_t count = (uint32_t)strlen(rows[i].letters);
        memcpy(letters, rows[i].letters, count + 1);
        fill(records, letters);
        resends_find_leaders(records, count, is_same, letters);
        for (uint32_t at = 0; at < count; at++) {
            if (letters[at] == '.')
                continue;
            const struct event_place first = {EPOCH, PARTITION,
                                              FIRST_OFFSET + (uint64_t)(rows[i].firsts[at] - '0')};
            check(records, at, verdict_of(rows[i].verdicts[at]), &first, letters);
        }
    }
}

/* However the log is cut into batches, each record is judged by the first copy of all. */
static void what_was_stored_before_counts_for_all_of_the_batch(void **state)
{
    struct event_copy earlier = {.place = {1, 3, 7}};
    struct resend records[RECORDS_MAX];
    char letters[] = "aAab";
    const struct event_place own = {EPOCH, PARTITION, FIRST_OFFSET + 3};

    (void)state;
    memset(earlier.content_hash, 'A', sizeof(earlier.content_hash));
    fill(records, letters);
    resends_find_leaders(records, 4, is_same, letters);
    records[0].earlier = &earlier;
    check(records, 0, VERDICT_CONFLICT, &earlier.place, "the leader");
    check(records, 1, VERDICT_DUPLICATE, &earlier.place, "another with the first content");
    check(records, 2, VERDICT_CONFLICT, &earlier.place, "another with the leader's content");
    check(records, 3, VERDICT_FIRST, &own, "another event");
}

static void finds_leaders_among_many(void **state)
{
    enum { MANY = 5000 };
    static struct resend records[MANY];
    static char letters[MANY];

    (void)state;
    memset(letters, 'x', sizeof(letters));
    for (uint32_t i = 0; i < MANY; i++)
        records[i] = (struct resend){.is_event = true, .identity = i % 500, .offset = i};
    resends_find_leaders(records, MANY, is_same, letters);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(records[i].leader, i % 500);
}

static void places_are_ordered_as_the_log_is(void **state)
{
    static const struct event_place rising[] = {{1, 0, 9}, {1, 2, 0}, {1, 2, 1}, {2, 0, 0}};

    (void)state;
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 0; b < 4; b++)
            assert_int_equal(event_place_is_before(&rising[a], &rising[b]), a < b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_a_batch_is_the_event),
        cmocka_unit_test(what_was_stored_before_counts_for_all_of_the_batch),
        cmocka_unit_test(finds_leaders_among_many),
        cmocka_unit_test(places_are_ordered_as_the_log_is),
    };

    return cmocka_run_group_tests_name("resends", tests, NULL, NULL);
}
