#include "unit.h"

#include <ctrsup/keeper/protocol.h>
#include <ctrsup/keeper/recipe.h>
#include <ctrsup/kernel/exec.h>

#include <linux/sched.h>
#include <sched.h>
#include <sys/mount.h>

static struct recipe *start_recipe(void) {
        return recipe_new(&(struct recipe_head){ .kind = RECIPE_START, .cgroup_fd = 40, .kill_fd = -EBADF, .userns_fd = 41 });
}

static void add(struct recipe *r, enum recipe_op_kind kind, unsigned flags, const char *str, const char *str1, int fd,
                uint64_t n0, uint64_t n1, uint64_t n2, uint64_t n3) {
        recipe_add(r, &(struct recipe_args){
                              .kind = kind, .flags = flags, .str = { str, str1 }, .fd = fd, .num = { n0, n1, n2, n3 } });
}

/* The smallest start there is. upto: stop after that many operations. */
static void fill(struct recipe *r) {
        add(r, RECIPE_LAYER, RECIPE_IDMAP, "/layer", NULL, -EBADF, 0, 0, 0, 0);
        add(r, RECIPE_MOUNT, 0, NULL, NULL, -EBADF, 1, RECIPE_FS_TMPFS, 4096, 0755);
        add(r, RECIPE_OVERLAY, 0, NULL, NULL, -EBADF, 2, 0, 1, 1);
        add(r, RECIPE_SPAWN, 0, NULL, NULL, -EBADF, CLONE_NEWNS | CLONE_NEWPID, 0, 0, 0);
        add(r, RECIPE_ROOT, 0, NULL, NULL, -EBADF, 2, 0, 0, 0);
        add(r, RECIPE_PIVOT, 0, NULL, NULL, -EBADF, 0, 0, 0, 0);
        add(r, RECIPE_IDENTITY, 0, "0", NULL, -EBADF, 0, 0, 0, 0);
        add(r, RECIPE_CHDIR, 0, "/", NULL, -EBADF, 0, 0, 0, 0);
        add(r, RECIPE_COMMAND, 0, "/bin", NULL, -EBADF, 0, 0, 0, 0);
        recipe_arg(r, "true");
        recipe_env(r, "A", "1");
}

static int open_buf(const struct buf *b, size_t n_fds, uint32_t *op) {
        struct recipe_view v;
        _cleanup_free_ void *copy = aligned_alloc(16, (b->len + 15) / 16 * 16);

        memcpy(copy, b->data, b->len);
        return recipe_open(copy, b->len, n_fds, &v, op);
}

/* What is built is what is read. */
static void test_round_trip(void **state _unused_) {
        _cleanup_recipe_ struct recipe *r = start_recipe();
        _cleanup_buf_ struct buf b = BUF_NULL;
        struct recipe_view v;
        uint32_t op;
        size_t n;

        fill(r);
        assert_int_equal(recipe_finish(r, &b), 0);
        const int *fds = recipe_fds(r, &n);
        assert_int_equal(n, 2);
        assert_int_equal(fds[0], 40);
        assert_int_equal(fds[1], 41);
        assert_int_equal(recipe_open(b.data, b.len, 2, &v, &op), 0);
        assert_int_equal(v.header->cgroup_fd, 0);
        assert_int_equal(v.header->userns_fd, 1);
        assert_int_equal(v.header->kill_fd, RECIPE_NONE);
        assert_int_equal(v.header->n_ops, recipe_n_ops(r));
        assert_string_equal(recipe_string(&v, v.ops[0].str[0]), "/layer");
        assert_null(recipe_string(&v, v.ops[0].str[1]));
        assert_string_equal(recipe_string(&v, v.argv[0]), "true");
        assert_string_equal(recipe_string(&v, v.envp[0]), "A=1");
}

/* An fd that is named twice is passed once. */
static void test_fds_are_shared(void **state _unused_) {
        _cleanup_recipe_ struct recipe *r = start_recipe();
        size_t n;

        add(r, RECIPE_CGROUP, 0, NULL, NULL, 50, 0, 0, 0, 0);
        add(r, RECIPE_CGROUP, 0, NULL, NULL, 50, 0, 0, 0, 0);
        (void)recipe_fds(r, &n);
        assert_int_equal(n, 3);
}

