/* A directory of its own for each test, removed with all that is in it. Include after unit.h. */
#pragma once

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct tmp {
        char path[64];
        int fd;
};

static inline int tmp_begin(void **state) {
        struct tmp *t = calloc(1, sizeof(*t));

        (void)strcpy(t->path, "/tmp/ctrsup-test-XXXXXX");
        if (!mkdtemp(t->path))
                return -1;
        t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        *state = t;
        return 0;
}

static inline int tmp_drop(const char *path, const struct stat *st, int kind, struct FTW *at) {
        (void)st;
        (void)kind;
        (void)at;
        (void)chmod(path, 0700);
        return remove(path);
}

static inline int tmp_end(void **state) {
        struct tmp *t = *state;

        (void)close(t->fd);
        (void)nftw(t->path, tmp_drop, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
        free(t);
        return 0;
}

_unused_ static void tmp_file(const struct tmp *t, const char *name, const char *text) {
        int fd = openat(t->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), strlen(text));
        (void)close(fd);
}

#define tmp_test(f) cmocka_unit_test_setup_teardown(f, tmp_begin, tmp_end)
