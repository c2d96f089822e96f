#include "unit.h"

#include <ctrsup/store/dir.h>
#include <ctrsup/store/revisions.h>
#include <ctrsup/store/trash.h>
#include <ctrsup/store/uids.h>

#include "store_tmp.h"

static void add(const struct tmp *t, const char *stack, uint64_t number) {
        struct revision r = {
                .number = number,
                .applied_real_usec = 1700000000000000 + number,
                .uid = 1000,
                .document = json_pack("{s:s, s:I}", "file", "shop.yaml", "n", (json_int_t)number),
        };
        struct err err;

        if (revisions_add(t->fd, stack, &r, &err) < 0)
                fail_msg("%s", err.text);
        revision_done(&r);
}

static void round_trip(void **state) {
        struct tmp *t = *state;
        _cleanup_revision_ struct revision r = REVISION_NULL;
        _cleanup_free_ char **names = NULL;
        size_t n = 0;
        struct err err;

        assert_int_equal(revisions_stacks(t->fd, &names, &n, &err), 0);
        assert_int_equal(n, 0);
        free(names);
        add(t, "shop", 1);
        add(t, "blog", 1);
        add(t, "shop", 2);
        assert_int_equal(revisions_stacks(t->fd, &names, &n, &err), 0);
        assert_int_equal(n, 2);
        assert_string_equal(names[0], "blog");
        assert_string_equal(names[1], "shop");

        assert_int_equal(revisions_read(t->fd, "shop", 0, &r, &err), 0);
        assert_int_equal(r.number, 2);
        assert_int_equal(r.uid, 1000);
        assert_int_equal(r.applied_real_usec, 1700000000000002);
        assert_string_equal(json_string_value(json_object_get(r.document, "file")), "shop.yaml");
        revision_done(&r);
        assert_int_equal(revisions_read(t->fd, "shop", 1, &r, &err), 0);
        assert_int_equal(r.number, 1);
        assert_int_equal(revisions_read(t->fd, "shop", 3, &r, &err), -ENOENT);
        assert_int_equal(revisions_read(t->fd, "nope", 0, &r, &err), -ENOENT);
}

/* Dies before `current` is written, at a first apply and at a later one. */
static void first_apply_interrupted(void **state) {
        struct tmp *t = *state;
        struct err err;

        add(t, "first", 1);
        add(t, "kept", 1);
        add(t, "lost", 1);
        add(t, "lost", 2);
        add(t, "aside", 1);
        assert_int_equal(unlinkat(t->fd, "stacks/first/current", 0), 0);
        assert_int_equal(unlinkat(t->fd, "stacks/lost/current", 0), 0);
        assert_int_equal(renameat(t->fd, "stacks/aside/current", t->fd, "stacks/aside/current.bad"), 0);
        assert_int_equal(mkdirat(t->fd, "stacks/empty", 0700), 0);
        assert_int_equal(mkdirat(t->fd, "stacks/Not a stack", 0700), 0);
        assert_int_equal(revisions_sweep(t->fd, &err), 0);
        assert_int_equal(faccessat(t->fd, "stacks/first", F_OK, 0), -1);
        assert_int_equal(faccessat(t->fd, "stacks/empty", F_OK, 0), -1);
        assert_int_equal(faccessat(t->fd, "stacks/kept/current", F_OK, 0), 0);
        assert_int_equal(faccessat(t->fd, "stacks/lost/2.json", F_OK, 0), 0);
        assert_int_equal(faccessat(t->fd, "stacks/aside/current.bad", F_OK, 0), 0);
        assert_int_equal(faccessat(t->fd, "stacks/Not a stack", F_OK, 0), 0);
        assert_int_equal(revisions_sweep(t->fd, &err), 0);
}

static bool is_used(void *userdata, uint64_t number) {
        return number == *(uint64_t *)userdata;
}

static void history_is_bounded(void **state) {
        struct tmp *t = *state;
        _cleanup_free_ uint64_t *numbers = NULL;
        uint64_t used = 2;
        size_t n = 0;

        for (uint64_t i = 1; i <= 12; i++) {
                add(t, "shop", i);
                revisions_drop(t->fd, "shop", 3, is_used, &used);
        }
        assert_int_equal(revisions_list(t->fd, "shop", &numbers, &n, NULL), 0);
        assert_int_equal(n, 4);
        assert_int_equal(numbers[0], 12);
        assert_int_equal(numbers[2], 10);
        assert_int_equal(numbers[3], 2); /* whoever runs from it is taken down by it */
}

