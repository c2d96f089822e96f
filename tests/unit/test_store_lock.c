/* One supervisor a directory, however the last one ended. */
#include "unit.h"

#include <ctrsup/store/lock.h>

#include <signal.h>
#include <sys/wait.h>

#include "store_tmp.h"

/* A process that holds the lock until it is killed, and a child of its own that has inherited it, for usec. */
static pid_t start_holder(int dir, unsigned usec) {
        int ready[2];
        char byte;

        assert_int_equal(pipe(ready), 0);
        pid_t pid = fork();
        if (pid == 0) {
                int lock;

                if (lock_take(dir, "here", &lock, NULL) < 0)
                        _exit(1);
                if (usec > 0 && fork() == 0) {
                        (void)close(ready[0]);
                        (void)close(ready[1]);
                        (void)usleep(usec);
                        _exit(0);
                }
                (void)!write(ready[1], "", 1);
                (void)pause();
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        (void)close(ready[1]);
        return pid;
}

static void end(pid_t pid) {
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* While its holder lives it is refused, with the holder's pid. */
static void refused(void **state) {
        const struct tmp *t = *state;
        struct err err = { 0 };
        char words[64];
        int lock = -EBADF;
        pid_t pid = start_holder(t->fd, 0);

        assert_int_equal(lock_take(t->fd, "here", &lock, &err), -EBUSY);
        (void)snprintf(words, sizeof(words), "another supervisor (pid %d) uses here", (int)pid);
        assert_string_equal(err.text, words);
        end(pid);
        assert_int_equal(lock_take(t->fd, "here", &lock, &err), 0);
        close_fd(lock);
}

/* The holder was killed; a child it had just forked is waited for. */
static void waits_for_orphans(void **state) {
        const struct tmp *t = *state;
        struct err err = { 0 };
        int lock = -EBADF;

        end(start_holder(t->fd, 100000));
        assert_int_equal(lock_take(t->fd, "here", &lock, &err), 0);
        close_fd(lock);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                tmp_test(refused),
                tmp_test(waits_for_orphans),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
