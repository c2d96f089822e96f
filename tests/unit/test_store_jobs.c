/* Which jobs have succeeded: kept, set aside when it is no record, never in the way. */
#include "unit.h"

#include <ctrsup/store/dir.h>
#include <ctrsup/store/jobs.h>

#include "store_tmp.h"

static void round_trip(void **state) {
        struct tmp *t = *state;
        struct err err = { 0 };
        json_t *j = NULL;

        assert_int_equal(jobs_read(t->fd, "shop", &j, &err), 0);
        assert_int_equal(json_object_size(j), 0);
        assert_int_equal(err.code, 0);
        json_decref(j);
        assert_int_equal(mkdirat(t->fd, "stacks", 0700), 0);
        assert_int_equal(mkdirat(t->fd, "stacks/shop", 0700), 0);
        j = json_pack("{s:{s:s}}", "migrate", "type", "job");
        assert_int_equal(jobs_write(t->fd, "shop", j, &err), 0);
        json_t *back = NULL;
        assert_int_equal(jobs_read(t->fd, "shop", &back, &err), 0);
        assert_true(json_equal(j, back));
        json_decref(j);
        json_decref(back);
}

static void none(void **state) {
        struct tmp *t = *state;
        struct err err = { 0 };
        json_t *j = NULL;

        assert_int_equal(mkdirat(t->fd, "stacks", 0700), 0);
        assert_int_equal(mkdirat(t->fd, "stacks/shop", 0700), 0);
        int fd = openat(t->fd, "stacks/shop/jobs", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, "{\"version\":1}", 13), 13);
        (void)close(fd);
        assert_int_equal(jobs_read(t->fd, "shop", &j, &err), 0);
        assert_int_equal(json_object_size(j), 0);
        assert_non_null(strstr(err.text, "set aside as jobs.bad"));
        assert_int_equal(faccessat(t->fd, "stacks/shop/jobs.bad", F_OK, 0), 0);
        json_decref(j);
}

unit_main(tmp_test(round_trip), tmp_test(none));
