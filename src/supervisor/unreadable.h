/* Stacks that are on disk and cannot be read: torn, of a newer release, a folder that others can write to.
 *
 * Nothing is known of such a stack, so nothing of it is touched: its files stay, what runs of it runs on, and nothing takes its name.
 * It is an entry without generation and members whose `unreadable` says why and what to do. Only its removal changes anything: the
 * record is forgotten, what runs below its cgroup is ended, its ids and writable layers are given back; its volumes stay, since which
 * they were is not known.
 */
#pragma once

#include "manager.h"

/* Makes the entry, and says it. A folder whose name is no stack's is only said. */
void unreadable_add(struct manager *m, const char *name, const struct err *why);
/* 0; or the reason with its cure: for whoever asks for something of it. */
int unreadable_refuse(const struct stack_entry *s, struct err *err);
int unreadable_remove(struct manager *m, struct stack_entry *s, bool volumes, struct err *err);
/* One whose removal began before this supervisor: it goes on. */
void unreadable_add_leaving(struct manager *m, const char *name, const struct err *why);
/* Ends whatever runs below the stack's cgroup. true: nothing is left. */
bool unreadable_end(struct stack_entry *s);
/* Of one being removed: ends what is left, then gives back its layers and ids. true: nothing is left. */
bool unreadable_is_gone(struct stack_entry *s);
/* Is what runs in that group ("shop/api.1") and belongs to no member to be left alone? Its stack cannot be read, or its declaration. */
bool unreadable_has(struct manager *m, const char *group);
/* [{"stack", "reason", "hint"}]. */
json_t *unreadable_describe(const struct manager *m);
