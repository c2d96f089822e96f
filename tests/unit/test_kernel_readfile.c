#include "unit.h"

#include <ctrsup/kernel/readfile.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static char folder[] = "/tmp/ctrsup-readfile-XXXXXX";

static int enter(void **state) {
        (void)state;
        return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave(void **state) {
        static const char *const names[] = { "file", "link", "fifo", "socket", "large", "broken", "empty" };

        (void)state;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                (void)unlink(names[i]);
        return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_text(const char *name, const char *text, size_t len) {
        _cleanup_fd_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, len), len);
}

static void assert_refused(const char *path, int code, const char *words) {
        char *data = NULL;
        size_t len = 0;
        struct err err = { 0 };

        assert_int_equal(read_file(path, 1000, &data, &len, &err), -code);
        assert_null(data);
        if (!strstr(err.text, words))
                fail_msg("expected \"%s\" in \"%s\"", words, err.text);
}

/* The bytes as they are, NUL included, and one NUL behind them; through a symbolic link too. */
static void files(void **state) {
        static const char *const names[] = { "file", "link" };

        (void)state;
        write_text("file", "a\0b\n", 4);
        assert_int_equal(symlink("file", "link"), 0);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_free_ char *data = NULL;
                size_t len;

                assert_int_equal(read_file(names[i], 4, &data, &len, NULL), 0);
                assert_int_equal(len, 4);
                assert_memory_equal(data, "a\0b\n", 5);
        }
        _cleanup_free_ char *data = NULL;
        size_t len;
        write_text("empty", "", 0);
        assert_int_equal(read_file("empty", 0, &data, &len, NULL), 0);
        assert_int_equal(len, 0);
        assert_string_equal(data, "");
}

/* The cap is a cap, to the byte; what has no size of its own is counted. */
static void cap(void **state) {
        char text[1001];

        (void)state;
        memset(text, 'x', sizeof(text));
        write_text("large", text, 1000);
        _cleanup_free_ char *data = NULL;
        size_t len;
        assert_int_equal(read_file("large", 1000, &data, &len, NULL), 0);
        assert_int_equal(len, 1000);
        write_text("large", text, 1001);
        assert_refused("large", EFBIG, "large has more than the 1000 bytes allowed");
        assert_refused("/proc/self/smaps", EFBIG, "more than");
}

/* What is no file is refused at once: nothing writes to the FIFO, and this returns. */
static void no_files(void **state) {
        struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
        _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)state;
        assert_int_equal(mkfifo("fifo", 0600), 0);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(symlink("nowhere", "broken"), 0);
        alarm(5);
        assert_refused("fifo", EINVAL, "fifo is a FIFO, not a file");
        assert_refused(".", EISDIR, ". is a directory, not a file");
        assert_refused("/dev/zero", EINVAL, "/dev/zero is a device, not a file");
        assert_refused("socket", EINVAL, "cannot open socket");
        assert_refused("missing", ENOENT, "cannot open missing: No such file");
        assert_refused("broken", ENOENT, "cannot open broken");
        assert_refused("empty/x", ENOTDIR, "cannot open empty/x");
        alarm(0);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(files), cmocka_unit_test(cap), cmocka_unit_test(no_files) };

        return cmocka_run_group_tests(tests, enter, leave);
}
