#include "query/list_filters.h"

struct filling {
    struct list_filters *filters;
    struct arena *arena;
    struct err *err;
};

static bool refuse(struct filling *filling, const char *text)
{
    err_set(filling->err, ERR_REJECT, "%s", text);
    return false;
}

static bool begin_filter(struct filling *filling, struct slice name)
{
    struct list_filters *filters = filling->filters;

    if (slice_is_empty(name))
        return refuse(filling, "has a filter without a property's name");
    if (filters->count == LIST_FILTERS_MAX) {
        err_set(filling->err, ERR_REJECT, "names more than %d properties", LIST_FILTERS_MAX);
        return false;
    }
    for (size_t i = 0; i < filters->count; i++)
        if (slice_equals(filters->items[i].name, name))
            return refuse(filling, "names a property more than once");
    filters->items[filters->count++] = (struct list_filter){
        .name = arena_text(filling->arena, name),
        .first_value = filters->value_count,
    };
    return true;
}

static bool add_value(struct filling *filling, struct slice value)
{
    struct list_filters *filters = filling->filters;

    if (filters->value_count == LIST_FILTER_VALUES_MAX) {
        err_set(filling->err, ERR_REJECT, "has more than %d values", LIST_FILTER_VALUES_MAX);
        return false;
    }
    filters->values[filters->value_count++] = arena_text(filling->arena, value);
    filters->items[filters->count - 1].values++;
    return true;
}

/* ---- text ---- */

static bool read_group(struct filling *filling, struct slice group)
{
    struct slice name, value;
    bool has_more;

    if (!slice_cut(&group, ':', &name) || memchr(group.data, ':', group.length) != NULL)
        return refuse(filling, "must be name:value,value;name:value; where a name or value holds ':', ',' or "
                               "';', use POST /v1/events/query");
    if (!begin_filter(filling, name))
        return false;
    do {
        has_more = slice_cut(&group, ',', &value);
        if (!add_value(filling, value))
            return false;
    } while (has_more);
    return true;
}

bool list_filters_read_text(struct slice text, struct arena *arena, struct list_filters *out_filters,
                            struct err *err)
{
    struct list_filters filters = {.count = 0};
    struct filling filling = {&filters, arena, err};
    struct slice group;

    while (!slice_is_empty(text)) {
        (void)slice_cut(&text, ';', &group);
        if (!slice_is_empty(group) && !read_group(&filling, group))
            return false;
    }
    *out_filters = filters;
    return true;
}

/* ---- JSON ---- */

static bool take_element(struct filling *filling, const struct json_token *token)
{
    switch (token->kind) {
    case JSON_STRING:
    case JSON_NUMBER:
        return add_value(filling, token->text);
    case JSON_TRUE:
        return add_value(filling, SLICE("true"));
    case JSON_FALSE:
        return add_value(filling, SLICE("false"));
    default:
        return refuse(filling, "must have strings, numbers, true and false as values");
    }
}

static bool on_token(void *owner, const struct json_token *token, struct err *err)
{
    struct filling *filling = owner;
    struct list_filters *filters = filling->filters;

    filling->err = err;
    if (token->depth == 0)
        return true;
    if (token->depth >= 2)
        return take_element(filling, token);
    if (token->kind == JSON_KEY)
        return begin_filter(filling, token->text);
    if (token->kind == JSON_ARRAY_BEGIN)
        return true;
    if (token->kind == JSON_ARRAY_END && filters->items[filters->count - 1].values > 0)
        return true;
    return refuse(filling, "must have a list of values, with one at least, for each property");
}

bool list_filters_read_json(struct json_reader *json, struct slice document, struct arena *arena,
                            struct list_filters *out_filters, struct err *err)
{
    struct list_filters filters = {.count = 0};
    struct filling filling = {.filters = &filters, .arena = arena};

    if (!json_read(json, document, on_token, &filling, err))
        return false;
    *out_filters = filters;
    return true;
}