/* Any prefix, and any single byte changed, is refused or still holds together: recipe_open() itself never reads beyond. */
static void test_damage(void **state _unused_) {
        _cleanup_recipe_ struct recipe *r = start_recipe();
        _cleanup_buf_ struct buf b = BUF_NULL;

        fill(r);
        assert_int_equal(recipe_finish(r, &b), 0);
        size_t full = b.len;
        for (b.len = 0; b.len < full; b.len++)
                assert_int_equal(open_buf(&b, 2, NULL), -EBADMSG);
        for (size_t i = 0; i < full; i++) {
                char was = b.data[i];
                b.data[i] = (char)(was ^ 0x55);
                int got = open_buf(&b, 2, NULL);
                assert_true(got == 0 || got == -EBADMSG);
                if (i < 16) /* magic, version, size */
                        assert_int_equal(got, -EBADMSG);
                b.data[i] = was;
        }
        assert_int_equal(open_buf(&b, 1, NULL), -EBADMSG); /* an fd did not come */
        assert_int_equal(open_buf(&b, 3, NULL), -EBADMSG);
}

struct wrong {
        const char *what;
        size_t at; /* replaces this operation of fill() */
        struct recipe_args args;
};

/* Each rule of the checker has a recipe that breaks only it, and the checker names the operation. */
static void test_wrong(void **state _unused_) {
        static const struct wrong cases[] = {
                { "a relative layer", 0, { RECIPE_LAYER, 0, { "layer" }, -EBADF, { 0 } } },
                { "a layer without path", 0, { RECIPE_LAYER, 0, { NULL }, -EBADF, { 0 } } },
                { "a flag that means nothing here", 0, { RECIPE_LAYER, RECIPE_INIT, { "/l" }, -EBADF, { 0 } } },
                { "a slot beyond the last", 0, { RECIPE_LAYER, 0, { "/l" }, -EBADF, { RECIPE_SLOTS_MAX } } },
                { "an fd where none belongs", 0, { RECIPE_LAYER, 0, { "/l" }, 40, { 0 } } },
                { "an operation of the payload too early", 0, { RECIPE_HOSTNAME, 0, { "x" }, -EBADF, { 0 } } },
                { "a slot filled twice", 1, { RECIPE_MOUNT, 0, { NULL }, -EBADF, { 0, RECIPE_FS_TMPFS, 1, 0 } } },
                { "a file system nobody knows", 1, { RECIPE_MOUNT, 0, { NULL }, -EBADF, { 1, _RECIPE_FS_MAX, 1, 0 } } },
                { "a mode of five digits", 1, { RECIPE_MOUNT, 0, { NULL }, -EBADF, { 1, RECIPE_FS_TMPFS, 1, 010000 } } },
                { "an overlay of no layer", 2, { RECIPE_OVERLAY, 0, { NULL }, -EBADF, { 2, 0, 0, 1 } } },
                { "an overlay of a layer that is not open", 2, { RECIPE_OVERLAY, 0, { NULL }, -EBADF, { 2, 5, 1, 1 } } },
                { "an overlay with layers beyond the slots",
                  2,
                  { RECIPE_OVERLAY, 0, { NULL }, -EBADF, { 2, UINT64_MAX, 1, 1 } } },
                { "an overlay without upper", 2, { RECIPE_OVERLAY, 0, { NULL }, -EBADF, { 2, 0, 1, 9 } } },
                { "no mount namespace", 3, { RECIPE_SPAWN, 0, { NULL }, -EBADF, { CLONE_NEWPID } } },
                { "a clone flag that is no namespace", 3, { RECIPE_SPAWN, 0, { NULL }, -EBADF, { CLONE_NEWNS | CLONE_VM } } },
                { "a user namespace by clone", 3, { RECIPE_SPAWN, 0, { NULL }, -EBADF, { CLONE_NEWNS | CLONE_NEWUSER } } },
                { "a root that is not there", 4, { RECIPE_ROOT, 0, { NULL }, -EBADF, { 7 } } },
                { "an operation of the preparer too late", 5, { RECIPE_DEV, 0, { NULL }, -EBADF, { 9 } } },
                { "a terminal at a start", 5, { RECIPE_PTY, 0, { NULL }, 40, { 0 } } },
                { "a stream that does not exist", 5, { RECIPE_STREAM, 0, { NULL }, 40, { 3 } } },
                { "a mount after the user was taken", 7, { RECIPE_ATTACH, 0, { "/x" }, -EBADF, { 2 } } },
                { "a relative working directory", 7, { RECIPE_CHDIR, 0, { "x" }, -EBADF, { 0 } } },
                { "a umask of four digits", 7, { RECIPE_UMASK, 0, { NULL }, -EBADF, { 01000 } } },
                { "a soft limit above the hard one", 7, { RECIPE_RLIMIT, 0, { NULL }, -EBADF, { 7, 2, 1 } } },
        };

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                _cleanup_recipe_ struct recipe *good = start_recipe(), *r = start_recipe();
                _cleanup_buf_ struct buf from = BUF_NULL, b = BUF_NULL;
                struct recipe_view v;
                uint32_t op = 0;

                fill(good);
                assert_int_equal(recipe_finish(good, &from), 0);
                assert_int_equal(recipe_open(from.data, from.len, 2, &v, NULL), 0);
                for (uint32_t j = 0; j < v.header->n_ops; j++) {
                        const struct recipe_op *o = &v.ops[j];
                        struct recipe_args args = { (enum recipe_op_kind)o->kind,
                                                    o->flags,
                                                    { recipe_string(&v, o->str[0]), recipe_string(&v, o->str[1]) },
                                                    -EBADF,
                                                    { o->num[0], o->num[1], o->num[2], o->num[3] } };
                        recipe_add(r, j == cases[i].at ? &cases[i].args : &args);
                }
                recipe_arg(r, "true");
                assert_int_equal(recipe_finish(r, &b), 0);
                int got = open_buf(&b, 2, &op);
                if (got != -EBADMSG || op != cases[i].at)
                        fail_msg("%s: %d at %u", cases[i].what, got, op);
        }
}

