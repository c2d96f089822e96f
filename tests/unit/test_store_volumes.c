#include "unit.h"

#include <ctrsup/store/trash.h>
#include <ctrsup/store/uppers.h>
#include <ctrsup/store/volumes.h>

#include "store_tmp.h"

static struct stat stat_of(const struct tmp *t, const char *path) {
        struct stat st;

        assert_int_equal(fstatat(t->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
        return st;
}

/* Made once, with owner and mode; found afterwards, and then nothing of it is touched. */
static void made_then_found(void **state) {
        struct tmp *t = *state;
        char path[VOLUME_PATH_SIZE], owner[32];
        struct spec_named_volume v = { .key = "data", .name = "shop_data", .user = owner, .mode = 0750 };
        bool created = false;
        struct err err;

        (void)snprintf(owner, sizeof(owner), "%u:%u", geteuid() ? geteuid() : 70, getegid() ? getegid() : 71);
        assert_int_equal(mkdirat(t->fd, "volumes", 0711), 0);
        assert_int_equal(mkdirat(t->fd, "volumes/.new.shop_data", 0700), 0); /* of a supervisor that was killed */
        assert_int_equal(volumes_ensure(t->fd, &v, &created, &err), 0);
        assert_true(created);
        assert_string_equal(volumes_path(v.name, path), "volumes/shop_data");
        struct stat st = stat_of(t, path);
        assert_int_equal(st.st_mode & 07777, 0750);
        if (geteuid() == 0) {
                assert_int_equal(st.st_uid, 70);
                assert_int_equal(st.st_gid, 71);
        }
        assert_int_equal(stat_of(t, "volumes").st_mode & 07777, 0700); /* what is set-uid in there is for nobody on the host */
        v.mode = 0700;
        assert_int_equal(volumes_ensure(t->fd, &v, &created, &err), 0);
        assert_false(created);
        assert_int_equal(stat_of(t, path).st_mode & 07777, 0750);
}

static void external_must_be_there(void **state) {
        struct tmp *t = *state;
        struct spec_named_volume v = { .key = "data", .name = "shared", .user = "0", .mode = 0755, .external = true };
        bool created = true;
        struct err err;

        assert_int_equal(volumes_ensure(t->fd, &v, &created, &err), -ENOENT);
        assert_string_equal(err.text, "there is no volume shared on this host");
        assert_int_equal(mkdirat(t->fd, "volumes/shared", 0755), 0);
        assert_int_equal(volumes_ensure(t->fd, &v, &created, &err), 0);
        assert_false(created);
}

static void names_and_owners_that_are_none(void **state) {
        static const char *const names[] = { "", ".", "..", "../x", "a/b", ".hidden" }, *const owners[] = {
                "", "x", "-1", "1:", "1:2:3", "4294967295", "0x1"
        };
        struct tmp *t = *state;
        bool created;

        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                struct spec_named_volume v = { .name = names[i], .user = "0", .mode = 0755 };

                assert_int_equal(volumes_ensure(t->fd, &v, &created, NULL), -EINVAL);
                assert_int_equal(volumes_remove(t->fd, names[i], NULL), -EINVAL);
        }
        for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
                struct spec_named_volume v = { .name = "v", .user = owners[i], .mode = 0755 };

                assert_int_equal(volumes_ensure(t->fd, &v, &created, NULL), -EINVAL);
                assert_int_equal(faccessat(t->fd, "volumes/v", F_OK, 0), -1);
        }
        tmp_file(t, "volumes/file", "x");
        struct spec_named_volume v = { .name = "file", .user = "0", .mode = 0755 };
        assert_int_equal(volumes_ensure(t->fd, &v, &created, NULL), -ENOTDIR);
}

static void listed_and_removed(void **state) {
        struct tmp *t = *state;
        struct spec_named_volume v = { .name = "a", .user = "0", .mode = 0755 };
        _cleanup_free_ char **names = NULL;
        size_t n = 0;
        bool created;
        struct err err;

        if (geteuid() != 0)
                skip();
        assert_int_equal(volumes_ensure(t->fd, &v, &created, &err), 0);
        v.name = "b";
        assert_int_equal(volumes_ensure(t->fd, &v, &created, &err), 0);
        assert_int_equal(volumes_remove(t->fd, "a", &err), 0);
        assert_int_equal(volumes_remove(t->fd, "a", &err), -ENOENT);
        assert_string_equal(err.text, "volume a: remove a: No such file or directory");
        assert_int_equal(volumes_list(t->fd, &names, &n, &err), 0);
        assert_int_equal(n, 1);
        assert_string_equal(names[0], "b");
}

static void ephemeral_is_new_every_time(void **state) {
        struct tmp *t = *state;
        struct upper_name u = { .stack = "shop", .container = "api", .replica = 1, .generation = 7 };
        char path[UPPER_PATH_SIZE];
        struct err err;

        assert_string_equal(uppers_path(&u, path), "ephemeral/shop/api.1.7");
        assert_int_equal(uppers_ensure(t->fd, &u, geteuid(), getegid(), &err), 0);
        assert_true(S_ISDIR(stat_of(t, "ephemeral/shop/api.1.7/work").st_mode));
        assert_int_equal(stat_of(t, "ephemeral").st_mode & 0777, 0700);
        tmp_file(t, "ephemeral/shop/api.1.7/upper/left-over", "x");
        assert_int_equal(uppers_ensure(t->fd, &u, geteuid(), getegid(), &err), 0);
        assert_int_equal(faccessat(t->fd, "ephemeral/shop/api.1.7/upper/left-over", F_OK, 0), -1);
        assert_int_equal(uppers_remove(t->fd, &u, &err), 0);
        assert_int_equal(uppers_remove(t->fd, &u, &err), 0);
        assert_int_equal(faccessat(t->fd, "ephemeral/shop", F_OK, 0), -1);
        assert_int_equal(trash_empty(t->fd, &err), 0);
}

/* Kept as it is; and refused when another container's ids would own it. */
static void persistent_is_kept(void **state) {
        struct tmp *t = *state;
        struct upper_name u = { .persistent = true, .stack = "shop", .container = "db", .replica = 2, .generation = 9 };
        char path[UPPER_PATH_SIZE];
        struct err err;

        assert_string_equal(uppers_path(&u, path), "persistent/shop/db.2");
        assert_int_equal(uppers_ensure(t->fd, &u, geteuid(), getegid(), &err), 0);
        tmp_file(t, "persistent/shop/db.2/upper/data", "x");
        assert_int_equal(uppers_ensure(t->fd, &u, geteuid(), getegid(), &err), 0);
        assert_int_equal(faccessat(t->fd, "persistent/shop/db.2/upper/data", F_OK, 0), 0);
        assert_int_equal(uppers_ensure(t->fd, &u, geteuid() + 65536, getegid(), &err), -EPERM);
        assert_non_null(strstr(err.text, "the persistent layer of db.2 belongs to uid"));
        assert_int_equal(uppers_remove_stack(t->fd, "shop", &err), 0);
        assert_int_equal(faccessat(t->fd, "persistent/shop", F_OK, 0), -1);
        assert_int_equal(uppers_remove_stack(t->fd, "shop", &err), 0);
}

unit_main(tmp_test(made_then_found), tmp_test(external_must_be_there), tmp_test(names_and_owners_that_are_none),
          tmp_test(listed_and_removed), tmp_test(ephemeral_is_new_every_time), tmp_test(persistent_is_kept));
