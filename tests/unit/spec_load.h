/* A stack file out of a string or a folder, for the tests of spec: the variables SET (512) and EMPTY, env files from tests/bad/env. */
#pragma once

#include "unit.h"

#include <ctrsup/spec/diff.h>
#include <ctrsup/spec/load.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct loaded {
        struct stack stack;
        struct diag_list diags;
        int result;
};

static inline const char *loaded_variable(void *userdata, const char *name) {
        (void)userdata;
        return strcmp(name, "SET") == 0 ? "512" : strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static inline int slurp(const char *path, char **ret, size_t *ret_len) {
        _cleanup_file_ FILE *f = fopen(path, "re");
        size_t size = 2 * 1024 * 1024;

        *ret_len = 0;
        if (!f)
                return -errno;
        *ret = malloc(size);
        assert_non_null(*ret);
        *ret_len = fread(*ret, 1, size - 1, f);
        (*ret)[*ret_len] = '\0';
        return 0;
}

static inline int loaded_file(void *userdata, const char *path, char **ret, size_t *ret_len, struct err *err) {
        char real[512];

        (void)userdata;
        assert_memory_equal(path, "/srv/stack/", 11);
        (void)snprintf(real, sizeof(real), "tests/bad/env/%s", path + 11);
        int r = slurp(real, ret, ret_len);
        return r < 0 ? err_sys(err, -r, "open %s", path) : 0;
}

static inline struct loaded load_bytes(const char *file, const char *text, size_t len) {
        struct loaded l = { 0 };
        const struct stack_source source = {
                .file = file, .base_dir = "/srv/stack", .variable = loaded_variable, .read_file = loaded_file
        };

        assert_int_equal(diag_list_init(&l.diags, file), 0);
        l.result = stack_load(text, len, &source, &l.diags, &l.stack);
        return l;
}

static inline void loaded_done(struct loaded *l) {
        stack_done(&l->stack);
        diag_list_done(&l->diags);
}
#define _cleanup_loaded_ _cleanup_(loaded_done)

/* text has to be right. */
static inline struct loaded load_good(const char *text) {
        struct loaded l = load_bytes("stack.yaml", text, strlen(text));
        _cleanup_buf_ struct buf out = BUF_NULL;

        diag_print(&l.diags, NULL, &out);
        if (l.result != 0)
                fail_msg("%s", buf_text(&out));
        return l;
}

#define WEB "name: shop\ncontainers:\n  web:\n    rootfs: {layers: [{dir: /srv/rootfs}]}\n    command: [/bin/true]\n"

static inline const struct spec_container *web_of(const struct loaded *l) {
        const struct spec_container *c = spec_find(l->stack.spec, "web");

        assert_non_null(c);
        return c;
}

/* By the field table; says what differs. */
static inline void assert_same_spec(const struct spec *a, const struct spec *b) {
        _cleanup_arena_ struct arena *arena = arena_new();
        struct spec_changes changes;

        assert_int_equal(spec_diff_stack(arena, a, b, &changes), 0);
        for (size_t i = 0; i < changes.n; i++)
                fail_msg("%s differs", changes.items[i].path);
        assert_int_equal(a->n_containers, b->n_containers);
        for (size_t c = 0; c < a->n_containers; c++) {
                assert_string_equal(a->containers[c].name, b->containers[c].name);
                assert_int_equal(spec_diff_container(arena, &a->containers[c], &b->containers[c], &changes), 0);
                for (size_t i = 0; i < changes.n; i++)
                        fail_msg("%s: %s: %s, %s", a->containers[c].name, changes.items[i].path, changes.items[i].old_text,
                                 changes.items[i].new_text);
                assert_int_equal(a->containers[c].capabilities, b->containers[c].capabilities);
        }
}
