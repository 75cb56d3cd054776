#include "ctl/sql_split.h"

/* Behind the comment, quoted text or single byte at the start of the text; at least 1. */
static size_t token_length(struct slice text)
{
    char first = text.data[0];
    struct slice end = SLICE("\n");
    size_t i = 2;

    if (slice_starts_with(text, SLICE("/*")))
        end = SLICE("*/");
    else if (first == '\'' || first == '"' || first == '`') {
        end = slice_of(text.data, 1);
        i = 1;
    } else if (!slice_starts_with(text, SLICE("--")))
        return 1;
    for (; i < text.length; i++) {
        if (first == '\'' && text.data[i] == '\\') {
            i++; /* whatever is escaped is not the end */
            continue;
        }
        if (slice_starts_with(slice_from_index(text, i), end))
            return i + end.length;
    }
    return text.length;
}

static bool is_comment(struct slice text)
{
    return slice_starts_with(text, SLICE("--")) || slice_starts_with(text, SLICE("/*"));
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Nothing but blanks, more ';' and a comment stand between here and the end of the line. */
static bool line_ends(struct slice text)
{
    while (text.length > 0 && text.data[0] != '\n' && (text.data[0] == ';' || is_space(text.data[0])))
        text = slice_from_index(text, 1);
    return text.length == 0 || text.data[0] == '\n' || is_comment(text);
}

bool sql_split_next(struct slice *rest, struct slice *out_statement)
{
    struct slice start = *rest;
    bool has_words = false;

    while (rest->length > 0) {
        size_t length = token_length(*rest);
        bool is_end = rest->data[0] == ';' && line_ends(slice_from_index(*rest, 1));
        if (is_end && has_words) {
            *out_statement = slice_trim(slice_of(start.data, (size_t)(rest->data - start.data)));
            *rest = slice_from_index(*rest, 1);
            return true;
        }
        has_words = has_words || (!is_end && !is_comment(*rest) && !is_space(rest->data[0]));
        *rest = slice_from_index(*rest, length);
        if (is_end)
            start = *rest;
    }
    if (has_words)
        *out_statement = slice_trim(start);
    return has_words;
}
