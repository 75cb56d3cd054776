/*
 * key_guard.h - who tries wrong keys: an address (ip_network.h) may send so many in a minute and is told to
 * wait after that. Only wrong keys are told to it, so a right key from the same address goes on working.
 * Pure: the time is passed in.
 */
#ifndef MILLRACE_KEY_GUARD_H
#define MILLRACE_KEY_GUARD_H

#include <stdint.h>

/* The minute begins with an address's first wrong key. Of so many addresses wrong keys are remembered; above,
 * the one whose minute began first is forgotten. */
enum { KEY_GUARD_TRIES = 20, KEY_GUARD_WINDOW_MS = 60000, KEY_GUARD_ADDRESSES_MAX = 16384 };

struct key_guard;

struct key_guard *key_guard_new(void);
void key_guard_free(struct key_guard **guard);

/* One more wrong key from peer, an address as text; any other text (a Unix socket, behind which stands a
 * proxy) is not counted. Gives 0 when it may be told so, else the seconds after which it may try again.
 * now_ms: monotonic. */
uint32_t key_guard_on_wrong_key(struct key_guard *guard, const char *peer, uint64_t now_ms);

/* Addresses that are remembered. */
uint32_t key_guard_addresses(const struct key_guard *guard);

#endif
