/* How an SQL file falls into statements. */
#include "ctl/schema_files.h"
#include "ctl/sql_split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_file_falls_into_its_statements(void **state)
{
    static const struct {
        const char *file;
        const char *statements[4];
    } rows[] = {
        {"", {NULL}},
        {" \n\t\r\n", {NULL}},
        {"-- only a comment", {NULL}},
        {"/* only;\n a comment;\n */ -- and another;\n", {NULL}},
        {";\n;\n", {NULL}},
        {"SELECT 1", {"SELECT 1"}},
        {"SELECT 1;", {"SELECT 1"}},
        {"SELECT 1;\nSELECT 2;\n", {"SELECT 1", "SELECT 2"}},
        {"SELECT 1;\r\nSELECT 2;\r\n", {"SELECT 1", "SELECT 2"}},
        {"SELECT 1; -- first\nSELECT 2", {"SELECT 1", "-- first\nSELECT 2"}},
        {"SELECT 1; /* first */\nSELECT 2", {"SELECT 1", "/* first */\nSELECT 2"}},
        {"SELECT ';\n';\nSELECT 2;", {"SELECT ';\n'", "SELECT 2"}},
        {"SELECT '\\';\n';\nSELECT 2;", {"SELECT '\\';\n'", "SELECT 2"}},
        {"SELECT 'it''s;\n';\nSELECT 2;", {"SELECT 'it''s;\n'", "SELECT 2"}},
        {"SELECT `a;\n`, \"b;\n\";\nSELECT 2;", {"SELECT `a;\n`, \"b;\n\"", "SELECT 2"}},
        {"-- it's one;\nSELECT 1;\nSELECT 2;", {"-- it's one;\nSELECT 1", "SELECT 2"}},
        {"SELECT 1 /* it's;\n */;\nSELECT 2;", {"SELECT 1 /* it's;\n */", "SELECT 2"}},
        {"SELECT 1; SELECT 2;\n", {"SELECT 1; SELECT 2"}}, /* not at the end of a line */
        {"SELECT 5 - 2 / 1;\n", {"SELECT 5 - 2 / 1"}},
        {";\nSELECT 1;\n;\n", {"SELECT 1"}},
        {"; ;\nSELECT 1;; ; -- end\n", {"SELECT 1"}},
        {"SELECT 1;; 2\n;", {"SELECT 1;; 2"}},
        {"SELECT 'open;\n", {"SELECT 'open;"}},
        {"SELECT 1 -", {"SELECT 1 -"}},
        {"SELECT '\\", {"SELECT '\\"}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice rest = slice_from(rows[i].file);
        struct slice statement;
        size_t count = 0;
        while (sql_split_next(&rest, &statement)) {
            const char *expected = rows[i].statements[count++];
            if (expected == NULL || !slice_equals_text(statement, expected))
                fail_msg("row %zu: \"%.*s\"", i, SLICE_ARG(statement));
        }
        if (rows[i].statements[count] != NULL)
            fail_msg("row %zu: %zu statements", i, count);
    }
}

/* What changes nothing when it is done a second time. */
static bool can_be_repeated(struct slice statement)
{
    static const char *const marks[] = {"IF NOT EXISTS", "MATERIALIZE COLUMN", "MODIFY COLUMN"};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (memmem(statement.data, statement.length, marks[i], strlen(marks[i])) != NULL)
            return true;
    return false;
}

static void each_file_for_clickhouse_can_be_repeated(void **state)
{
    (void)state;
    for (const struct schema_file *file = schema_files_clickhouse; file->name != NULL; file++) {
        struct slice rest = slice_from(file->sql);
        struct slice statement;
        int count = 0;
        for (; sql_split_next(&rest, &statement); count++)
            if (!can_be_repeated(statement))
                fail_msg("%s: %.*s", file->name, SLICE_ARG(statement));
        assert_true(count > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_falls_into_its_statements),
        cmocka_unit_test(each_file_for_clickhouse_can_be_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
