/*
 * list_filters.h - property_filters: only events whose property has one of the values, for each property that
 * is named. Two forms: `name:value,value;name:value` in a URL, {"name":["value",...]} as JSON. Pure.
 *
 * Values compare as text, by the rule that holds wherever properties are matched: a string as its value, a
 * number as the very text that the client sent (1.50 is not 1.5), true and false. Null, objects and arrays
 * are like no value, and so is a property that is not there.
 */
#ifndef MILLRACE_LIST_FILTERS_H
#define MILLRACE_LIST_FILTERS_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/codec/json_read.h"

/* Of one request; bytes are those of property_filters as it was sent. */
enum { LIST_FILTERS_MAX = 20, LIST_FILTER_VALUES_MAX = 100, LIST_FILTERS_MAX_BYTES = 8192 };

struct list_filter {
    struct slice name;          /* of the property, at the top level */
    size_t first_value, values; /* which of list_filters.values: one at least */
};

struct list_filters {
    struct list_filter items[LIST_FILTERS_MAX];
    size_t count;
    struct slice values[LIST_FILTER_VALUES_MAX]; /* names and values: NUL-terminated, in the arena */
    size_t value_count;
};

/* The form in a URL, decoded. Names and values can't hold ':', ',' and ';' there: that is what JSON is for.
 * False, ERR_REJECT: what is wrong, to stand behind "property_filters". */
bool list_filters_read_text(struct slice text, struct arena *arena, struct list_filters *out_filters,
                            struct err *err);

/* document: a whole JSON object. The same. */
bool list_filters_read_json(struct json_reader *json, struct slice document, struct arena *arena,
                            struct list_filters *out_filters, struct err *err);

#endif
