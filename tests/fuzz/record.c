/*
 * Values of records of the topic `events`, whoever wrote them: refused with a reason, or events that stay
 * what they are.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/lib/record_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct event_reader reader = {json_reader_new(&json_limits_default), &arena};
    struct event event;
    struct err err;

    if (event_record_read(&reader, slice_of(data, size), &event, &err))
        record_check(&reader, &event);
    else
        EXPECT(err.kind == ERR_REJECT && err.text[0] != '\0');
    json_reader_free(&reader.json);
    arena_done(&arena);
    return 0;
}
