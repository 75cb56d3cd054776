/*
 * schema.h - `millrace schema`: the two databases, one after the other.
 */
#ifndef MILLRACE_CTL_SCHEMA_H
#define MILLRACE_CTL_SCHEMA_H

#include "ctl/command.h"

extern const struct command_option schema_options[];

bool schema_apply(struct command_call *call, bool *out_is_good, struct err *err);
bool schema_check(struct command_call *call, bool *out_is_good, struct err *err);

#endif
