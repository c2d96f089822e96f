#include "story.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

void story_head(const struct rig *r, struct buf *out, const char *stack) {
        buf_printf(out,
                   "name: %s\ndefaults:\n  rootfs: {layers: [{dir: %s}], mode: read-only}\n  stop_grace_period: 5s\n"
                   "  restart_policy: {delay: 10ms, max_delay: 30ms}\n"
                   "  logging: {driver: file, rate_limit: {interval: 0s}, file: {max_size: 1G}}\ncontainers:\n",
                   stack, r->layer);
}

void story_data(const struct rig *r, const char *prefix, int n) {
        char path[RIG_PATH * 2];

        (void)snprintf(path, sizeof(path), "%s/data/%s%d", r->work, prefix, n);
        (void)mkdir(path, 0777);
        (void)chmod(path, 0777);
}

void story_exec(const struct rig *r, const char *target) {
        char program[RIG_PATH * 2], socket[RIG_PATH * 2];

        (void)snprintf(program, sizeof(program), "%s/ctrsup", r->bin);
        (void)snprintf(socket, sizeof(socket), "CTRSUP_SOCKET=%s", r->socket);
        pid_t pid = rig_spawn((const char *const[]){ "timeout", "0.5", "env", socket, program, "exec", target, "true", NULL }, "/dev/null");
        const uint64_t end = rig_now_usec() + 2000000;
        while (pid > 0 && !rig_has_ended(pid) && rig_now_usec() < end)
                rig_sleep_usec(5000);
}

/* --- exits --- */

/* Calls fn for each line of a file. */
static void each_line(const char *path, void (*fn)(void *userdata, const char *line), void *userdata) {
        _cleanup_file_ FILE *f = fopen(path, "re");
        _cleanup_free_ char *line = NULL;
        size_t size = 0;

        while (f && getline(&line, &size, f) > 0) {
                line[strcspn(line, "\n")] = '\0';
                fn(userdata, line);
        }
}

struct told {
        char prefix[RIG_PATH];
        int *codes; /* -1: killed; -2: unknown */
        size_t n, size;
};

static void told_line(void *userdata, const char *line) {
        struct told *t = userdata;
        size_t len = strlen(t->prefix);
        int code;

        if (strncmp(line, t->prefix, len) != 0 || strstr(line, "; restart "))
                return;
        line += len;
        if (sscanf(line, "exited with status %d", &code) == 1)
                ;
        else if (strncmp(line, "killed by", 9) == 0)
                code = -1;
        else if (strstr(line, "unknown") || strstr(line, "not known"))
                code = -2;
        else
                return;
        if (t->n == t->size) {
                t->size = t->size ? t->size * 2 : 256;
                t->codes = reallocarray(t->codes, t->size, sizeof(*t->codes));
                if (!t->codes)
                        abort();
        }
        t->codes[t->n++] = code;
}

struct witness {
        struct told *told;
        struct story *story;
        const char *name;
        size_t at;         /* in told */
        long started;      /* the run under way */
        bool open;         /* which has not said its end */
        int last;          /* the end before; 0: none */
        bool quiet;
};

static void miss(struct witness *w, const char *line) {
        w->story->wrong++;
        if (!w->quiet)
                rig_note("%s: \"%s\" was told as %d (after %d)", w->name, line, w->at < w->told->n ? w->told->codes[w->at] : -9, w->last);
        w->quiet = true; /* what follows a gap is out of step too */
}

static void told_end(struct witness *w, const char *line, int code) {
        struct told *t = w->told;

        w->story->ends++;
        while (w->at < t->n && t->codes[w->at] != code && (t->codes[w->at] < 0 || t->codes[w->at] == w->last)) {
                w->story->twice += t->codes[w->at] == w->last;
                w->story->unknown += t->codes[w->at] == -2;
                w->at++;
        }
        if (w->at < t->n && t->codes[w->at] == code)
                w->at++;
        else
                miss(w, line);
        w->last = code;
}

static void witness_line(void *userdata, const char *line) {
        struct witness *w = userdata;
        long run, code;

        if (strcmp(line, "doubled") == 0) {
                rig_note("%s: a run met another one", w->name);
                w->story->doubled++;
        } else if (sscanf(line, "start %ld", &run) == 1) {
                w->story->cut += w->open;
                if (run != w->started + 1)
                        miss(w, line);
                w->started = run;
                w->open = true;
        } else if (sscanf(line, "end %ld %ld", &run, &code) == 2) {
                w->open = false;
                if (w->told)
                        told_end(w, line, (int)code);
        }
}

static void read_witness(struct rig *r, const char *prefix, int n, struct witness *w) {
        char path[RIG_PATH * 2];

        (void)snprintf(path, sizeof(path), "%s/data/%s%d/witness", r->work, prefix, n);
        each_line(path, witness_line, w);
}

