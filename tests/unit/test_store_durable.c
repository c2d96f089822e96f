/* What every durable change of the state does, system call by system call. The calls that change a file system are this program's own
 * (a symbol of the program goes before libc's): they note what they were asked, fail when told to, and hand on. A write that lost its
 * fsync, or an fsync in the wrong place, changes a transcript. */
#include "unit.h"

#include <ctrsup/store/dir.h>
#include <ctrsup/store/revisions.h>
#include <ctrsup/store/uids.h>
#include <ctrsup/store/uppers.h>
#include <ctrsup/store/volumes.h>

#include <ctype.h>
#include <sys/syscall.h>

#include "store_tmp.h"

static struct {
        char root[64]; /* only what happens below it counts; "": nothing is noted */
        char text[4096];
        unsigned n, fail_at; /* from 1; 0: none fails */
        int error;
} seam;

/* The path of what fd is open on, below root; NULL: elsewhere. A random name of the trash is "*". */
static const char *where(int fd, char buf[256]) {
        char link[64];
        size_t len = strlen(seam.root);

        if (len == 0)
                return NULL;
        (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, buf, 255);
        if (n < 0)
                return NULL;
        buf[n] = '\0';
        if (strncmp(buf, seam.root, len) != 0)
                return NULL;
        (void)memmove(buf, buf[len] ? buf + len + 1 : ".", strlen(buf[len] ? buf + len + 1 : ".") + 1);
        return buf;
}

static const char *shown(const char *name) {
        return strlen(name) == 16 && isxdigit((unsigned char)name[0]) ? "*" : name;
}

/* true: this one fails. */
static bool note(const char *call, int fd, const char *name, const char *to) {
        char dir[256];
        size_t len = strlen(seam.text);

        if (!where(fd, dir))
                return false;
        seam.n++;
        (void)snprintf(seam.text + len, sizeof(seam.text) - len, "%s %s%s%s%s%s\n", call, dir, name ? "/" : "",
                       name ? shown(name) : "", to ? " -> " : "", to ? shown(to) : "");
        if (seam.n != seam.fail_at)
                return false;
        errno = seam.error;
        return true;
}

int fsync(int fd) {
        return note("fsync", fd, NULL, NULL) ? -1 : (int)syscall(SYS_fsync, fd);
}

ssize_t write(int fd, const void *data, size_t n) {
        return note("write", fd, NULL, NULL) ? -1 : (ssize_t)syscall(SYS_write, fd, data, n);
}

int mkdirat(int fd, const char *name, mode_t mode) {
        return note("mkdir", fd, name, NULL) ? -1 : (int)syscall(SYS_mkdirat, fd, name, mode);
}

int fchown(int fd, uid_t uid, gid_t gid) {
        return note("chown", fd, NULL, NULL) ? -1 : (int)syscall(SYS_fchown, fd, uid, gid);
}

int renameat(int fd, const char *name, int to_fd, const char *to) {
        return note("rename", fd, name, to) ? -1 : (int)syscall(SYS_renameat, fd, name, to_fd, to);
}

int renameat2(int fd, const char *name, int to_fd, const char *to, unsigned flags) {
        return note("rename", fd, name, to) ? -1 : (int)syscall(SYS_renameat2, fd, name, to_fd, to, flags);
}

int unlinkat(int fd, const char *name, int flags) {
        return note("unlink", fd, name, NULL) ? -1 : (int)syscall(SYS_unlinkat, fd, name, flags);
}

static void seam_on(const struct tmp *t, unsigned fail_at, int error) {
        (void)snprintf(seam.root, sizeof(seam.root), "%s", t->path);
        seam.text[0] = '\0';
        seam.n = 0;
        seam.fail_at = fail_at;
        seam.error = error;
}

static void seam_off(void) {
        seam.root[0] = '\0';
}

/* --- the operations --- */

static int add(int fd, uint64_t number, struct err *err) {
        struct revision r = { .number = number, .document = json_object() };
        int e = revisions_add(fd, "shop", &r, err);

        revision_done(&r);
        return e;
}

