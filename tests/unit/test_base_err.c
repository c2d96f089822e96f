#include "unit.h"

#include <ctrsup/base/err.h>

/* The innermost words come last, each wrap goes in front, the code stays what the kernel said. */
static void grows_outwards(void **state _unused_) {
        struct err err = { 0 };

        assert_int_equal(err_sys(&err, ENOENT, "open %s", "/srv/app"), -ENOENT);
        assert_int_equal(err_wrap(&err, "layer %d of %d", 2, 3), -ENOENT);
        assert_int_equal(err_wrap(&err, "start shop/web"), -ENOENT);
        assert_string_equal(err.text, "start shop/web: layer 2 of 3: open /srv/app: No such file or directory");
        assert_int_equal(err.code, ENOENT);
}

/* err_set takes the words as they are: no strerror behind them. */
static void set_adds_nothing(void **state _unused_) {
        struct err err = { 0 };

        assert_int_equal(err_set(&err, EINVAL, "no command given"), -EINVAL);
        assert_string_equal(err.text, "no command given");
        assert_string_equal(err.hint, "");
        assert_int_equal(err_oom(&err), -ENOMEM);
        assert_string_equal(err.text, "out of memory");
}

/* The innermost hint wins; a new failure forgets the hint of the last one. */
static void first_hint_stays(void **state _unused_) {
        struct err err = { 0 };

        err_set(&err, EACCES, "no permission");
        assert_int_equal(err_hint(&err, "run as %s", "root"), -EACCES);
        assert_int_equal(err_hint(&err, "look again"), -EACCES);
        assert_string_equal(err.hint, "run as root");
        err_set(&err, EBUSY, "busy");
        assert_string_equal(err.hint, "");
}

/* NULL means the caller wants only the number. */
static void null_is_taken(void **state _unused_) {
        assert_int_equal(err_set(NULL, EPERM, "x"), -EPERM);
        assert_int_equal(err_sys(NULL, EIO, "x"), -EIO);
        assert_int_equal(err_oom(NULL), -ENOMEM);
        assert_true(err_wrap(NULL, "x") < 0);
        assert_true(err_hint(NULL, "x") < 0);
}

/* Words that do not fit are cut, end in "...", and never run over the struct's end. */
static void long_words_are_cut(void **state _unused_) {
        char words[2 * ERR_TEXT_MAX];
        struct {
                struct err err;
                char guard[8];
        } box = { .guard = "guarded" };

        memset(words, 'x', sizeof(words) - 1);
        words[sizeof(words) - 1] = '\0';

        err_set(&box.err, EINVAL, "%s", words);
        assert_int_equal(strlen(box.err.text), ERR_TEXT_MAX - 1);
        assert_string_equal(box.err.text + ERR_TEXT_MAX - 4, "...");
        err_wrap(&box.err, "outer");
        assert_int_equal(strlen(box.err.text), ERR_TEXT_MAX - 1);
        assert_memory_equal(box.err.text, "outer: xxx", 10);
        assert_string_equal(box.err.text + ERR_TEXT_MAX - 4, "...");
        err_wrap(&box.err, "%s", words);
        assert_int_equal(strlen(box.err.text), ERR_TEXT_MAX - 1);
        err_sys(&box.err, EINVAL, "%s", words);
        assert_int_equal(strlen(box.err.text), ERR_TEXT_MAX - 1);
        err_hint(&box.err, "%s", words);
        assert_int_equal(strlen(box.err.hint), ERR_HINT_MAX - 1);
        assert_string_equal(box.err.hint + ERR_HINT_MAX - 4, "...");
        assert_string_equal(box.guard, "guarded");
}

/* Exactly as many bytes as fit are not cut. */
static void fitting_words_are_not_cut(void **state _unused_) {
        char words[ERR_TEXT_MAX];
        struct err err = { 0 };

        memset(words, 'y', sizeof(words) - 1);
        words[sizeof(words) - 1] = '\0';
        err_set(&err, EINVAL, "%s", words);
        assert_string_equal(err.text, words);
}

unit_main(cmocka_unit_test(grows_outwards), cmocka_unit_test(set_adds_nothing), cmocka_unit_test(first_hint_stays),
          cmocka_unit_test(null_is_taken), cmocka_unit_test(long_words_are_cut), cmocka_unit_test(fitting_words_are_not_cut));
