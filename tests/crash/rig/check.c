/* The invariants. Whatever is compared is read twice around the walk: what moved meanwhile is left for the next look. */
#include "rig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

struct look {
        struct rig *rig;
        enum check_level level;
        struct status before, after;
        struct host host;
        struct buf *out;
        unsigned broken;
        pid_t keeper;
};

static void broken(struct look *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void broken(struct look *l, const char *format, ...) {
        char text[512];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        buf_printf(l->out, "%s\n", text);
        l->broken++;
}

/* "stack/c.1" of a container. */
static void group_of(const struct seen *s, char buf[RIG_PATH]) {
        (void)snprintf(buf, RIG_PATH, "%.63s/%.63s.%u", s->stack, s->container, s->replica);
}

static bool is_restless(const struct look *l, const char *group) {
        const char *stack = l->rig->restless;

        return stack && strncmp(group, stack, strlen(stack)) == 0 && (group[strlen(stack)] == '/' || group[strlen(stack)] == '\0');
}

static bool is_below(const char *group, const char *parent) {
        size_t len = strlen(parent);

        return strncmp(group, parent, len) == 0 && (group[len] == '/' || group[len] == '\0');
}

static bool moved(const struct look *l, const struct seen *s) {
        const struct seen *t = status_find(&l->after, s->stack, s->container);

        return !t || strcmp(s->state, t->state) != 0 || s->pid != t->pid || s->restarts != t->restarts;
}

static bool still_there(const struct host_proc *p) {
        char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%d", (int)p->pid);
        return access(path, F_OK) == 0;
}

/* --- processes --- */

/* Its keeper was killed, and it is for the host's init to reap: some take their time. */
static bool is_of_init(const struct host_proc *p) { return p->state == 'Z' && p->parent == 1; }

/* Its main processes: the first of their pid namespace. An exec's is nested too, but not the first. */
static void check_members(struct look *l, const struct seen *s) {
        const struct host_proc *first = NULL, *second = NULL, *any = NULL;
        char group[RIG_PATH];

        group_of(s, group);
        for (size_t n = 0; n < l->host.n; n++) {
                const struct host_proc *p = &l->host.procs[n];

                if (!is_below(p->group, group) || p->state == 'Z')
                        continue;
                any = p;
                if (p->nested && p->inner == 1) {
                        second = first;
                        first = p;
                }
        }
        if (first && second && still_there(first) && still_there(second))
                broken(l, "%s runs twice: pids %d (%s) and %d (%s)", group, first->pid, first->group, second->pid, second->group);
        if (moved(l, s))
                return;
        if (seen_is_up(s)) {
                if (!first)
                        broken(l, "%s is said to be %s with pid %d, but has no main process in its leaf", group, s->state, s->pid);
                else if (!second && first->pid != s->pid)
                        broken(l, "%s is said to be pid %d, its main process is pid %d", group, s->pid, first->pid);
                for (size_t n = 0; first && n < l->host.n; n++)
                        if (is_below(l->host.procs[n].group, group) && !is_of_init(&l->host.procs[n]) && strcmp(l->host.procs[n].group, first->group) != 0)
                                broken(l, "pid %d of %s is in %s, not in the leaf %s", l->host.procs[n].pid, group, l->host.procs[n].group, first->group);
        } else if (seen_is_down(s) && any && still_there(any))
                broken(l, "%s is said to be %s, but pid %d is in %s", group, s->state, any->pid, any->group);
}

/* Every process of ours is the keeper, the logger, the supervisor, or a member of a container that is known. */
static void check_strangers(struct look *l) {
        for (size_t n = 0; n < l->host.n; n++) {
                const struct host_proc *p = &l->host.procs[n];
                bool known = !p->group[0] || is_below(p->group, "keeper") || is_below(p->group, "logger");

                for (size_t k = 0; k < l->after.n && !known; k++) {
                        char group[RIG_PATH];

                        group_of(&l->after.items[k], group);
                        known = is_below(p->group, group) && strstr(p->group, "/payload.");
                }
                if (!known && !is_of_init(p) && still_there(p))
                        broken(l, "pid %d (%s) is in %s, which belongs to no container", p->pid, p->name, p->group);
        }
}

static void check_one_of(struct look *l, const char *name, const char *group) {
        const struct host_proc *found = NULL;

        for (size_t n = 0; n < l->host.n; n++) {
                const struct host_proc *p = &l->host.procs[n];

                if (strcmp(p->name, name) != 0)
                        continue;
                if (p->state == 'Z') {
                        if (p->parent != getpid() && p->parent != 1)
                                broken(l, "pid %d (%s) is a zombie of pid %d", p->pid, name, p->parent);
                        continue;
                }
                if (found && !(l->rig->old_loggers && l->level < CHECK_EMPTY && strcmp(name, "ctrsup-logger") == 0))
                        broken(l, "two of %s: pids %d and %d", name, found->pid, p->pid);
                found = p;
        }
        if (!found)
                broken(l, "no %s lives", name);
        else if (group && strcmp(found->group, group) != 0)
                broken(l, "%s (pid %d) is in cgroup \"%s\", not in \"%s\"", name, found->pid, found->group, group);
        if (found && strcmp(name, "ctrsup-keeper") == 0)
                l->keeper = found->pid;
}

/* --- cgroups --- */

static void check_group(void *userdata, const char *path, const char *relative, bool tracks) {
        struct look *l = userdata;

        (void)path;
        if (!*relative || strcmp(relative, "keeper") == 0 || strcmp(relative, "logger") == 0)
                return;
        if (!strchr(relative, '/')) { /* a stack's, which goes with the stack */
                bool known = false;
                for (size_t n = 0; n < l->after.n; n++)
                        known = known || strcmp(l->after.items[n].stack, relative) == 0;
                if (!known)
                        broken(l, "cgroup %s is of no stack", path);
                return;
        }
        for (size_t n = 0; n < l->after.n; n++) {
                char group[RIG_PATH];

                group_of(&l->after.items[n], group);
                if (!is_below(relative, group))
                        continue;
                if (!tracks || strcmp(relative, group) == 0 || is_restless(l, relative))
                        return;
                for (size_t k = 0; k < l->host.n; k++)
                        if (strcmp(l->host.procs[k].group, relative) == 0)
                                return;
                broken(l, "leaf %s has no member", relative);
                return;
        }
        broken(l, "cgroup %s is of no container", path);
}

/* --- mounts --- */

static void check_mounts(struct look *l, const char *whose, pid_t pid) {
        char path[64], line[4096];

        (void)snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
        _cleanup_file_ FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof(line), f))
                if (strstr(line, l->rig->tag)) {
                        line[strcspn(line, "\n")] = '\0';
                        broken(l, "a mount is left in the namespace of the %s: %.200s", whose, line);
                }
}

