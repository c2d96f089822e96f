#include <ctrsup/store/volumes.h>

#include <ctrsup/base/num.h>
#include <ctrsup/store/dir.h>
#include <ctrsup/store/trash.h>

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

/* A container's root makes files in a volume that are set-uid for the host's: nobody else there may pass through to them. */
enum { VOLUMES_MODE = 0700 };

const char *volumes_path(const char *name, char buf[VOLUME_PATH_SIZE]) {
        (void)snprintf(buf, VOLUME_PATH_SIZE, "volumes/%s", name);
        return buf;
}

static int check_name(const char *name, struct err *err) {
        size_t len = strlen(name);

        if (len == 0 || len > NAME_MAX - 16 || name[0] == '.' || strchr(name, '/'))
                return err_set(err, EINVAL, "\"%s\" cannot be the name of a volume", name);
        return 0;
}

/* "70", "70:70": without a group it is the user's number. */
static int parse_owner(const char *user, uid_t *ret_uid, gid_t *ret_gid, struct err *err) {
        char text[32];
        uint64_t uid = 0, gid = 0;
        size_t colon = strcspn(user, ":");
        int r = -EINVAL;

        if (strlen(user) < sizeof(text)) {
                (void)snprintf(text, sizeof(text), "%.*s", (int)colon, user);
                r = num_parse_u64(text, &uid);
                gid = uid;
                if (r >= 0 && user[colon])
                        r = num_parse_u64(user + colon + 1, &gid);
        }
        if (r < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
                return err_set(err, EINVAL, "\"%s\" is no owner of a volume (uid or uid:gid)", user);
        *ret_uid = (uid_t)uid;
        *ret_gid = (gid_t)gid;
        return 0;
}

static int make_owned(int volumes, const char *name, const struct spec_named_volume *v, uid_t uid, gid_t gid) {
        if (mkdirat(volumes, name, 0700) < 0)
                return -errno;
        _cleanup_fd_ int fd = openat(volumes, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fchown(fd, uid, gid) < 0 || fchmod(fd, v->mode) < 0 || fsync(fd) < 0)
                return -errno;
        return renameat2(volumes, name, volumes, v->name, RENAME_NOREPLACE) < 0 ? -errno : 0;
}

/* Made aside with owner and mode, then named: a volume is either not there or right, also after a power cut. */
static int make(int volumes, const struct spec_named_volume *v, struct err *err) {
        char tmp[NAME_MAX + 1];
        uid_t uid = 0;
        gid_t gid = 0;
        int r = parse_owner(v->user ? v->user : "0", &uid, &gid, err);

        if (r < 0)
                return r;
        (void)snprintf(tmp, sizeof(tmp), ".new.%s", v->name);
        if (flock(volumes, LOCK_EX) < 0) /* what has the temporary name is then of a supervisor that was killed */
                return err_sys(err, errno, "lock the volumes");
        (void)unlinkat(volumes, tmp, AT_REMOVEDIR);
        r = make_owned(volumes, tmp, v, uid, gid);
        if (r >= 0 && fsync(volumes) < 0) {
                r = -errno;
                (void)unlinkat(volumes, v->name, AT_REMOVEDIR); /* the next try makes it anew */
        }
        if (r < 0) {
                (void)unlinkat(volumes, tmp, AT_REMOVEDIR);
                if (r != -EEXIST)
                        return err_sys(err, -r, "make volume %s", v->name);
        }
        return 0;
}

/* One that was made before, or changed, with another mode. */
static int close_to_others(int volumes, struct err *err) {
        struct stat st;

        if (fstat(volumes, &st) < 0 || ((st.st_mode & 077) && fchmod(volumes, VOLUMES_MODE) < 0))
                return err_sys(err, errno, "close the volumes' directory to others");
        return 0;
}

int volumes_ensure(int state_fd, const struct spec_named_volume *v, bool *ret_created, struct err *err) {
        _cleanup_fd_ int volumes = -EBADF;
        struct stat st;
        int r = check_name(v->name, err);

        if (r >= 0)
                r = dir_open_at(state_fd, "volumes", VOLUMES_MODE, &volumes, err);
        if (r >= 0)
                r = close_to_others(volumes, err);
        if (r < 0)
                return r;
        bool there = fstatat(volumes, v->name, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (!there && errno != ENOENT)
                return err_sys(err, errno, "look for volume %s", v->name);
        if (there && !S_ISDIR(st.st_mode))
                return err_set(err, ENOTDIR, "volume %s is not a directory", v->name);
        if (!there && v->external) {
                (void)err_set(err, ENOENT, "there is no volume %s on this host", v->name);
                (void)err_hint(err, "external: true takes what is there; without it the volume is made");
                return -ENOENT;
        }
        if (!there)
                r = make(volumes, v, err);
        if (r >= 0)
                *ret_created = !there;
        return r;
}

int volumes_list(int state_fd, char ***ret, size_t *ret_n, struct err *err) {
        _cleanup_fd_ int volumes = -EBADF;
        int r = dir_open_at(state_fd, "volumes", VOLUMES_MODE, &volumes, err);

        return r < 0 ? r : dir_list(volumes, false, ret, ret_n, err);
}

int volumes_remove(int state_fd, const char *name, struct err *err) {
        _cleanup_fd_ int volumes = -EBADF;
        int r = check_name(name, err);

        if (r >= 0)
                r = dir_open_at(state_fd, "volumes", VOLUMES_MODE, &volumes, err);
        if (r >= 0)
                r = trash_put(volumes, volumes, name, true, err);
        if (r < 0 && err)
                (void)err_wrap(err, "volume %s", name);
        return r;
}
