/* THE table: every key of a stack file, also those that are known and not supported yet. The rows are in src/spec/fields_*.c. */
#pragma once

#include <ctrsup/spec/spec.h>
#include <ctrsup/text/schema.h>

extern const struct table stack_table;      /* struct spec */
extern const struct table container_table;  /* struct spec_container */
