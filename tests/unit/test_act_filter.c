#include "unit.h"

#include <ctrsup/act/filter.h>

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

static int filter_of(struct act_filters *f, const struct spec_container *c) {
        struct err err = { 0 };
        int fd;

        if (act_filter(f, c, &fd, &err) < 0)
                fail_msg("%s", err.text);
        return fd;
}

/* Containers that want the same share one; capabilities that make no difference are none; unconfined has none. */
static void test_shared(void **state _unused_) {
        struct act_filters f = { 0 };
        struct spec_container a = { .capabilities = 0 }, same = { .capabilities = UINT64_C(1) << CAP_CHOWN },
                              admin = { .capabilities = UINT64_C(1) << CAP_SYS_ADMIN },
                              open = { .seccomp = { .mode = SECCOMP_UNCONFINED } };
        struct stat st;

        int fd = filter_of(&f, &a);
        assert_int_equal(fstat(fd, &st), 0);
        assert_true(st.st_size > 0 && st.st_size % 8 == 0);
        assert_int_equal(fcntl(fd, F_GET_SEALS) & (F_SEAL_WRITE | F_SEAL_SHRINK), F_SEAL_WRITE | F_SEAL_SHRINK);
        assert_int_equal(filter_of(&f, &same), fd);
        assert_int_not_equal(filter_of(&f, &admin), fd);
        assert_int_equal(filter_of(&f, &open), -EBADF);
        assert_int_equal(f.n, 2);
        act_filters_done(&f);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* What is kept is bounded; the oldest goes, and is made again when it is wanted. */
static void test_bounded(void **state _unused_) {
        static const unsigned caps[] = { CAP_SYS_PTRACE, CAP_SYS_TIME, CAP_SYS_NICE, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_BOOT };
        struct act_filters f = { 0 };

        for (uint64_t set = 0; set < ACT_FILTERS_MAX + 5; set++) {
                struct spec_container c = { 0 };

                for (size_t i = 0; i < ARRAY_SIZE(caps); i++)
                        c.capabilities |= (set >> i & 1) << caps[i];
                assert_true(filter_of(&f, &c) >= 0);
        }
        assert_int_equal(f.n, ACT_FILTERS_MAX);
        assert_int_equal(f.next, 5);
        assert_true(filter_of(&f, &(struct spec_container){ 0 }) >= 0);
        assert_int_equal(f.next, 6);
        act_filters_done(&f);
}

unit_main(cmocka_unit_test(test_shared), cmocka_unit_test(test_bounded));
