/* What a start left that nobody threw away goes; what a living one writes to, what is kept, and what is no layer stays. */
#include "unit.h"

#include <ctrsup/store/dir.h>
#include <ctrsup/store/uppers.h>

#include "store_tmp.h"

static bool keeps_two(void *userdata, const struct upper_name *u) {
        (*(unsigned *)userdata)++;
        return strcmp(u->container, "api") == 0 && u->replica == 1 && u->generation == 2;
}

static bool there(const struct tmp *t, const char *path) {
        struct stat st;

        return fstatat(t->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void stale_ones_go(void **state) {
        struct tmp *t = *state;
        struct upper_name u = { .stack = "shop", .container = "api", .replica = 1 },
                          kept = { .persistent = true, .stack = "shop", .container = "api", .replica = 1 };
        struct err err = { 0 };
        unsigned asked = 0;

        assert_int_equal(uppers_sweep(t->fd, "shop", keeps_two, &asked, &err), 0);
        for (u.generation = 1; u.generation <= 3; u.generation++)
                assert_int_equal(uppers_ensure(t->fd, &u, getuid(), getgid(), &err), 0);
        assert_int_equal(uppers_ensure(t->fd, &kept, getuid(), getgid(), &err), 0);
        u.stack = "blog";
        assert_int_equal(uppers_ensure(t->fd, &u, getuid(), getgid(), &err), 0);
        assert_int_equal(mkdirat(t->fd, "ephemeral/shop/of the admin", 0700), 0);
        assert_int_equal(mkdirat(t->fd, "ephemeral/shop/api.1.9x", 0700), 0);
        assert_int_equal(uppers_sweep(t->fd, "shop", keeps_two, &asked, &err), 0);
        assert_int_equal(asked, 3);
        assert_false(there(t, "ephemeral/shop/api.1.1"));
        assert_true(there(t, "ephemeral/shop/api.1.2/upper"));
        assert_false(there(t, "ephemeral/shop/api.1.3"));
        assert_true(there(t, "persistent/shop/api.1/upper"));
        assert_true(there(t, "ephemeral/blog/api.1.4/upper"));
        assert_true(there(t, "ephemeral/shop/of the admin"));
        assert_true(there(t, "ephemeral/shop/api.1.9x"));
}

unit_main(tmp_test(stale_ones_go));
