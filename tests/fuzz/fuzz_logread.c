/* Any bytes as a container's log file: what is read of it are lines, and what a terminal gets of them moves no cursor and sets nothing
 * but colours. */
#include "cli/logread.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[] = "/dev/shm/ctrsup-fuzz-log-XXXXXX";

static void require(bool condition) {
        if (!condition)
                __builtin_trap();
}

static void drop_file(void) {
        (void)unlink(path);
}

/* The length of a colour (ESC [ digits and ; m) at text; 0: something else. */
static size_t color(const char *text, size_t len) {
        size_t n = 2;

        if (len < 3 || text[0] != '\x1b' || text[1] != '[')
                return 0;
        while (n < len && strchr("0123456789;:", text[n]) && text[n])
                n++;
        return n < len && text[n] == 'm' ? n + 1 : 0;
}

static void check_plain(const char *text, size_t len) {
        for (size_t i = 0; i < len;) {
                unsigned char c = (unsigned char)text[i];
                size_t n = color(text + i, len - i);

                require(n > 0 || c >= 0x20 || c == '\t' || c == '\n');
                require(c != 0x7f &&
                        !(c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] >= 0x80 && (unsigned char)text[i + 1] < 0xa0));
                i += n > 0 ? n : 1;
        }
}

static int on_line(void *userdata, const struct logread_line *line) {
        size_t *n = userdata;

        require(!memchr(line->text, '\n', line->len));
        require(line->priority >= 0 && line->priority <= 7);
        for (enum logread_output o = 0; o < _LOGREAD_OUTPUT_MAX; o++) {
                _cleanup_buf_ struct buf out = BUF_NULL, raw = BUF_NULL;

                logread_format(&out, line, o, true, true);
                check_plain(buf_text(&out), out.len);
                logread_format(&raw, line, o, false, false);
        }
        return ++*n > 1000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static int fd = -EBADF;
        const struct logread_target target = {
                .stack = "shop", .container = "web", .replica = 1, .driver = LOGREAD_FILE, .path = path
        };
        struct logread_options o = LOGREAD_OPTIONS;
        size_t n = 0;

        if (fd < 0) {
                fd = mkostemp(path, O_CLOEXEC);
                (void)atexit(drop_file);
        }
        if (size < 1)
                return 0;
        if (fd < 0 || ftruncate(fd, 0) < 0 || pwrite(fd, data + 1, size - 1, 0) != (ssize_t)size - 1)
                abort();
        if (data[0] & 1)
                o.tail = data[0] >> 4;
        if (data[0] & 2)
                o.max_priority = data[0] >> 5;
        (void)logread_run(&target, 1, &o, on_line, &n, NULL);
        return 0;
}
