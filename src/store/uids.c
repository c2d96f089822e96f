#include <ctrsup/store/uids.h>

#include "record.h"

#include <ctrsup/base/num.h>
#include <ctrsup/store/dir.h>

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static const char record_name[] = "uids";

static int lock_uids(int state_fd, int *ret, struct err *err) {
        _cleanup_fd_ int fd =
                openat(state_fd, "uids.lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);

        if (fd < 0)
                return err_sys(err, errno, "open uids.lock");
        /* Held for one read and one write of a small file, by supervisors only. */
        while (flock(fd, LOCK_EX) < 0)
                if (errno != EINTR)
                        return err_sys(err, errno, "lock uids.lock");
        *ret = take_fd(&fd);
        return 0;
}

/* The list of {first, stack, container}; an empty one when there is no record yet. Every entry is checked. */
static int read_blocks(int state_fd, json_t **ret, struct err *err) {
        _cleanup_json_ json_t *j = NULL;
        size_t i;
        json_t *b;
        int r = record_read(state_fd, record_name, &j, err);

        if (r == -ENOENT) {
                *ret = json_array();
                return *ret ? 0 : err_oom(err);
        }
        if (r >= 0) {
                json_t *blocks = json_object_get(j, "blocks");

                if (!json_is_array(blocks))
                        r = err_set(err, EBADMSG, "%s: there is no list of blocks in it", record_name);
                json_array_foreach(blocks, i, b) {
                        json_int_t first = json_integer_value(json_object_get(b, "first"));

                        if (first <= 0 || first > UINT32_MAX - UIDS_BLOCK || !json_is_string(json_object_get(b, "stack")) ||
                            !json_is_string(json_object_get(b, "container")))
                                r = err_set(err, EBADMSG, "%s: entry %zu is no block", record_name, i);
                }
                if (r >= 0) {
                        *ret = json_incref(blocks);
                        return 0;
                }
        }
        if (r == -EBADMSG)
                (void)err_hint(
                        err,
                        "it says which host ids are whose; restore it from a backup, or remove all stacks and then the file");
        return r;
}

static int write_blocks(int state_fd, json_t *blocks, struct err *err) {
        _cleanup_json_ json_t *j = json_pack("{s:O}", "blocks", blocks);

        return j ? record_write(state_fd, record_name, j, err) : err_oom(err);
}

static bool is_of(const json_t *b, const char *stack, const char *container) {
        return strcmp(json_string_value(json_object_get(b, "stack")), stack) == 0 &&
               (!container || strcmp(json_string_value(json_object_get(b, "container")), container) == 0);
}

static uint64_t first_of(const json_t *b) {
        return (uint64_t)json_integer_value(json_object_get(b, "first"));
}

static const struct uid_range *overlapping(const struct uid_range *ranges, size_t n, uint64_t first) {
        for (size_t i = 0; i < n; i++)
                if (first < ranges[i].first + ranges[i].count && ranges[i].first < first + UIDS_BLOCK)
                        return ranges + i;
        return NULL;
}

static bool is_given(const json_t *blocks, uint64_t first) {
        size_t i;
        json_t *b;

        json_array_foreach(blocks, i, b) if (first < first_of(b) + UIDS_BLOCK && first_of(b) < first + UIDS_BLOCK) return true;
        return false;
}

/* 1: it is *ret_first; 0: no block of that name yet. */
static int find_block(const json_t *blocks, const struct uid_range *taken, size_t n_taken, const char *stack, const char *container,
                      uint32_t *ret_first, struct err *err) {
        size_t i;
        json_t *b;

        json_array_foreach(blocks, i, b) {
                if (!is_of(b, stack, container))
                        continue;
                const struct uid_range *other = overlapping(taken, n_taken, first_of(b));
                if (!other) {
                        *ret_first = (uint32_t)first_of(b);
                        return 1;
                }
                (void)err_set(err, EADDRINUSE, "the host ids of %s/%s (%llu) are given to somebody else, too (%llu, %llu of them)",
                              stack, container, (unsigned long long)first_of(b), (unsigned long long)other->first,
                              (unsigned long long)other->count);
                (void)err_hint(err, "change that range in /etc/subuid and /etc/subgid, or remove the stack and apply it again");
                return -EADDRINUSE;
        }
        return 0;
}

int uids_take(int state_fd, uint64_t base, uint64_t count, const struct uid_range *taken, size_t n_taken, const char *stack,
              const char *container, uint32_t *ret_first, struct err *err) {
        _cleanup_fd_ int lock = -EBADF;
        _cleanup_json_ json_t *blocks = NULL;

        /* What was given is read without the lock, which a disk that is read-only now does not have: the file is replaced as a whole,
         * and this name's entry is changed by nobody else. */
        int r = read_blocks(state_fd, &blocks, err);
        if (r >= 0)
                r = find_block(blocks, taken, n_taken, stack, container, ret_first, err);
        if (r != 0)
                return r < 0 ? r : 0;
        r = lock_uids(state_fd, &lock, err);
        if (r >= 0) {
                json_decref(blocks);
                blocks = NULL;
                r = read_blocks(state_fd, &blocks, err);
        }
        if (r < 0)
                return r;
        r = find_block(blocks, taken, n_taken, stack, container, ret_first, err);
        if (r != 0)
                return r < 0 ? r : 0;
        for (uint64_t k = 0; k < count; k++) {
                uint64_t first = base + k * UIDS_BLOCK;

                if (first > UINT32_MAX - UIDS_BLOCK)
                        break;
                if (overlapping(taken, n_taken, first) || is_given(blocks, first))
                        continue;
                if (json_array_append_new(blocks, json_pack("{s:I, s:s, s:s}", "first", (json_int_t)first, "stack", stack,
                                                            "container", container)) < 0)
                        return err_oom(err);
                r = write_blocks(state_fd, blocks, err);
                if (r >= 0)
                        *ret_first = (uint32_t)first;
                return r;
        }
        (void)err_set(err, ENOSPC, "no host ids are left for %s/%s: all %llu blocks are given", stack, container,
                      (unsigned long long)count);
        (void)err_hint(err, "raise userns.count in ctrsup.conf, or remove stacks that are not needed");
        return -ENOSPC;
}

int uids_release(int state_fd, const char *stack, const char *container, struct err *err) {
        _cleanup_fd_ int lock = -EBADF;
        _cleanup_json_ json_t *blocks = NULL;
        bool changed = false;
        int r = lock_uids(state_fd, &lock, err);

        if (r >= 0)
                r = read_blocks(state_fd, &blocks, err);
        if (r < 0)
                return r;
        for (size_t i = json_array_size(blocks); i-- > 0;)
                if (is_of(json_array_get(blocks, i), stack, container))
                        changed |= json_array_remove(blocks, i) == 0;
        return changed ? write_blocks(state_fd, blocks, err) : 0;
}

static void lock_name(char buf[32], uint64_t first) {
        (void)snprintf(buf, 32, "uids.%llu", (unsigned long long)first);
}

/* 1: it is ours; 0: somebody else's. A file that was unlinked between open and lock is nobody's: its name is free again. */
static int try_lock(int fd, uint64_t first, int *ret) {
        char name[32];
        struct stat now, then;

        lock_name(name, first);
        _cleanup_fd_ int lock = openat(fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
        if (lock < 0)
                return -errno;
        if (flock(lock, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? 0 : -errno;
        if (fstat(lock, &then) < 0 || fstatat(fd, name, &now, AT_SYMLINK_NOFOLLOW) < 0 || now.st_ino != then.st_ino)
                return 0;
        *ret = take_fd(&lock);
        return 1;
}

int uids_borrow(int fd, uint64_t base, uint64_t count, const struct uid_range *taken, size_t n_taken, uint32_t *ret_first, int *ret_lock,
                struct err *err) {
        for (uint64_t k = 0; k < count; k++) {
                uint64_t first = base + k * UIDS_BLOCK;

                if (first > UINT32_MAX - UIDS_BLOCK || overlapping(taken, n_taken, first))
                        continue;
                int r = try_lock(fd, first, ret_lock);
                if (r < 0)
                        return err_sys(err, -r, "lock host ids");
                if (r > 0) {
                        *ret_first = (uint32_t)first;
                        return 0;
                }
        }
        (void)err_set(err, ENOSPC, "no host ids are left: all %llu blocks for single commands are in use", (unsigned long long)count);
        (void)err_hint(err, "raise userns.count in ctrsup.conf");
        return -ENOSPC;
}

void uids_return(int fd, uint32_t first, int lock) {
        char name[32];

        lock_name(name, first);
        (void)unlinkat(fd, name, 0);
        close_fd(lock);
}

int uids_parse_subids(const char *text, struct uid_range **ranges, size_t *n) {
        while (*text) {
                size_t len = strcspn(text, "\n");
                char line[512], *save = NULL;
                struct uid_range found;

                if (len < sizeof(line)) {
                        memcpy(line, text, len);
                        line[len] = '\0';
                        const char *owner = strtok_r(line, ":", &save), *first = strtok_r(NULL, ":", &save),
                                   *count = strtok_r(NULL, ":", &save);

                        if (owner && first && count && num_parse_u64(first, &found.first) >= 0 &&
                            num_parse_u64(count, &found.count) >= 0 && found.count > 0 && found.first <= UINT32_MAX &&
                            found.count <= UINT32_MAX) {
                                struct uid_range *more = reallocarray(*ranges, *n + 1, sizeof(**ranges));

                                if (!more)
                                        return -ENOMEM;
                                *ranges = more;
                                more[(*n)++] = found;
                        }
                }
                text += len + (text[len] == '\n');
        }
        return 0;
}

int uids_host_ranges(struct uid_range **ret, size_t *ret_n, struct err *err) {
        static const char *const names[] = { "subuid", "subgid" };
        _cleanup_free_ struct uid_range *ranges = NULL;
        size_t n = 0;
        _cleanup_fd_ int etc = open("/etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (etc < 0)
                return err_sys(err, errno, "open /etc");
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                _cleanup_free_ char *text = NULL;
                size_t len = 0;
                int r = file_read(etc, names[i], 4 * 1024 * 1024, &text, &len, err);

                if (r == -ENOENT)
                        continue;
                if (r < 0)
                        return r;
                if (uids_parse_subids(text, &ranges, &n) < 0)
                        return err_oom(err);
        }
        *ret = take_ptr(ranges);
        *ret_n = n;
        return 0;
}