static int add_first(int fd, struct err *err) {
        return add(fd, 1, err);
}
static int add_second(int fd, struct err *err) {
        return add(fd, 2, err);
}

static const char *const marks[] = { "api.1" };

static int mark(int fd, struct err *err) {
        return revisions_set_current(fd, "shop", &(struct revision_current){ .number = 1, .stopped = marks, .n_stopped = 1 },
                                     err);
}

static int forget(int fd, struct err *err) {
        return revisions_forget(fd, "shop", err);
}

static int take_ids(int fd, struct err *err) {
        uint32_t first;

        return uids_take(fd, 524288, 4, NULL, 0, "shop", "api", &first, err);
}

static int release_ids(int fd, struct err *err) {
        return uids_release(fd, "shop", NULL, err);
}

static int make_volume(int fd, struct err *err) {
        struct spec_named_volume v = { .name = "data", .key = "data", .mode = 0750, .user = "0" };
        bool created;

        return volumes_ensure(fd, &v, &created, err);
}

static int drop_volume(int fd, struct err *err) {
        int r = volumes_remove(fd, "data", err);

        return r == -ENOENT ? 0 : r;
}

static int make_layer(int fd, struct err *err) {
        return uppers_ensure(fd, &(struct upper_name){ .persistent = true, .stack = "shop", .container = "api", .replica = 1 }, 0,
                             0, err);
}

static int make_scratch(int fd, struct err *err) {
        return uppers_ensure(fd, &(struct upper_name){ .stack = "shop", .container = "api", .replica = 1, .generation = 7 }, 0, 0,
                             err);
}

static bool added_first(int fd) {
        return revisions_is_current(fd, "shop", &(struct revision_current){ .number = 1 });
}
static bool added_second(int fd) {
        return revisions_is_current(fd, "shop", &(struct revision_current){ .number = 2 });
}
static bool marked(int fd) {
        return revisions_is_current(fd, "shop", &(struct revision_current){ .number = 1, .stopped = marks, .n_stopped = 1 });
}
static bool forgotten(int fd) {
        return faccessat(fd, "stacks/shop/current", F_OK, 0) < 0;
}
static bool has_ids(int fd) {
        _cleanup_free_ char *text = NULL;
        size_t len;

        return file_read(fd, "uids", 4096, &text, &len, NULL) >= 0 && strstr(text, "\"shop\"");
}
static bool has_no_ids(int fd) {
        return !has_ids(fd);
}
static bool has_volume(int fd) {
        struct stat st;

        return fstatat(fd, "volumes/data", &st, 0) == 0 && (st.st_mode & 07777) == 0750;
}
static bool has_no_volume(int fd) {
        return faccessat(fd, "volumes/data", F_OK, 0) < 0;
}
static bool has_layer(int fd) {
        return faccessat(fd, "persistent/shop/api.1/work", F_OK, 0) == 0;
}

