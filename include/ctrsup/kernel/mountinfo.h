/* /proc/PID/mountinfo, as a text: what is mounted where, as that process sees it. Pure, and no file system is asked: one that hangs
 * does not matter. */
#pragma once

#include <limits.h>
#include <stdbool.h>

struct mountinfo_line {
        char point[PATH_MAX]; /* escapes undone */
        bool read_only;       /* the mount; its file system may be all the same */
};

/* The line at *at, which moves on; false: there are no more. Lines that no kernel writes are passed over. */
bool mountinfo_next(const char **at, struct mountinfo_line *ret);
/* What is on top at that point. */
bool mountinfo_find(const char *text, const char *point, struct mountinfo_line *ret);
