#include "common/event/event_members.h"

void event_members_init(struct event_members *members, const struct slice *names, struct slice document,
                        struct arena *arena, uint32_t depth)
{
    *members = (struct event_members){.names = names, .document = document, .arena = arena, .depth = depth};
    members->current = EVENT_MEMBER_COUNT;
    members->exact = (struct event_exact_list){.depth = depth + 1, .arena = arena};
}

/* Members mostly come in the order in which we write them: the search begins behind the last one. */
static enum event_member find(const struct event_members *members, struct slice name)
{
    unsigned candidate = members->current;

    for (unsigned i = 0; i < EVENT_MEMBER_COUNT; i++) {
        candidate = candidate + 1 < EVENT_MEMBER_COUNT ? candidate + 1 : 0;
        if (!slice_is_empty(members->names[candidate]) && slice_equals(members->names[candidate], name))
            return candidate;
    }
    return EVENT_MEMBER_COUNT;
}

static void take_value(struct event_members *members, const struct json_token *token)
{
    struct event_value *value = &members->values[members->current];

    if (token->kind == JSON_OBJECT_END || token->kind == JSON_ARRAY_END) {
        value->text =
            slice_of(members->document.data + members->current_begin, token->end - members->current_begin);
        return;
    }
    members->current_begin = token->begin;
    value->is_present = true;
    value->kind = token->kind;
    value->text = token->is_copy ? arena_copy(members->arena, token->text) : token->text;
}

void event_members_take(struct event_members *members, const struct json_token *token)
{
    uint32_t depth = token->depth - members->depth;

    if (depth == 0)
        members->is_object = token->kind == JSON_OBJECT_END || token->kind == JSON_OBJECT_BEGIN;
    else if (depth == 1 && token->kind == JSON_KEY)
        members->current = find(members, token->text);
    else if (members->current == EVENT_MEMBER_COUNT)
        return;
    else if (depth == 1)
        take_value(members, token);
    else if (members->wants_exact && members->current == EVENT_MEMBER_PROPERTIES)
        event_exact_take(&members->exact, token);
}