static void stop_marks_live_until_the_next_apply(void **state) {
        struct tmp *t = *state;
        static const char *const marks[] = { "api.2", "db.1" };
        _cleanup_free_ char **stopped = NULL;
        size_t n = 0;

        add(t, "shop", 1);
        struct revision_current current = { .number = 1, .stopped = marks, .n_stopped = 2 };
        assert_false(revisions_is_current(t->fd, "shop", &current));
        assert_int_equal(revisions_set_current(t->fd, "shop", &current, NULL), 0);
        assert_true(revisions_is_current(t->fd, "shop", &current));
        current.n_stopped = 1;
        assert_false(revisions_is_current(t->fd, "shop", &current));
        assert_int_equal(revisions_stopped(t->fd, "shop", &stopped, &n, NULL), 0);
        assert_int_equal(n, 2);
        assert_string_equal(stopped[1], "db.1");
        free(stopped);
        add(t, "shop", 2);
        assert_int_equal(revisions_stopped(t->fd, "shop", &stopped, &n, NULL), 0);
        assert_int_equal(n, 0);
}

/* What made an update fail is known with its revision, until that is tried again and does not fail. */
static void failed_updates(void **state) {
        struct tmp *t = *state;
        _cleanup_revision_ struct revision r = REVISION_NULL, again = REVISION_NULL;
        json_t *one = json_pack("[s]", "api.1"), *two = json_pack("[s, s]", "api.1", "api.2");

        add(t, "shop", 1);
        assert_int_equal(revisions_mark_failed(t->fd, "shop", 1, false, NULL, NULL), 0);
        assert_int_equal(revisions_mark_failed(t->fd, "shop", 1, true, one, NULL), 0);
        assert_int_equal(revisions_mark_failed(t->fd, "shop", 1, true, two, NULL), 0);
        assert_int_equal(revisions_peek(t->fd, "shop", 1, &r, NULL), 0);
        assert_true(r.failed);
        assert_true(json_equal(r.ends, two));
        assert_int_equal(revisions_mark_failed(t->fd, "shop", 1, false, NULL, NULL), 0);
        assert_int_equal(revisions_peek(t->fd, "shop", 1, &again, NULL), 0);
        assert_false(again.failed);
        assert_true(json_is_null(again.ends));
        json_decref(one);
        json_decref(two);
}

/* Torn, empty, foreign, too new: words, and the other stacks do not suffer. */
static void bad_records(void **state) {
        static const struct {
                const char *text, *words;
                int error;
        } cases[] = {
                { "", "expected near end of file", -EBADMSG },
                { "{\"version\":1,\"revision\":2,\"docum", "1.json", -EBADMSG },
                { "[1,2]", "no record of ctrsup", -EBADMSG },
                { "{\"version\":0}", "no record of ctrsup", -EBADMSG },
                { "{\"version\":1,\"revision\":2,\"document\":{}}", "holds no stack", -EBADMSG },
                { "{\"version\":1,\"revision\":1,\"document\":7}", "holds no stack", -EBADMSG },
                { "{\"version\":1,\"version\":1}", "duplicate", -EBADMSG },
                { "{\"version\":2,\"revision\":1,\"document\":{}}", "newer ctrsup (format 2; this one knows 1)", -EPROTO },
        };
        struct tmp *t = *state;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_revision_ struct revision r = REVISION_NULL;
                struct err err;

                add(t, "shop", 1);
                tmp_file(t, "stacks/shop/1.json", cases[i].text);
                assert_int_equal(revisions_read(t->fd, "shop", 0, &r, &err), cases[i].error);
                if (!strstr(err.text, cases[i].words) || !strstr(err.text, "stack shop: "))
                        fail_msg("%s: %s", cases[i].text, err.text);
                bool aside = faccessat(t->fd, "stacks/shop/1.json.bad", F_OK, 0) == 0;
                assert_int_equal(aside, cases[i].error == -EBADMSG);
                if (aside)
                        assert_non_null(strstr(err.text, "; set aside as 1.json.bad"));
                if (aside)
                        assert_non_null(strstr(err.hint, "ctrsup remove shop, then apply its file again"));
                (void)unlinkat(t->fd, "stacks/shop/1.json.bad", 0);
        }
        add(t, "blog", 1);
        tmp_file(t, "stacks/shop/current", "{\"version\":1,\"revision\":\"x\"}");
        _cleanup_revision_ struct revision r = REVISION_NULL;
        struct err err;
        assert_int_equal(revisions_read(t->fd, "shop", 0, &r, &err), -EBADMSG);
        assert_int_equal(revisions_read(t->fd, "blog", 0, &r, &err), 0);
}

