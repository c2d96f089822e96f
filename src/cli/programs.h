/* Where our other programs are. */
#pragma once

#include <ctrsup/base/err.h>

/* ctrsupd: beside this program (a build tree), in its ../sbin, else in the libexec folder. malloc'ed; -ENOENT with words. */
int programs_find_daemon(char **ret, struct err *err);