void story_compare_exits(struct rig *r, const char *stack, const char *prefix, int n, struct story *s) {
        struct told told = { 0 };
        char path[RIG_PATH * 2];

        (void)snprintf(path, sizeof(path), "%s/supervisor.log", r->work);
        (void)snprintf(told.prefix, sizeof(told.prefix), "%s/%s%d: ", stack, prefix, n);
        each_line(path, told_line, &told);
        struct witness w = { .told = &told, .story = s, .name = told.prefix };
        read_witness(r, prefix, n, &w);
        for (; w.at < told.n; w.at++) {
                s->unknown += told.codes[w.at] == -2;
                if (told.codes[w.at] == w.last)
                        s->twice++;
                else if (told.codes[w.at] >= 0 && !w.quiet) {
                        s->wrong++;
                        rig_note("%s was told to have exited with status %d, which it never did", told.prefix, told.codes[w.at]);
                }
        }
        s->cut += w.open;
        free(told.codes);
}

void story_count_doubled(struct rig *r, const char *prefix, int n, struct story *s) {
        char name[32];
        struct story own = { 0 };

        (void)snprintf(name, sizeof(name), "%s%d", prefix, n);
        struct witness w = { .story = &own, .name = name };
        read_witness(r, prefix, n, &w);
        s->doubled += own.doubled;
}

/* --- lines --- */

struct reading {
        struct story_lines *s;
        const char *name;
        uint64_t next;
        uint64_t noted;    /* said to be left out since the last line */
        uint64_t again;    /* lines in a row that were there before */
        bool ended;
};

static void longest(struct reading *g, uint64_t n) {
        if (n > g->s->longest)
                g->s->longest = n;
}

/* Line n is the next that is there: of those before it the log has told, or they are missing. */
static void pass_over(struct reading *g, uint64_t n) {
        const uint64_t gap = n - g->next;

        if (gap == g->noted)
                g->s->explained += gap > 0;
        else if (gap > g->noted) {
                if (g->s->gaps++ == 0)
                        rig_note("%s: line %llu follows line %lld, %llu are told of", g->name, (unsigned long long)n, (long long)g->next - 1,
                                 (unsigned long long)g->noted);
                g->s->missing += gap - g->noted;
                longest(g, gap - g->noted);
        } else {
                if (g->s->overtold == 0)
                        rig_note("%s: line %llu follows line %lld, and %llu are told of", g->name, (unsigned long long)n, (long long)g->next - 1,
                                 (unsigned long long)g->noted);
                g->s->overtold += g->noted - gap;
        }
        g->noted = 0;
        g->again = 0;
        g->next = n + 1;
}

static void log_line(void *userdata, const char *line) {
        struct reading *g = userdata;
        unsigned long long n;
        const char *at;

        if ((at = strstr(line, " n ")) && sscanf(at, " n %llu", &n) == 1) {
                g->s->lines++;
                if (g->ended && n == 0) { /* the next run of it */
                        g->ended = false;
                        g->next = 0;
                }
                if (n >= g->next) {
                        pass_over(g, n);
                        return;
                }
                g->s->twice++;
                g->s->repeats += g->again++ == 0;
                longest(g, g->again);
        } else if ((at = strstr(line, " end ")) && sscanf(at, " end %llu", &n) == 1) {
                if (n > g->next && !g->ended)
                        pass_over(g, n);
                g->s->missing += n < g->next && !g->ended;
                g->s->runs += !g->ended;
                g->ended = true;
        } else if ((at = strstr(line, "ctrsup: ")) && sscanf(at, "ctrsup: %llu", &n) == 1) {
                g->s->dropped += n;
                g->noted += n;
        } else {
                if (g->s->torn == 0)
                        rig_note("%s: torn line \"%.120s\"", g->name, line);
                g->s->torn++;
        }
}

static void read_log(struct rig *r, const char *stack, const char *prefix, int n, struct reading *g) {
        char path[RIG_PATH * 2];

        (void)snprintf(path, sizeof(path), "%s/logs/%s/%s%d.1.log", r->work, stack, prefix, n);
        each_line(path, log_line, g);
}

void story_compare_lines(struct rig *r, const char *stack, const char *prefix, int n, struct story_lines *s) {
        char name[RIG_PATH];

        (void)snprintf(name, sizeof(name), "%s/%s%d", stack, prefix, n);
        struct reading g = { .s = s, .name = name };
        read_log(r, stack, prefix, n, &g);
        if (!g.ended) {
                rig_note("%s: the last line is not there, the last but one is %lld", name, (long long)g.next - 1);
                s->unended++;
        }
}

static void said_line(void *userdata, const char *line) {
        *(uint64_t *)userdata = strtoull(line, NULL, 10);
}

void story_compare_limited(struct rig *r, const char *stack, const char *prefix, int n, struct story_lines *s) {
        char path[RIG_PATH * 2], name[RIG_PATH];
        uint64_t said = 0;

        (void)snprintf(name, sizeof(name), "%s/%s%d", stack, prefix, n);
        (void)snprintf(path, sizeof(path), "%s/data/%s%d/said", r->work, prefix, n);
        struct reading g = { .s = s, .name = name };
        read_log(r, stack, prefix, n, &g);
        each_line(path, said_line, &said);
        s->unended += said == 0;
        if (!g.ended && said + 1 >= g.next) /* the last line, too */
                pass_over(&g, said + 1);
}
