#pragma once

#include <stdbool.h>

/* 1: the directory has no entries (but lost+found); 0: it has; or -errno. */
int copytree_is_empty(int dir);
/* Copies what is in directory `from` into directory `to`: files, directories, symbolic links, FIFOs, hard links as separate
 * files; owners, modes, times and (best effort) user and capability attributes. Sockets and device nodes are left out. Never
 * follows a link, never overwrites, works with a bounded depth (-ELOOP) and no allocation. keep_root: owner and mode of `to`
 * itself stay. Returns 0 or -errno. */
int copytree(int from, int to, bool keep_root);
