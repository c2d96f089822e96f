#include "rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <mntent.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TEXT_MAX = 8192 };

static ssize_t read_text(const char *path, char *text, size_t size) {
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

        text[n > 0 ? n : 0] = '\0';
        return n;
}

/* --- processes --- */

/* What follows the tag in the tracking hierarchy's line: "" when its cgroup is not ours. */
static void read_group(const struct rig *r, struct host_proc *p) {
        char path[64], text[TEXT_MAX], mark[48];

        p->group[0] = '\0';
        (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)p->pid);
        (void)read_text(path, text, sizeof(text));
        (void)snprintf(mark, sizeof(mark), "0::/%s/", r->tag);
        char *at = strstr(text, mark);
        if (!at)
                return;
        at += strlen(mark);
        at[strcspn(at, "\n")] = '\0';
        (void)snprintf(p->group, sizeof(p->group), "%s", at);
}

static bool has_tag(const struct rig *r, pid_t pid) {
        char path[64], text[TEXT_MAX];

        (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
        ssize_t n = read_text(path, text, sizeof(text));
        return n > 0 && memmem(text, (size_t)n, r->tag, strlen(r->tag));
}

static bool read_proc(struct host_proc *p) {
        char path[64], text[TEXT_MAX], *at;

        (void)snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
        if (read_text(path, text, sizeof(text)) <= 0)
                return false;
        if ((at = strstr(text, "\nState:\t")))
                p->state = at[8];
        if ((at = strstr(text, "\nPPid:\t")))
                p->parent = (pid_t)atoi(at + 7);
        (void)sscanf(text, "Name:\t%15[^\n]", p->name);
        if ((at = strstr(text, "\nNSpid:\t"))) {
                at += 8;
                at[strcspn(at, "\n")] = '\0';
                char *last = strrchr(at, '\t');
                p->nested = last != NULL;
                p->inner = (pid_t)atoi(last ? last + 1 : at);
        }
        return true;
}

static int add(struct host *h, const struct host_proc *p) {
        if (h->n == h->size) {
                size_t size = h->size ? h->size * 2 : 128;
                struct host_proc *procs = reallocarray(h->procs, size, sizeof(*procs));

                if (!procs)
                        return -ENOMEM;
                h->procs = procs;
                h->size = size;
        }
        h->procs[h->n++] = *p;
        return 0;
}

void host_done(struct host *h) {
        free(h->procs);
        *h = HOST_NULL;
}

int host_read(const struct rig *r, struct host *ret) {
        DIR *dir = opendir("/proc");
        const struct dirent *e;
        int code = 0;

        *ret = HOST_NULL;
        while (dir && code >= 0 && (e = readdir(dir))) {
                struct host_proc p = { .pid = (pid_t)atoi(e->d_name) };

                if (p.pid <= 0 || p.pid == getpid())
                        continue;
                read_group(r, &p);
                if ((p.group[0] || has_tag(r, p.pid)) && read_proc(&p))
                        code = add(ret, &p);
        }
        if (dir)
                closedir(dir);
        return code;
}

pid_t host_find(const struct rig *r, const char *name) {
        _cleanup_host_ struct host h = HOST_NULL;
        pid_t found = 0;

        if (host_read(r, &h) < 0)
                return 0;
        for (size_t n = 0; n < h.n; n++)
                if (strcmp(h.procs[n].name, name) == 0 && h.procs[n].state != 'Z') {
                        if (found && h.procs[n].parent != found)
                                return 0;
                        found = found ?: h.procs[n].pid;
                }
        return found;
}

/* --- cgroups --- */

/* nftw() has no userdata. */
static struct {
        void (*fn)(void *userdata, const char *path, const char *relative, bool tracks);
        void *userdata;
        size_t root_len;
        bool tracks;
} walking;

static int on_group(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)st;
        (void)ftw;
        if (type == FTW_DP)
                walking.fn(walking.userdata, path, path[walking.root_len] ? path + walking.root_len + 1 : "", walking.tracks);
        return 0;
}

void host_each_group(const struct rig *r, void (*fn)(void *userdata, const char *path, const char *relative, bool tracks), void *userdata) {
        FILE *mounts = setmntent("/proc/self/mounts", "re");
        const struct mntent *m;

        while (mounts && (m = getmntent(mounts))) {
                char root[RIG_PATH];

                if (strncmp(m->mnt_type, "cgroup", 6) != 0)
                        continue;
                (void)snprintf(root, sizeof(root), "%s/%s", m->mnt_dir, r->tag);
                if (access(root, F_OK) < 0)
                        continue;
                walking.fn = fn;
                walking.userdata = userdata;
                walking.root_len = strlen(root);
                walking.tracks = strcmp(m->mnt_type, "cgroup2") == 0;
                (void)nftw(root, on_group, 16, FTW_DEPTH | FTW_PHYS);
        }
        if (mounts)
                endmntent(mounts);
}

/* --- cleaning up --- */

static void remove_group(void *userdata, const char *path, const char *relative, bool tracks) {
        (void)userdata;
        (void)relative;
        (void)tracks;
        (void)rmdir(path);
}

static size_t kill_all(const struct rig *r) {
        _cleanup_host_ struct host h = HOST_NULL;
        size_t left = 0;

        (void)host_read(r, &h);
        for (size_t n = 0; n < h.n; n++) {
                left += h.procs[n].state != 'Z';
                (void)kill(h.procs[n].pid, SIGKILL);
        }
        while (waitpid(-1, NULL, WNOHANG) > 0)
                continue;
        return left;
}

static void unmount_all(const struct rig *r) {
        for (bool more = true; more;) {
                FILE *mounts = setmntent("/proc/self/mounts", "re");
                const struct mntent *m;

                more = false;
                while (mounts && (m = getmntent(mounts)))
                        if (strncmp(m->mnt_dir, r->work, strlen(r->work)) == 0 && umount2(m->mnt_dir, MNT_DETACH) == 0)
                                more = true;
                if (mounts)
                        endmntent(mounts);
        }
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        (void)st;
        (void)type;
        (void)ftw;
        (void)remove(path);
        return 0;
}

void host_clean(const struct rig *r) {
        const uint64_t end = rig_now_usec() + 10000000;

        while (kill_all(r) > 0 && rig_now_usec() < end)
                rig_sleep_usec(20000);
        host_each_group(r, remove_group, NULL);
        unmount_all(r);
        (void)nftw(r->work, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