/* --- files --- */

static struct look *walking; /* nftw() has no userdata */

static bool is_record(const char *name) {
        const char *dot = strrchr(name, '.');

        return strcmp(name, "current") == 0 || strcmp(name, "uids") == 0 || strcmp(name, "jobs") == 0 || strncmp(name, "job.", 4) == 0 || (dot && strcmp(dot, ".json") == 0);
}

static bool has_upper_of(const struct look *l, const char *stack_and_name) {
        for (size_t n = 0; n < l->host.n; n++) {
                const char *group = l->host.procs[n].group, *leaf = strstr(group, "/payload.");
                char dir[RIG_PATH * 2];

                if (!leaf)
                        continue;
                (void)snprintf(dir, sizeof(dir), "%.*s.%s", (int)(leaf - group), group, leaf + strlen("/payload."));
                if (strcmp(dir, stack_and_name) == 0)
                        return true;
        }
        return false;
}

static int check_file(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        struct look *l = walking;
        const char *name = path + ftw->base, *ephemeral = strstr(path, "/state/ephemeral/");

        (void)st;
        if (ephemeral) {
                ephemeral += strlen("/state/ephemeral/");
                if (strncmp(ephemeral, ".trash", 6) == 0) {
                        if (ephemeral[6] == '/')
                                broken(l, "the trash is not empty: %s", path);
                        return ephemeral[6] == '/' && type == FTW_D ? FTW_SKIP_SUBTREE : FTW_CONTINUE;
                }
                const char *slash = strchr(ephemeral, '/');
                if (slash && type == FTW_D) {
                        if (!is_restless(l, ephemeral) && !has_upper_of(l, ephemeral))
                                broken(l, "ephemeral layer %s is of no running container", ephemeral);
                        return FTW_SKIP_SUBTREE;
                }
                return FTW_CONTINUE;
        }
        if (strstr(path, "/.trash/") && l->level >= CHECK_SETTLED)
                broken(l, "the trash is not empty: %s", path);
        if (type == FTW_F && strstr(name, ".bad"))
                broken(l, "a record was set aside: %s", path);
        if (type == FTW_F && is_record(name) && name[0] != '.') {
                json_error_t why;
                json_t *j = json_load_file(path, JSON_REJECT_DUPLICATES, &why);

                if (!j)
                        broken(l, "record %s does not parse: %s", path, why.text);
                json_decref(j);
        }
        return FTW_CONTINUE;
}

