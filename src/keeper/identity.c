/* Who the payload becomes. Names are the image's: its passwd and group, read through the root with our own parser. Ids are
 * strict decimal, so that "4294967296", "-1" or "0x0" never end up as root (CVE-2024-40635 and its kin), and a number is
 * never looked up as a name. */
#include "child.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/kernel/caps.h>
#include <ctrsup/kernel/inroot.h>
#include <ctrsup/kernel/io.h>
#include <ctrsup/kernel/passwd.h>

#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

struct identity {
        struct passwd_user user;
        gid_t groups[CHILD_GROUPS_MAX * 2];
        size_t n_groups;
};

/* A file of the image, or nothing when there is none. text has PASSWD_FILE_MAX bytes. */
static ssize_t read_file(const struct child *c, const char *path, char *text) {
        _cleanup_fd_ int fd = inroot_file(c->root, path);

        if (fd == -ENOENT || fd == -ENOTDIR)
                return 0;
        return fd < 0 ? fd : io_read_full(fd, text, PASSWD_FILE_MAX);
}

static int bad(struct child *c, enum keeper_detail detail) {
        c->detail = detail;
        return -EINVAL;
}

static int find_user(struct child *c, const char *name, size_t len, char *text, struct passwd_user *ret) {
        char copy[PASSWD_NAME_MAX];
        unsigned uid;
        int r;

        if (len == 1 && name[0] == '0') { /* needs no file, and the files must not say otherwise */
                *ret = (struct passwd_user){ .name = "root" };
                return 0;
        }
        bool number = passwd_parse_id(name, len, &uid);
        if (!number && !passwd_name_is_valid(name, len))
                return bad(c, KEEPER_DETAIL_BAD_USER);
        ssize_t n = read_file(c, "etc/passwd", text);
        if (n < 0)
                return (int)n;
        if (number) {
                if (passwd_find_uid(text, (size_t)n, uid, ret) < 0)
                        *ret = (struct passwd_user){ .uid = uid };
                return 0;
        }
        memcpy(copy, name, len);
        copy[len] = '\0';
        r = passwd_find_name(text, (size_t)n, copy, ret);
        if (r < 0 && strcmp(copy, "root") == 0) {
                *ret = (struct passwd_user){ .name = "root" };
                return 0;
        }
        return r < 0 ? bad(c, KEEPER_DETAIL_NO_USER) : 0;
}

/* text holds the group file, n bytes of it. */
static int find_group(struct child *c, const char *name, const char *text, size_t n, gid_t *ret) {
        unsigned gid;

        if (passwd_parse_id(name, strlen(name), &gid)) {
                *ret = gid;
                return 0;
        }
        if (!passwd_name_is_valid(name, strlen(name)))
                return bad(c, KEEPER_DETAIL_BAD_USER);
        return group_find_name(text, n, name, ret) < 0 ? bad(c, KEEPER_DETAIL_NO_GROUP) : 0;
}

static int resolve(struct child *c, const char *spec, struct identity *ret) {
        char text[PASSWD_FILE_MAX];
        const char *colon = strchr(spec, ':');
        struct identity id = { 0 };

        int r = find_user(c, spec, colon ? (size_t)(colon - spec) : strlen(spec), text, &id.user);
        if (r < 0)
                return r;
        bool needs_file = colon || c->n_groups > 0 || id.user.uid != 0;
        ssize_t n = needs_file ? read_file(c, "etc/group", text) : 0;
        if (n < 0)
                return (int)n;
        if (colon) {
                r = find_group(c, colon + 1, text, (size_t)n, &id.user.gid);
                if (r < 0)
                        return r;
        } else if (id.user.name[0] != '\0') {
                /* as Docker: a group that was named stands alone, else the user has those that list it */
                group_collect(text, (size_t)n, id.user.name, id.groups, CHILD_GROUPS_MAX, &id.n_groups);
        }
        for (size_t i = 0; i < c->n_groups; i++) {
                r = find_group(c, c->groups[i], text, (size_t)n, &id.groups[id.n_groups]);
                if (r < 0)
                        return r;
                id.n_groups++;
        }
        *ret = id;
        return 0;
}

int payload_group(struct child *c, const struct recipe_op *op) {
        c->groups[c->n_groups++] = recipe_string(c->recipe, op->str[0]);
        return 0;
}

/* The pipes of stdout and stderr belong to the user, so that it can open /dev/stdout again. */
static int give_streams(struct child *c, const struct identity *id) {
        for (size_t i = 0; i < 3; i++)
                if (c->stream[i].own && fchown(c->stream[i].fd, id->user.uid, id->user.gid) < 0)
                        return -errno;
        return 0;
}

static int unmapped(struct child *c) {
        int r = -errno;

        if (r == -EINVAL)
                c->detail = KEEPER_DETAIL_UNMAPPED;
        return r;
}

/* As root, all of them; anybody else has none. execve(2) makes the same set out of the bounding set, so what is kept until then is
 * gone after it. */
static uint64_t capabilities(const struct recipe_op *op, uid_t uid) {
        uint64_t kept = op->flags & RECIPE_ADMIN ? UINT64_C(1) << CAP_SYS_ADMIN : 0;

        return (uid == 0 ? op->num[0] : 0) | kept;
}

int payload_identity(struct child *c, const struct recipe_op *op) {
        struct identity id;

        int r = resolve(c, recipe_string(c->recipe, op->str[0]), &id);
        if (r < 0)
                return r;
        r = give_streams(c, &id);
        if (r < 0)
                return r;
        r = caps_bound(op->num[0]);
        if (r < 0)
                return r;
        if ((op->flags & RECIPE_ADMIN) && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) /* until execve */
                return -errno;
        if (setgroups(id.n_groups, id.groups) < 0 || setresgid(id.user.gid, id.user.gid, id.user.gid) < 0 ||
            setresuid(id.user.uid, id.user.uid, id.user.uid) < 0)
                return unmapped(c);
        r = caps_set(capabilities(op, id.user.uid));
        if (r < 0)
                return r;
        if ((op->flags & RECIPE_NO_NEW_PRIVS) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                return -errno;
        return child_arm();
}