/* The last operation is COMMAND, there is one SPAWN, a start has a root. */
static void test_incomplete(void **state _unused_) {
        for (size_t leave = 0; leave < 9; leave++) {
                _cleanup_recipe_ struct recipe *good = start_recipe(), *r = start_recipe();
                _cleanup_buf_ struct buf from = BUF_NULL, b = BUF_NULL;
                struct recipe_view v;

                fill(good);
                assert_int_equal(recipe_finish(good, &from), 0);
                assert_int_equal(recipe_open(from.data, from.len, 2, &v, NULL), 0);
                for (uint32_t j = 0; j < v.header->n_ops; j++) {
                        const struct recipe_op *o = &v.ops[j];
                        if (j != leave)
                                recipe_add(r, &(struct recipe_args){ (enum recipe_op_kind)o->kind,
                                                                     o->flags,
                                                                     { recipe_string(&v, o->str[0]) },
                                                                     -EBADF,
                                                                     { o->num[0], o->num[1], o->num[2], o->num[3] } });
                }
                recipe_arg(r, "true");
                assert_int_equal(recipe_finish(r, &b), 0);
                int got = open_buf(&b, 2, NULL);
                if ((got == -EBADMSG) != (leave != 5)) /* PIVOT is the only one a root can do without */
                        fail_msg("without operation %zu: %d", leave, got);
        }
}

/* Limits are errors of recipe_finish(), not of the first call that meets them. */
static void test_limits(void **state _unused_) {
        _cleanup_recipe_ struct recipe *ops = start_recipe(), *args = start_recipe(), *fds = start_recipe(),
                                       *text = start_recipe();
        _cleanup_buf_ struct buf b = BUF_NULL;
        _cleanup_free_ char *big = calloc(1, RECIPE_STRING_MAX + 1);

        for (int i = 0; i <= RECIPE_OPS_MAX; i++)
                add(ops, RECIPE_SESSION, 0, NULL, NULL, -EBADF, 0, 0, 0, 0);
        assert_int_equal(recipe_finish(ops, &b), -E2BIG);
        for (int i = 0; i <= RECIPE_ARGV_MAX; i++)
                recipe_arg(args, "x");
        assert_int_equal(recipe_finish(args, &b), -E2BIG);
        for (int i = 0; i <= RECIPE_FDS_MAX; i++)
                add(fds, RECIPE_CGROUP, 0, NULL, NULL, 100 + i, 0, 0, 0, 0);
        assert_int_equal(recipe_finish(fds, &b), -E2BIG);
        memset(big, 'x', RECIPE_STRING_MAX);
        recipe_arg(text, big);
        assert_int_equal(recipe_finish(text, &b), -E2BIG);
}

/* Every operation has a name, and init's own numbers are the keeper's. */
static void test_tables(void **state _unused_) {
        for (enum recipe_op_kind k = 0; k < _RECIPE_OP_MAX; k++)
                assert_true(recipe_op_name(k)[0] != '?');
        assert_string_equal(recipe_op_name(_RECIPE_OP_MAX), "?");
        assert_int_equal(KEEPER_STAGE_INIT, 3); /* src/init/main.c */
        assert_int_equal(KEEPER_DETAIL_INTERPRETER, 3);
        assert_int_equal(KEEPER_DETAIL_NOT_EXECUTABLE - KEEPER_DETAIL_INTERPRETER,
                         EXEC_FAULT_NOT_EXECUTABLE - EXEC_FAULT_INTERPRETER);
        assert_int_equal(KEEPER_DETAIL_NOEXEC_MOUNT - KEEPER_DETAIL_INTERPRETER,
                         EXEC_FAULT_NOEXEC_MOUNT - EXEC_FAULT_INTERPRETER);
}

unit_main(cmocka_unit_test(test_round_trip), cmocka_unit_test(test_fds_are_shared), cmocka_unit_test(test_damage),
          cmocka_unit_test(test_wrong), cmocka_unit_test(test_incomplete), cmocka_unit_test(test_limits),
          cmocka_unit_test(test_tables));