static const struct operation {
        const char *name;
        int (*before[3])(int fd, struct err *err);
        int (*run)(int fd, struct err *err);
        bool (*done)(int fd);   /* as a supervisor that comes now would see it */
        bool (*undone)(int fd); /* as it was; NULL: not done is */
        const char *transcript;
} operations[] = {
        { "a first revision",
          { NULL },
          add_first,
          added_first,
          NULL,
          "mkdir ./stacks\nfsync .\nmkdir stacks/shop\nfsync stacks\n"
          "write stacks/shop/.1.json.tmp\nfsync stacks/shop/.1.json.tmp\nrename stacks/shop/.1.json.tmp -> 1.json\nfsync stacks/shop\n"
          "write stacks/shop/.current.tmp\nfsync stacks/shop/.current.tmp\nrename stacks/shop/.current.tmp -> current\nfsync stacks/shop\n" },
        { "a second revision",
          { add_first },
          add_second,
          added_second,
          added_first,
          "write stacks/shop/.2.json.tmp\nfsync stacks/shop/.2.json.tmp\nrename stacks/shop/.2.json.tmp -> 2.json\nfsync stacks/shop\n"
          "write stacks/shop/.current.tmp\nfsync stacks/shop/.current.tmp\nrename stacks/shop/.current.tmp -> current\nfsync stacks/shop\n" },
        { "a stop mark",
          { add_first },
          mark,
          marked,
          added_first,
          "write stacks/shop/.current.tmp\nfsync stacks/shop/.current.tmp\nrename stacks/shop/.current.tmp -> current\nfsync stacks/shop\n" },
        { "a removed stack",
          { add_first },
          forget,
          forgotten,
          added_first,
          "unlink stacks/shop/current\nfsync stacks/shop\nunlink stacks/shop/current.bad\n"
          "mkdir stacks/.trash\nrename stacks/shop -> *\n" },
        { "host ids",
          { NULL },
          take_ids,
          has_ids,
          has_no_ids,
          "write .uids.tmp\nfsync .uids.tmp\nrename ./.uids.tmp -> uids\nfsync .\n" },
        { "host ids given back",
          { take_ids },
          release_ids,
          has_no_ids,
          has_ids,
          "write .uids.tmp\nfsync .uids.tmp\nrename ./.uids.tmp -> uids\nfsync .\n" },
        { "a volume",
          { NULL },
          make_volume,
          has_volume,
          has_no_volume,
          "mkdir ./volumes\nfsync .\nunlink volumes/.new.data\nmkdir volumes/.new.data\nchown volumes/.new.data\nfsync volumes/.new.data\n"
          "rename volumes/.new.data -> data\nfsync volumes\n" },
        { "a removed volume",
          { make_volume },
          drop_volume,
          has_no_volume,
          has_volume,
          "mkdir volumes/.trash\nfsync volumes\nrename volumes/data -> *\nfsync volumes/.trash\nfsync volumes\n" },
        { "a persistent layer",
          { NULL },
          make_layer,
          has_layer,
          NULL,
          "mkdir ./persistent\nfsync .\nmkdir persistent/shop\nfsync persistent\nmkdir persistent/shop/api.1\nfsync persistent/shop\n"
          "mkdir persistent/shop/api.1/.upper.new\nchown persistent/shop/api.1/.upper.new\nfsync persistent/shop/api.1/.upper.new\n"
          "rename persistent/shop/api.1/.upper.new -> upper\nfsync persistent/shop/api.1\n"
          "mkdir persistent/shop/api.1/.work.new\nchown persistent/shop/api.1/.work.new\nfsync persistent/shop/api.1/.work.new\n"
          "rename persistent/shop/api.1/.work.new -> work\nfsync persistent/shop/api.1\n" },
};

static void begin(const struct tmp *t, const struct operation *o) {
        struct err err;

        for (size_t k = 0; k < ARRAY_SIZE(o->before) && o->before[k]; k++)
                assert_int_equal(o->before[k](t->fd, &err), 0);
}

static void in_tmp(const struct operation *o, void (*fn)(const struct tmp *t, const struct operation *o)) {
        void *state = NULL;

        assert_int_equal(tmp_begin(&state), 0);
        begin(state, o);
        fn(state, o);
        seam_off();
        assert_int_equal(tmp_end(&state), 0);
}

static void compare(const struct tmp *t, const struct operation *o) {
        struct err err;

        seam_on(t, 0, 0);
        if (o->run(t->fd, &err) < 0)
                fail_msg("%s: %s", o->name, err.text);
        seam_off();
        if (strcmp(seam.text, o->transcript) != 0)
                fail_msg("%s does\n%swanted:\n%s", o->name, seam.text, o->transcript);
        assert_true(o->done(t->fd));
}

/* Nothing is said to be done before it is on disk, in the order that survives a power cut at any line. */
static void every_change_gets_to_the_disk(void **state _unused_) {
        for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
                in_tmp(&operations[i], compare);
}

static unsigned fail_at;
static int fail_with;
static bool reached;