/* A power cut before `current` was written: the old revision counts, and a stack that never got one is not there. */
static void cut_before_current(void **state) {
        struct tmp *t = *state;
        _cleanup_revision_ struct revision r = REVISION_NULL;
        _cleanup_free_ char **names = NULL;
        size_t n = 0;

        add(t, "shop", 1);
        tmp_file(t, "stacks/shop/2.json", "{\"version\":1,\"revision\":2,\"document\":{}}");
        assert_int_equal(revisions_read(t->fd, "shop", 0, &r, NULL), 0);
        assert_int_equal(r.number, 1);
        assert_int_equal(mkdirat(t->fd, "stacks/half", 0700), 0);
        tmp_file(t, "stacks/half/1.json", "{}");
        assert_int_equal(revisions_stacks(t->fd, &names, &n, NULL), 0);
        assert_int_equal(n, 1);
}

static void forgotten_at_once(void **state) {
        struct tmp *t = *state;
        _cleanup_free_ char **names = NULL;
        size_t n = 0;
        struct err err;

        add(t, "shop", 1);
        assert_int_equal(revisions_forget(t->fd, "shop", &err), 0);
        assert_int_equal(revisions_forget(t->fd, "shop", &err), 0);
        assert_int_equal(revisions_stacks(t->fd, &names, &n, &err), 0);
        assert_int_equal(n, 0);
        assert_int_equal(trash_empty(t->fd, &err), 0);
}

static void copy_in(const struct tmp *t, const char *name) {
        char from[256], text[16384];

        (void)snprintf(from, sizeof(from), "tests/fixtures/state-1/%s", name);
        _cleanup_fd_ int fd = open(from, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
        if (n <= 0)
                fail_msg("%s: %s", from, strerror(errno));
        text[n > 0 ? n : 0] = '\0';
        tmp_file(t, name, text);
}

/* State as 0.1.0 wrote it: files of its own, never made again by the code that reads them. */
static void state_of_the_first_release(void **state) {
        struct tmp *t = *state;
        _cleanup_revision_ struct revision r = REVISION_NULL, old = REVISION_NULL;
        _cleanup_free_ char **names = NULL, **stopped = NULL;
        struct err err;
        size_t n;
        uint32_t first;

        assert_int_equal(mkdirat(t->fd, "stacks", 0700) | mkdirat(t->fd, "stacks/shop", 0700), 0);
        copy_in(t, "stacks/shop/1.json");
        copy_in(t, "stacks/shop/2.json");
        copy_in(t, "stacks/shop/current");
        copy_in(t, "uids");
        assert_int_equal(revisions_stacks(t->fd, &names, &n, &err), 0);
        assert_int_equal(n, 1);
        assert_int_equal(revisions_read(t->fd, "shop", 0, &r, &err), 0);
        assert_int_equal(r.number, 2);
        assert_int_equal(r.applied_real_usec, 1795835602699107);
        assert_non_null(json_object_get(json_object_get(json_object_get(r.document, "stack"), "containers"), "db"));
        assert_int_equal(revisions_read(t->fd, "shop", 1, &old, &err), 0);
        assert_int_equal(revisions_stopped(t->fd, "shop", &stopped, &n, &err), 0);
        assert_int_equal(n, 1);
        assert_string_equal(stopped[0], "db.1");
        assert_int_equal(uids_take(t->fd, 268435456, 4, NULL, 0, "shop", "db", &first, &err), 0);
        assert_int_equal(first, 268500992);

        /* And as a later one would: refused in words, and as it was. */
        tmp_file(t, "uids", "{\"version\":2,\"blocks\":{}}");
        assert_int_equal(uids_take(t->fd, 268435456, 4, NULL, 0, "shop", "db", &first, &err), -EPROTO);
        assert_non_null(strstr(err.text, "newer ctrsup"));
        tmp_file(t, "stacks/shop/current", "{\"version\":2}");
        revision_done(&r);
        assert_int_equal(revisions_read(t->fd, "shop", 0, &r, &err), -EPROTO);
        assert_int_equal(faccessat(t->fd, "stacks/shop/current", F_OK, 0), 0);
}

unit_main(tmp_test(state_of_the_first_release), tmp_test(round_trip), tmp_test(first_apply_interrupted),
          tmp_test(history_is_bounded), tmp_test(stop_marks_live_until_the_next_apply), tmp_test(failed_updates), tmp_test(bad_records),
          tmp_test(cut_before_current), tmp_test(forgotten_at_once));
