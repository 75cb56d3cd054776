/*
 * piece.h - input that arrives in pieces.
 */
#ifndef MILLRACE_FUZZ_PIECE_H
#define MILLRACE_FUZZ_PIECE_H

#include "common/base/slice.h"

/* Takes up to max_bytes off the front of rest. The piece is in memory of its own (free its data), so that
 * reading beyond it is seen. */
struct slice piece_take(struct slice *rest, size_t max_bytes);

#endif
