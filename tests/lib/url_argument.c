#include "tests/lib/url_argument.h"

#include "common/base/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char decoded(const char *digits)
{
    uint64_t value = 0;

    assert_true(number_hex64(slice_of(digits, 2), &value));
    return (char)value;
}

bool url_argument(struct slice query, const char *name, struct buf *out)
{
    struct slice pair;
    struct slice key;

    while (!slice_is_empty(query)) {
        (void)slice_cut(&query, '&', &pair);
        (void)slice_cut(&pair, '=', &key);
        if (!slice_equals_text(key, name))
            continue;
        for (size_t i = 0; i < pair.length; i++) {
            bool is_escaped = pair.data[i] == '%';
            buf_append_byte(out, is_escaped ? decoded(pair.data + i + 1) : pair.data[i]);
            i += is_escaped ? 2 : 0;
        }
        return true;
    }
    return false;
}
