/*
 * key.h - `millrace key`: API keys in PostgreSQL's table `secrets`.
 */
#ifndef MILLRACE_CTL_KEY_H
#define MILLRACE_CTL_KEY_H

#include "ctl/command.h"

extern const struct command_option key_create_options[];
extern const struct command_option key_list_options[];
extern const struct command_option key_rotate_options[];

bool key_create(struct command_call *call, bool *out_is_good, struct err *err);
bool key_list(struct command_call *call, bool *out_is_good, struct err *err);
bool key_rotate(struct command_call *call, bool *out_is_good, struct err *err);
bool key_revoke(struct command_call *call, bool *out_is_good, struct err *err);

#endif
