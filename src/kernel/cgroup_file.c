/* Reading and writing the small files of a cgroup. One write, one read: the kernel takes and gives them whole. */
#include "cgroup_tree.h"

#include <ctrsup/base/cleanup.h>
#include <ctrsup/base/num.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int cgroup_file_write(int dir_fd, const char *path, const char *text) {
        _cleanup_fd_ int fd = openat(dir_fd, path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        /* An empty text must be written too ("all CPUs" in cpuset.cpus): the line break makes it a write. */
        size_t len = strlen(text);
        ssize_t n = len > 0 ? write(fd, text, len) : write(fd, "\n", 1);
        return n < 0 ? -errno : 0;
}

int cgroup_file_read(int dir_fd, const char *path, char *buf, size_t size) {
        _cleanup_fd_ int fd = openat(dir_fd, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        size_t len = 0;

        if (fd < 0)
                return -errno;
        while (len < size - 1) {
                ssize_t n = read(fd, buf + len, size - 1 - len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                len += (size_t)n;
        }
        if (len > 0 && buf[len - 1] == '\n')
                len--;
        buf[len] = '\0';
        return (int)len;
}

int cgroup_file_read_u64(int dir_fd, const char *path, uint64_t *ret) {
        char text[64];
        int r = cgroup_file_read(dir_fd, path, text, sizeof(text));

        if (r < 0)
                return r;
        if (strcmp(text, "max") == 0) {
                *ret = UINT64_MAX;
                return 0;
        }
        return num_parse_u64(text, ret) < 0 ? -EBADMSG : 0;
}

int cgroup_text_field(const char *text, const char *key, uint64_t *ret) {
        size_t len = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
                if (strncmp(line, key, len) != 0 || line[len] != ' ')
                        continue;
                char digits[32];
                size_t n = strcspn(line + len + 1, "\n");

                if (n >= sizeof(digits))
                        return -EBADMSG;
                memcpy(digits, line + len + 1, n);
                digits[n] = '\0';
                return num_parse_u64(digits, ret) < 0 ? -EBADMSG : 0;
        }
        return -ENODATA;
}

static int fill_cpuset(int parent_fd, int dir_fd) {
        static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };

        for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
                char text[4096];
                int r = cgroup_file_read(dir_fd, files[i], text, sizeof(text));

                if (r > 0)
                        continue; /* filled: by an earlier start, or by cgroup.clone_children */
                r = cgroup_file_read(parent_fd, files[i], text, sizeof(text));
                if (r >= 0)
                        r = cgroup_file_write(dir_fd, files[i], text);
                if (r < 0)
                        return r;
        }
        return 0;
}

int cgroup_make_dir(const struct cgroup_tree *t, int hierarchy, int parent_fd, const char *name, bool *ret_made) {
        bool made = mkdirat(parent_fd, name, 0755) >= 0;

        if (!made && errno != EEXIST)
                return -errno;
        _cleanup_fd_ int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (cgroup_needs_fill(t, hierarchy)) {
                int r = fill_cpuset(parent_fd, fd);

                if (r < 0)
                        return r;
        }
        if (ret_made)
                *ret_made = made;
        return take_fd(&fd);
}
