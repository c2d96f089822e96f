/* What was left out of a log and not told is there for the next logger. */
#include "unit.h"

#include "../../src/logger/tally.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_tmp.h"

static void for_the_next_one(void **state) {
        struct tmp *dir = *state;
        struct tally a, b;
        static const char one[] = "00112233445566778899aabbccddeeff", other[] = "00112233445566778899aabbccddeefe";

        tally_open(&a, dir->fd);
        uint64_t *count = tally_find(&a, one);
        assert_non_null(count);
        assert_int_equal(*count, 0);
        *count = 7;
        assert_ptr_not_equal(tally_find(&a, other), count);
        assert_ptr_equal(tally_find(&a, one), count);
        assert_null(tally_find(&a, "short"));
        assert_null(tally_find(&a, "zz112233445566778899aabbccddeeff"));
        /* a process that was killed closes nothing */
        tally_open(&b, dir->fd);
        uint64_t *again = tally_find(&b, one);
        assert_int_equal(*again, 7);
        tally_release(again);
        again = tally_find(&b, one);
        assert_int_equal(*again, 0);
        tally_close(&a);
        tally_close(&b);
}

static void none(void **state) {
        struct tmp *dir = *state;
        struct tally t;
        char id[33];

        assert_int_equal(mkdirat(dir->fd, ".suppressed", 0700), 0); /* it cannot be had */
        tally_open(&t, dir->fd);
        assert_null(tally_find(&t, "00112233445566778899aabbccddeeff"));
        tally_close(&t);
        assert_int_equal(unlinkat(dir->fd, ".suppressed", AT_REMOVEDIR), 0);
        tally_open(&t, dir->fd);
        unsigned n = 0;
        for (;; n++) { /* nor more room than there is */
                (void)snprintf(id, sizeof(id), "%032x", n);
                if (!tally_find(&t, id))
                        break;
        }
        assert_in_range(n, 1000, 100000);
        tally_close(&t);
        tally_release(NULL);
}

unit_main(tmp_test(for_the_next_one), tmp_test(none));
