/* The disk of the power cuts: what it must keep it keeps, and it does lose what it may. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "vm/cutdisk.h"

enum { N_SECTORS = 256 };

struct rig {
        char path[64];
        struct cutdisk disk;
};

static int set_up(void **state) {
        static struct rig rig;

        (void)snprintf(rig.path, sizeof(rig.path), "/tmp/cutdisk.XXXXXX");
        int fd = mkstemp(rig.path);
        if (fd < 0 || ftruncate(fd, N_SECTORS * CUTDISK_SECTOR) < 0)
                return -1;
        (void)close(fd);
        *state = &rig;
        return cutdisk_init(&rig.disk, rig.path, 1);
}

static int tear_down(void **state) {
        struct rig *rig = *state;

        cutdisk_done(&rig->disk);
        return unlink(rig->path);
}

static void fill(struct cutdisk *d, char with) {
        uint8_t sector[CUTDISK_SECTOR];

        memset(sector, with, sizeof(sector));
        for (uint64_t i = 0; i < N_SECTORS; i++)
                assert_int_equal(cutdisk_write(d, sector, sizeof(sector), i * CUTDISK_SECTOR), 0);
}

/* How many sectors of the file begin with that byte. */
static size_t count(const struct cutdisk *d, char wanted) {
        size_t n = 0;

        for (off_t i = 0; i < N_SECTORS; i++) {
                char c = 0;

                assert_int_equal(pread(d->fd, &c, 1, i * CUTDISK_SECTOR), 1);
                n += c == wanted;
        }
        return n;
}

static void test_what_was_flushed_survives(void **state) {
        struct rig *rig = *state;

        fill(&rig->disk, 'a');
        assert_int_equal(cutdisk_flush(&rig->disk), 0);
        assert_int_equal(cutdisk_cut(&rig->disk), 0);
        assert_int_equal(count(&rig->disk, 'a'), N_SECTORS);
}

static void test_what_was_not_is_lost_or_kept(void **state) {
        struct rig *rig = *state;

        fill(&rig->disk, 'a');
        assert_int_equal(cutdisk_flush(&rig->disk), 0);
        fill(&rig->disk, 'b');
        assert_int_equal(cutdisk_cut(&rig->disk), 0);
        size_t kept = count(&rig->disk, 'b');
        assert_in_range(kept, N_SECTORS / 4, N_SECTORS * 3 / 4);
        assert_int_equal(kept, rig->disk.n_kept);
        assert_int_equal(count(&rig->disk, 'a'), N_SECTORS - kept);
}

static void test_an_overwritten_sector_may_have_been_written_back(void **state) {
        struct rig *rig = *state;

        fill(&rig->disk, 'a');
        fill(&rig->disk, 'b');
        assert_in_range(count(&rig->disk, 'a'), N_SECTORS / 4, N_SECTORS * 3 / 4);
        assert_int_equal(count(&rig->disk, 'b'), 0);
}

static void test_the_machine_reads_what_it_wrote(void **state) {
        struct rig *rig = *state;
        uint8_t got[3 * CUTDISK_SECTOR], wanted[3 * CUTDISK_SECTOR];

        fill(&rig->disk, 'a');
        assert_int_equal(cutdisk_flush(&rig->disk), 0);
        memset(wanted, 'a', sizeof(wanted));
        memset(wanted + CUTDISK_SECTOR, 'b', CUTDISK_SECTOR);
        assert_int_equal(cutdisk_write(&rig->disk, wanted + CUTDISK_SECTOR, CUTDISK_SECTOR, 6 * CUTDISK_SECTOR), 0);
        assert_int_equal(cutdisk_read(&rig->disk, got, sizeof(got), 5 * CUTDISK_SECTOR), 0);
        assert_memory_equal(got, wanted, sizeof(got));
}

static void test_a_write_through_is_kept_alone(void **state) {
        struct rig *rig = *state;

        fill(&rig->disk, 'a');
        assert_int_equal(cutdisk_write_through(&rig->disk, 8 * CUTDISK_SECTOR, 2 * CUTDISK_SECTOR), 0);
        assert_int_equal(count(&rig->disk, 'a'), 2);
}

static void test_outside_is_refused(void **state) {
        struct rig *rig = *state;
        uint8_t sector[CUTDISK_SECTOR] = { 0 };

        assert_int_equal(cutdisk_write(&rig->disk, sector, sizeof(sector), N_SECTORS * CUTDISK_SECTOR), -EINVAL);
        assert_int_equal(cutdisk_write(&rig->disk, sector, sizeof(sector), 100), -EINVAL);
        assert_int_equal(cutdisk_read(&rig->disk, sector, sizeof(sector), UINT64_MAX - CUTDISK_SECTOR + 1), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_what_was_flushed_survives, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_what_was_not_is_lost_or_kept, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_an_overwritten_sector_may_have_been_written_back, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_the_machine_reads_what_it_wrote, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_a_write_through_is_kept_alone, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_outside_is_refused, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
