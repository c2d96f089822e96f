/* The way out of a stack: its members stop in order; then its writable layers, ids, volumes and records go. */
#pragma once

#include "manager.h"

/* Stops and forgets everything of it, in order. */
int stack_remove(struct manager *m, struct stack_entry *s, bool volumes, struct err *err);
/* When the last member of a removed stack is gone: its records, volumes and cgroup. Frees it then and returns true. */
bool stack_try_forget(struct stack_entry *s);
