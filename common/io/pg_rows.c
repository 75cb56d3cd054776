#include "common/io/pg_rows.h"

#include "common/base/number.h"
#include "common/io/pg.h"

bool pg_rows_is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

int pg_row_count(const struct pg_rows *rows)
{
    return PQntuples(rows->result);
}

struct slice pg_field(const struct pg_rows *rows, int row, int column)
{
    if (PQgetisnull(rows->result, row, column))
        return slice_of(NULL, 0);
    return slice_of(PQgetvalue(rows->result, row, column), (size_t)PQgetlength(rows->result, row, column));
}

uint64_t pg_changed_count(const struct pg_rows *rows)
{
    uint64_t count = 0;

    (void)number_u64(slice_from(PQcmdTuples(rows->result)),
                     &count); /* "" for a statement that changes none */
    return count;
}