static void fail_once(const struct tmp *t, const struct operation *o) {
        struct err err = { 0 };

        seam_on(t, fail_at, fail_with);
        int r = o->run(t->fd, &err);
        seam_off();
        reached = seam.n >= fail_at;
        bool done = o->done(t->fd), undone = o->undone ? o->undone(t->fd) : !done;
        if (r >= 0 && !done)
                fail_msg("%s, call %u fails: said to be done, and is not; it did\n%s", o->name, fail_at, seam.text);
        if (r < 0 && r != -fail_with)
                fail_msg("%s, call %u fails with %d: said %d (%s)", o->name, fail_at, fail_with, r, err.text);
        if (!done && !undone)
                fail_msg("%s, call %u fails: neither as before nor as after; it did\n%s", o->name, fail_at, seam.text);
        if (o->run(t->fd, &err) < 0)
                fail_msg("%s, after call %u failed: %s", o->name, fail_at, err.text);
        assert_true(o->done(t->fd));
}

/* Any one call fails: what is there is the old or the new, an error is the disk's, and the next try does it all. */
static void a_call_that_fails_leaves_the_old_or_the_new(void **state _unused_) {
        static const int errors[] = { ENOSPC, EIO };

        for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
                for (size_t e = 0; e < ARRAY_SIZE(errors); e++) {
                        fail_with = errors[e];
                        for (fail_at = 1, reached = true; reached; fail_at++)
                                in_tmp(&operations[i], fail_once);
                        assert_true(fail_at > 4);
                }
}

static bool synced_again(const char *line) {
        return strstr(seam.text, line) != NULL;
}

/* A name that did not get to the disk is not taken for safe by who comes next: not after an error, not after a kill. */
static void a_directory_is_not_trusted_before_its_name_is_on_disk(void **state) {
        struct tmp *t = *state;
        int fd = -EBADF;

        seam_on(t, 2, EIO); /* mkdir, then the parent's fsync */
        assert_int_equal(dir_open_at(t->fd, "d", 0700, &fd, NULL), -EIO);
        seam_off();
        assert_true(faccessat(t->fd, "d", F_OK, 0) < 0);
        assert_int_equal(mkdirat(t->fd, "d", 0700), 0); /* and killed here */
        seam_on(t, 0, 0);
        assert_int_equal(dir_open_at(t->fd, "d", 0700, &fd, NULL), 0);
        assert_true(synced_again("fsync .\n"));
        (void)close_fd(fd);
        seam_off();
        tmp_file(t, "d/full", "");
        seam_on(t, 0, 0);
        assert_int_equal(dir_open_at(t->fd, "d", 0700, &fd, NULL), 0);
        assert_string_equal(seam.text, "");
        seam_off();
        (void)close_fd(fd);
}

/* What a reboot throws away anyhow costs no fsync: a start has no milliseconds to spare for it. */
static void a_scratch_layer_is_not_synced(void **state) {
        struct tmp *t = *state;
        struct err err;

        assert_int_equal(make_scratch(t->fd, &err), 0); /* makes ephemeral and its trash, once */
        seam_on(t, 0, 0);
        assert_int_equal(uppers_ensure(t->fd,
                                       &(struct upper_name){ .stack = "shop", .container = "api", .replica = 1, .generation = 8 },
                                       0, 0, &err),
                         0);
        seam_off();
        if (strstr(seam.text, "fsync"))
                fail_msg("%s", seam.text);
}

/* A disk that is read-only now still tells a restarted container the ids it has. */
static void ids_that_were_given_need_no_write(void **state) {
        struct tmp *t = *state;
        struct err err;

        assert_int_equal(take_ids(t->fd, &err), 0);
        assert_int_equal(unlinkat(t->fd, "uids.lock", 0), 0);
        assert_int_equal(take_ids(t->fd, &err), 0);
        assert_true(faccessat(t->fd, "uids.lock", F_OK, 0) < 0);
}

unit_main(cmocka_unit_test(every_change_gets_to_the_disk), cmocka_unit_test(a_call_that_fails_leaves_the_old_or_the_new),
          tmp_test(a_directory_is_not_trusted_before_its_name_is_on_disk), tmp_test(a_scratch_layer_is_not_synced),
          tmp_test(ids_that_were_given_need_no_write));
