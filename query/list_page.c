#include "query/list_page.h"

#include "common/codec/json_write.h"
#include "common/codec/rowbinary.h"
#include "common/event/event.h"
#include "query/list_sql.h"

/* ---- reading ---- */

static bool read_row(struct slice *rest, struct list_row *row)
{
    return rowbinary_read_string(rest, &row->id) && rowbinary_read_string(rest, &row->external_customer_id) &&
           rowbinary_read_string(rest, &row->customer_id) && rowbinary_read_string(rest, &row->event_name) &&
           rowbinary_read_i64(rest, &row->timestamp_us) && row->timestamp_us >= 0 &&
           row->timestamp_us <= EVENT_TIME_MAX_US && rowbinary_read_string(rest, &row->properties) &&
           rowbinary_read_string(rest, &row->source) && rowbinary_read_u64(rest, &row->tie);
}

static bool count_rows(struct slice rest, size_t *out_count)
{
    struct list_row row;
    size_t count = 0;

    while (!slice_is_empty(rest)) {
        if (!read_row(&rest, &row))
            return false;
        count++;
    }
    *out_count = count;
    return true;
}

/* How many of the rows behind the first `before` are shown. ClickHouse stops after a page's bytes too. */
static size_t shown_of(const struct list_row *rows, size_t count, size_t before, uint32_t page_size)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        if (i == before + page_size || bytes > LIST_PAGE_PROPERTIES_MAX_BYTES)
            return i - before;
        bytes += rows[i].properties.length;
    }
    return count - before;
}

bool list_page_read(struct slice body, const struct list_request *request, struct arena *arena,
                    struct list_page *out_page)
{
    uint32_t before_max = list_rows_before(request);
    size_t count;

    if (!count_rows(body, &count))
        return false;
    struct list_row *rows = arena_take(arena, count * sizeof(*rows));
    for (size_t i = 0; i < count; i++)
        if (!read_row(&body, &rows[i]))
            return false;
    size_t before = count < before_max ? count : before_max;
    size_t shown = shown_of(rows, count, before, request->page_size);
    *out_page = (struct list_page){
        .rows = rows + before,
        .row_count = shown,
        .before = before > 0 ? &rows[0] : NULL,
        .behind = before + shown < count ? &rows[before + shown] : NULL,
    };
    return true;
}

bool list_count_read(struct slice body, uint64_t *out_count)
{
    uint64_t count;

    if (!rowbinary_read_u64(&body, &count) || !slice_is_empty(body))
        return false;
    *out_count = count;
    return true;
}

/* ---- writing ---- */

static void write_event(struct buf *out, const struct list_row *row, const char *environment_id)
{
    buf_append_byte(out, '{');
    json_write_member(out, "id", row->id);
    json_write_member(out, "external_customer_id", row->external_customer_id);
    json_write_member(out, "customer_id", row->customer_id);
    json_write_member(out, "event_name", row->event_name);
    json_write_time_member(out, "timestamp", row->timestamp_us);
    json_write_raw_member(out, "properties", row->properties);
    json_write_member(out, "source", row->source);
    json_write_member(out, "environment_id", slice_from(environment_id));
    buf_append_byte(out, '}');
}

static bool shares_place(const struct list_row *row, const struct list_row *neighbour)
{
    return neighbour != NULL && row->timestamp_us == neighbour->timestamp_us &&
           slice_equals(row->id, neighbour->id);
}

static bool is_in_tie_of(const struct list_row *row, const struct cursor *cursor)
{
    return cursor->has_tie && row->timestamp_us == cursor->us && slice_equals(row->id, cursor->id);
}

/* Within a tie the place has to tell which of its events the row is; else the key is FlexPrice's. */
static void write_key(struct buf *out, const char *name, const struct list_row *row, bool is_in_tie)
{
    const struct cursor cursor = {row->timestamp_us, row->id, is_in_tie, row->tie};
    AUTO_BUF key = {0};

    cursor_write(&key, &cursor);
    json_write_member(out, name, buf_slice(&key));
}

/* The keys of the newest and of the oldest event, whatever the order: "newer than" and "older than". */
static void write_keys(struct buf *out, const struct list_page *page, const struct list_request *request)
{
    bool is_upwards = list_scans_upwards(request);

    if (page->row_count == 0 || request->sort != LIST_BY_TIMESTAMP)
        return;
    const struct list_row *first = &page->rows[0];
    const struct list_row *last = &page->rows[page->row_count - 1];
    const struct list_row *newest = is_upwards ? last : first;
    const struct list_row *oldest = is_upwards ? first : last;
    write_key(out, "iter_first_key", newest,
              shares_place(newest, is_upwards ? page->behind : page->before) ||
                  (request->has_older && is_in_tie_of(newest, &request->older)));
    write_key(out, "iter_last_key", oldest,
              shares_place(oldest, is_upwards ? page->before : page->behind) ||
                  (request->has_newer && is_in_tie_of(oldest, &request->newer)));
}

void list_page_write(struct buf *out, const struct list_page *page, const struct list_request *request,
                     const char *environment_id, const uint64_t *total_count)
{
    bool is_reversed = list_scans_upwards(request) != request->is_ascending;

    buf_append_text(out, "{\"events\":[");
    for (size_t i = 0; i < page->row_count; i++) {
        if (i > 0)
            buf_append_byte(out, ',');
        write_event(out, &page->rows[is_reversed ? page->row_count - 1 - i : i], environment_id);
    }
    buf_append_byte(out, ']');
    json_write_raw_member(out, "has_more", page->behind != NULL ? SLICE("true") : SLICE("false"));
    write_keys(out, page, request);
    if (total_count != NULL)
        json_write_i64_member(out, "total_count", (int64_t)*total_count);
    if (request->has_offset) /* where the next page begins */
        json_write_i64_member(out, "offset", (int64_t)request->offset + (int64_t)page->row_count);
    buf_append_byte(out, '}');
}
