/*
 * fuzz.h - what a fuzz target is: one file NAME.c that does something with any bytes, and a folder
 * corpus/NAME of inputs that once led somewhere. libFuzzer calls it again and again with changed inputs,
 * under the address and undefined-behaviour sanitizers; whatever ends the process is a finding. `make fuzz`
 * runs all.
 *
 * A target keeps nothing from one call to the next, so that one input alone repeats what it found.
 */
#ifndef MILLRACE_FUZZ_H
#define MILLRACE_FUZZ_H

#include "common/base/bug.h"
#include "common/base/slice.h"

#include <stdint.h>

/* The target; gives 0. data: of exactly this size, so that reading behind it is seen. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input. */
#define EXPECT(condition) BUG_ON(!(condition))

#endif
