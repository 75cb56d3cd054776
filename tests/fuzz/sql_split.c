/*
 * SQL files cut into statements. The statements lie in the file one behind the other, none is blank, and a
 * statement is not cut again.
 */
#include "tests/fuzz/fuzz.h"

#include "ctl/sql_split.h"

static void check_is_one(struct slice statement)
{
    struct slice rest = statement, again;

    EXPECT(sql_split_next(&rest, &again) && slice_equals(again, statement));
    EXPECT(!sql_split_next(&rest, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size), statement;
    const char *at = rest.data;

    while (sql_split_next(&rest, &statement)) {
        EXPECT(statement.data >= at && statement.length > 0);
        at = statement.data + statement.length;
        EXPECT(at <= rest.data);
        check_is_one(statement);
    }
    return 0;
}
