#include "terminal.h"

#include <ctrsup/base/num.h>

#include <langinfo.h>
#include <string.h>
#include <sys/ioctl.h>

bool terminal_wants_color(enum color_mode mode, bool is_tty, const char *no_color, const char *force, const char *term) {
        if (mode != COLOR_AUTO)
                return mode == COLOR_ALWAYS;
        if (no_color && *no_color)
                return false;
        if (force && *force && strcmp(force, "0") != 0)
                return true;
        return is_tty && term && *term && strcmp(term, "dumb") != 0;
}

void terminal_decide(struct cli *c) {
        const char *no_color = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE"), *term = getenv("TERM");

        c->color_out = terminal_wants_color(c->color, c->out_tty, no_color, force, term);
        c->color_err = terminal_wants_color(c->color, c->err_tty, no_color, force, term);
}

bool terminal_is_unicode(void) {
        return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

unsigned terminal_columns(int fd) {
        const char *columns = getenv("COLUMNS");
        struct winsize size;
        uint64_t n;

        if (columns && num_parse_u64(columns, &n) == 0 && n >= 1 && n <= 10000)
                return (unsigned)n;
        return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

unsigned terminal_rows(int fd) {
        struct winsize size;

        return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

enum progress_mode terminal_progress(enum progress_mode asked, bool quiet, bool err_tty, const char *term) {
        if (asked != PROGRESS_AUTO)
                return asked;
        if (quiet)
                return PROGRESS_NONE;
        return err_tty && term && *term && strcmp(term, "dumb") != 0 ? PROGRESS_TTY : PROGRESS_PLAIN;
}

int terminal_raw(int fd, struct termios *ret_before) {
        struct termios t;

        if (tcgetattr(fd, &t) < 0)
                return -errno;
        *ret_before = t;
        cfmakeraw(&t);
        return tcsetattr(fd, TCSADRAIN, &t) < 0 ? -errno : 0;
}

int terminal_take_keys(int fd, struct termios *ret_before) {
        struct termios t;

        if (tcgetattr(fd, &t) < 0)
                return -errno;
        *ret_before = t;
        t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        return tcsetattr(fd, TCSADRAIN, &t) < 0 ? -errno : 0;
}

void terminal_restore(int fd, const struct termios *before) {
        (void)tcsetattr(fd, TCSADRAIN, before);
}

void terminal_copy_size(int from, int to) {
        struct winsize size;

        if (ioctl(from, TIOCGWINSZ, &size) == 0)
                (void)ioctl(to, TIOCSWINSZ, &size);
}
