/*
 * settings_nearest.h - what a misspelt name was probably meant to be. Pure.
 */
#ifndef MILLRACE_SETTINGS_NEAREST_H
#define MILLRACE_SETTINGS_NEAREST_H

#include "common/service/settings.h"

/* Gives the key (or section, for a path without dot) that is few letters away; NULL when none is close. */
char *settings_nearest_key(const struct settings_schema *schema, const char *path);

/* The same for the name of an environment variable; variable_of gives that of a key. */
char *settings_nearest_variable(const struct settings_schema *schema, const char *variable,
                                char *(*variable_of)(const char *key));

#endif
