/* A removal is one rename: before it the stack is there, after it it is on its way out, whoever looks. */
#include "unit.h"

#include <ctrsup/store/removals.h>
#include <ctrsup/store/revisions.h>

#include "store_tmp.h"

static void add(const struct tmp *t, const char *stack) {
        struct revision r = { .number = 1, .applied_real_usec = 1, .document = json_pack("{s:s}", "file", "shop.yaml") };
        struct err err;

        assert_int_equal(revisions_add(t->fd, stack, &r, &err), 0);
        revision_done(&r);
}

static size_t count(int state_fd) {
        _cleanup_free_ char **names = NULL;
        size_t n = 0;
        struct err err;

        assert_int_equal(revisions_stacks(state_fd, &names, &n, &err), 0);
        return n;
}

static void from_one_place_to_the_other(void **state) {
        struct tmp *t = *state;
        _cleanup_revision_ struct revision r = REVISION_NULL;
        _cleanup_fd_ int removing = -EBADF;
        struct err err = { 0 };
        bool volumes = false;

        add(t, "shop");
        add(t, "blog");
        assert_int_equal(removals_begin(t->fd, "nope", false, &err), -ENOENT);
        assert_int_equal(removals_begin(t->fd, "shop", true, &err), 0);
        assert_int_equal(count(t->fd), 1);
        assert_int_equal(removals_open(t->fd, &removing, &err), 0);
        assert_int_equal(count(removing), 1);
        assert_int_equal(revisions_read(removing, "shop", 0, &r, &err), 0);
        assert_int_equal(r.number, 1);
        assert_int_equal(removals_with_volumes(t->fd, "shop", &volumes, &err), 0);
        assert_true(volumes);
        assert_int_equal(removals_end(t->fd, "shop", &err), 0);
        assert_int_equal(removals_end(t->fd, "shop", &err), 0);
        assert_int_equal(count(removing), 0);
        assert_int_equal(count(t->fd), 1);
}

/* A removal whose last step was lost does not stand in the way of the next one of that name. */
static void left_over(void **state) {
        struct tmp *t = *state;
        _cleanup_fd_ int removing = -EBADF;
        struct err err = { 0 };
        bool volumes = true;

        add(t, "shop");
        assert_int_equal(removals_begin(t->fd, "shop", true, &err), 0);
        add(t, "shop");
        assert_int_equal(removals_begin(t->fd, "shop", false, &err), 0);
        assert_int_equal(count(t->fd), 0);
        assert_int_equal(removals_with_volumes(t->fd, "shop", &volumes, &err), 0);
        assert_false(volumes);
        assert_int_equal(removals_open(t->fd, &removing, &err), 0);
        assert_int_equal(count(removing), 1);
}

unit_main(tmp_test(from_one_place_to_the_other), tmp_test(left_over));
