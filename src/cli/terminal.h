/* What the terminal is: decisions as pure functions, and the few calls that ask it. */
#pragma once

#include "cli.h"

#include <termios.h>

/* NO_COLOR, CLICOLOR_FORCE and TERM as the environment has them, NULL: not set. An option beats the environment. */
bool terminal_wants_color(enum color_mode mode, bool is_tty, const char *no_color, const char *force, const char *term);
/* Sets color_out and color_err; call it when the options are read. */
void terminal_decide(struct cli *c);
bool terminal_is_unicode(void);
/* COLUMNS, else the size of the terminal at fd, else 80. */
unsigned terminal_columns(int fd);
unsigned terminal_rows(int fd); /* 0: not known */
/* Which kind of progress: never PROGRESS_AUTO. */
enum progress_mode terminal_progress(enum progress_mode asked, bool quiet, bool err_tty, const char *term);

/* Raw mode for a session with a container's terminal; restore takes what raw gave. -errno. */
int terminal_raw(int fd, struct termios *ret_before);
/* Keys come one by one and are not shown; Ctrl-C still is a signal. */
int terminal_take_keys(int fd, struct termios *ret_before);
void terminal_restore(int fd, const struct termios *before);
/* The size of the terminal at `from` for the one at `to`. */
void terminal_copy_size(int from, int to);
