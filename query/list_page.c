#include "query/list_page.h"

#include "common/codec/json_write.h"
#include "common/codec/rfc3339.h"
#include "common/codec/rowbinary.h"
#include "query/list_sql.h"

/* ---- reading ---- */

static bool read_row(struct slice *rest, struct list_row *row)
{
    return rowbinary_read_string(rest, &row->id) && rowbinary_read_string(rest, &row->external_customer_id) &&
           rowbinary_read_string(rest, &row->customer_id) && rowbinary_read_string(rest, &row->event_name) &&
           rowbinary_read_i64(rest, &row->timestamp_us) && rowbinary_read_string(rest, &row->properties) &&
           rowbinary_read_string(rest, &row->source);
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

static bool share_key(const struct list_row *a, const struct list_row *b)
{
    return a->timestamp_us == b->timestamp_us && slice_equals(a->id, b->id);
}

static size_t cut(const struct list_page *page, const struct list_request *request)
{
    size_t count = request->page_size;

    if (page->row_count <= count)
        return page->row_count;
    if (request->has_offset)
        return count;
    while (count > 0 && share_key(&page->rows[count - 1], &page->rows[count]))
        count--;
    return count > 0 ? count : page->row_count;
}

bool list_page_read(struct slice body, const struct list_request *request, struct arena *arena,
                    struct list_page *out_page)
{
    struct list_page page = {.rows = NULL};

    if (!count_rows(body, &page.row_count))
        return false;
    page.rows = arena_take(arena, page.row_count * sizeof(*page.rows));
    for (size_t i = 0; i < page.row_count; i++)
        if (!read_row(&body, &page.rows[i]))
            return false;
    page.page_count = cut(&page, request);
    page.has_more = page.row_count > request->page_size;
    *out_page = page;
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
    char time[RFC3339_MAX_BYTES];
    size_t time_length = rfc3339_write(row->timestamp_us, time);

    buf_append_byte(out, '{');
    json_write_member(out, "id", row->id);
    json_write_member(out, "external_customer_id", row->external_customer_id);
    json_write_member(out, "customer_id", row->customer_id);
    json_write_member(out, "event_name", row->event_name);
    json_write_member(out, "timestamp", slice_of(time, time_length));
    json_write_raw_member(out, "properties", row->properties);
    json_write_member(out, "source", row->source);
    json_write_member(out, "environment_id", slice_from(environment_id));
    buf_append_byte(out, '}');
}

static void write_key(struct buf *out, const char *name, const struct list_row *row)
{
    AUTO_BUF key = {0};

    cursor_write(&key, &(struct cursor){row->timestamp_us, row->id});
    json_write_member(out, name, buf_slice(&key));
}

/* The keys of the newest and of the oldest event, whatever the order: "newer than" and "older than". */
static void write_keys(struct buf *out, const struct list_page *page, const struct list_request *request)
{
    bool is_upwards = list_scans_upwards(request);

    if (page->page_count == 0 || request->sort != LIST_BY_TIMESTAMP)
        return;
    const struct list_row *first = &page->rows[0];
    const struct list_row *last = &page->rows[page->page_count - 1];
    write_key(out, "iter_first_key", is_upwards ? last : first);
    write_key(out, "iter_last_key", is_upwards ? first : last);
}

void list_page_write(struct buf *out, const struct list_page *page, const struct list_request *request,
                     const char *environment_id, const uint64_t *total_count)
{
    bool is_reversed = list_scans_upwards(request) != request->is_ascending;

    buf_append_text(out, "{\"events\":[");
    for (size_t i = 0; i < page->page_count; i++) {
        if (i > 0)
            buf_append_byte(out, ',');
        write_event(out, &page->rows[is_reversed ? page->page_count - 1 - i : i], environment_id);
    }
    buf_append_byte(out, ']');
    json_write_raw_member(out, "has_more", page->has_more ? SLICE("true") : SLICE("false"));
    write_keys(out, page, request);
    if (total_count != NULL)
        json_write_i64_member(out, "total_count", (int64_t)*total_count);
    if (request->has_offset) /* where the next page begins */
        json_write_i64_member(out, "offset", (int64_t)request->offset + (int64_t)page->page_count);
    buf_append_byte(out, '}');
}