static void check_files(struct look *l) {
        static const char *const folders[] = { "state", "run" };

        walking = l;
        for (size_t n = 0; n < ARRAY_SIZE(folders); n++) {
                char path[RIG_PATH * 2];

                (void)snprintf(path, sizeof(path), "%s/%s", l->rig->work, folders[n]);
                (void)nftw(path, check_file, 16, FTW_PHYS | FTW_ACTIONRETVAL);
        }
}

/* Of a stack that is gone nothing stays in the state: neither its revisions nor its ids nor its layers. */
static void check_no_stack(struct look *l) {
        static const char *const folders[] = { "state/stacks", "state/removing/stacks", "state/ephemeral", "state/persistent", "run/runs" };

        if (l->after.n > 0)
                broken(l, "%s/%s is still there", l->after.items[0].stack, l->after.items[0].container);
        for (size_t n = 0; n < ARRAY_SIZE(folders); n++) {
                char path[RIG_PATH * 2];
                const struct dirent *e;

                (void)snprintf(path, sizeof(path), "%s/%s", l->rig->work, folders[n]);
                DIR *dir = opendir(path);
                while (dir && (e = readdir(dir)))
                        if (e->d_name[0] != '.')
                                broken(l, "%s/%s is left", folders[n], e->d_name);
                if (dir)
                        closedir(dir);
        }
        char path[RIG_PATH * 2];
        (void)snprintf(path, sizeof(path), "%s/state/uids", l->rig->work);
        json_t *uids = json_load_file(path, 0, NULL), *blocks = json_object_get(uids, "blocks");
        if (json_is_array(blocks) ? json_array_size(blocks) > 0 : json_object_size(blocks) > 0)
                broken(l, "%zu uid ranges are still taken", json_is_array(blocks) ? json_array_size(blocks) : json_object_size(blocks));
        json_decref(uids);
}

/* --- all of it --- */

static void check_settled(struct look *l) {
        for (size_t n = 0; n < l->after.n; n++)
                if (!is_restless(l, l->after.items[n].stack) && !seen_is_up(&l->after.items[n]) && !seen_is_down(&l->after.items[n]))
                        broken(l, "%s/%s is still %s", l->after.items[n].stack, l->after.items[n].container, l->after.items[n].state);
        check_one_of(l, "ctrsupd", NULL);
        check_one_of(l, "ctrsup-keeper", "keeper");
        check_one_of(l, "ctrsup-logger", "logger");
        host_each_group(l->rig, check_group, l);
        check_mounts(l, "host", getpid());
        if (l->keeper)
                check_mounts(l, "keeper", l->keeper);
        check_files(l);
}

unsigned check_run(struct rig *r, enum check_level level, struct buf *out) {
        struct look l = { .rig = r, .level = level, .out = out };

        if (rig_status(r, &l.before) < 0 || host_read(r, &l.host) < 0 || rig_status(r, &l.after) < 0)
                broken(&l, "the supervisor does not answer");
        else {
                for (size_t n = 0; n < l.before.n; n++)
                        check_members(&l, &l.before.items[n]);
                if (level >= CHECK_SETTLED) {
                        check_strangers(&l);
                        check_settled(&l);
                }
                if (level >= CHECK_EMPTY)
                        check_no_stack(&l);
        }
        status_done(&l.before);
        status_done(&l.after);
        host_done(&l.host);
        return l.broken;
}

bool check_settles(struct rig *r, enum check_level level, unsigned limit_ms) {
        const uint64_t end = rig_now_usec() + (uint64_t)limit_ms * 1000;
        uint64_t pause = 2000;

        for (;;) {
                _cleanup_buf_ struct buf out = BUF_NULL;

                if (check_run(r, level, &out) == 0)
                        return true;
                if (rig_now_usec() >= end) {
                        const char *line = buf_text(&out);
                        for (int n = 0; *line && n < 20; n++) {
                                rig_note("broken: %.*s", (int)strcspn(line, "\n"), line);
                                line += strcspn(line, "\n");
                                line += *line == '\n';
                        }
                        return false;
                }
                rig_sleep_usec(pause);
                pause = pause < 50000 ? pause * 2 : pause;
        }
}
