/* The table of settings and the walk over a file. */
#include <ctrsup/spec/settings.h>

#include "settings_table.h"

#include <ctrsup/base/num.h>
#include <ctrsup/text/suggest.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const levels[] = { "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug" };
static const char *const targets[] = {
        [LOG_TARGET_AUTO] = "auto", [LOG_TARGET_JOURNAL] = "journal", [LOG_TARGET_STDERR] = "stderr"
};
static const char *const shutdowns[] = { [SHUTDOWN_STOP] = "stop", [SHUTDOWN_LEAVE] = "leave" };
static_assert(ARRAY_SIZE(levels) == 8, "syslog's levels");
static_assert(ARRAY_SIZE(targets) == _LOG_TARGET_MAX, "a word for every target");
static_assert(ARRAY_SIZE(shutdowns) == _SHUTDOWN_MAX, "a word for every action");

#define AT(member) offsetof(struct settings, member)
#define WORDS(w) .words = (w), .n_words = ARRAY_SIZE(w)
#define HOST_IDS_MIN 524288 /* systemd's range for containers, see its UIDS-GIDS document; below 2^31 for devpts */
#define HOST_IDS_END UINT64_C(1879048192)

/* clang-format off */
const struct row settings_rows[] = {
        { "log", "level", ROW_WORD, AT(log.level), "\"info\"", 0, WORDS(levels) },
        { "log", "target", ROW_WORD, AT(log.target), "\"auto\"", 0, WORDS(targets) },

        { "control", "socket", ROW_PATH, AT(control.socket), "\"/run/ctrsup/ctrsup.sock\"", ROW_RESTART },
        { "control", "admin_groups", ROW_TEXTS, AT(control.admin_groups), "[ \"ctrsup\" ]" },
        { "control", "read_groups", ROW_TEXTS, AT(control.read_groups), "[ \"adm\", \"systemd-journal\" ]" },
        { "control", "max_clients", ROW_NUMBER, AT(control.max_clients), "64", .min = 1, .max = 4096 },

        { "paths", "stacks", ROW_PATH, AT(paths.stacks), "\"" CTRSUP_SYSCONFDIR "/ctrsup/stacks.d\"", ROW_RESTART },
        { "paths", "state", ROW_PATH, AT(paths.state), "\"/var/lib/ctrsup\"", ROW_RESTART },
        { "paths", "runtime", ROW_PATH, AT(paths.runtime), "\"/run/ctrsup\"", ROW_RESTART },
        { "paths", "logs", ROW_PATH, AT(paths.logs), "\"/var/log/ctrsup\"", ROW_RESTART },

        { "reconcile", "interval", ROW_DURATION, AT(reconcile.interval_usec), "\"30s\"", .min = USEC_PER_SEC, .max = 86400 * USEC_PER_SEC },
        { "reconcile", "parallel", ROW_NUMBER, AT(reconcile.parallel), "4", .min = 1, .max = 256 },
        { "reconcile", "shutdown", ROW_WORD, AT(reconcile.shutdown), "\"stop\"", 0, WORDS(shutdowns) },
        { "reconcile", "history", ROW_NUMBER, AT(reconcile.history), "10", .min = 1, .max = 1000 },

        { "cgroup", "root", ROW_CGROUP, AT(cgroup.root), "\"auto\"", ROW_RESTART },

        { "userns", "base", ROW_NUMBER, AT(userns.base), "268435456", ROW_RESTART | ROW_BLOCKS, .min = HOST_IDS_MIN, .max = HOST_IDS_END - 65536 },
        { "userns", "count", ROW_NUMBER, AT(userns.count), "2048", ROW_RESTART, .min = 1, .max = (HOST_IDS_END - HOST_IDS_MIN) / 65536 },

        { "policy", "allow_privileged_namespaces", ROW_BOOL, AT(policy.allow_privileged_namespaces), "true" },
        { "policy", "bind_roots", ROW_PATHS, AT(policy.bind_roots), "[ \"/\" ]" },
        { "policy", "layer_roots", ROW_PATHS, AT(policy.layer_roots), "[ \"/\" ]" },
        { "policy", "allow_devices", ROW_PATHS, AT(policy.allow_devices), "[ \"/dev/fuse\", \"/dev/net/tun\", \"/dev/kvm\", \"/dev/dri/*\" ]" },
        { "policy", "max_containers", ROW_NUMBER, AT(policy.max_containers), "1000", .min = 1, .max = 100000 },

        { "network", "enabled", ROW_LATER, 0, "true" },
        { "network", "pools", ROW_LATER, 0, "( { base = \"10.90.0.0/16\"; size = 24; }, { base = \"fd90:c75::/48\"; size = 64; } )" },
        { "network", "firewall", ROW_LATER, 0, "\"nftables\"" },
        { "network", "table", ROW_LATER, 0, "\"ctrsup\"" },
        { "network", "dns", ROW_LATER, 0, "\"hosts-file\"" },
        { "storage", "unpack_jobs", ROW_LATER, 0, "2" },
        { "storage", "unpack_user", ROW_LATER, 0, "\"_ctrsup\"" },
        { "storage", "min_free", ROW_LATER, 0, "\"1G\"" },
        { "storage", "verify", ROW_LATER, 0, "true" },
        { "defaults", "pids", ROW_LATER, 0, "2048" },
        { "defaults", "memory", ROW_LATER, 0, "\"max\"" },
        { "defaults", "stop_grace_period", ROW_LATER, 0, "\"10s\"" },
        { "defaults", "seccomp", ROW_LATER, 0, "\"/usr/share/ctrsup/seccomp.json\"" },
        { "defaults", "no_new_privileges", ROW_LATER, 0, "true" },
        { "defaults", "user_namespace", ROW_LATER, 0, "\"private\"" },
        { "defaults", "log_driver", ROW_LATER, 0, "\"journald\"" },
        { "metrics", "enabled", ROW_LATER, 0, "true" },
        { "metrics", "per_container", ROW_LATER, 0, "true" },
};
/* clang-format on */
const size_t settings_n_rows = ARRAY_SIZE(settings_rows);

const char *settings_path(const struct row *row, char buf[ROW_PATH_SIZE]) {
        (void)snprintf(buf, ROW_PATH_SIZE, "%s.%s", row->group, row->name);
        return buf;
}

static struct mark mark_of(const config_setting_t *s) {
        return (struct mark){ .line = config_setting_source_line(s) };
}

static bool is_group(const char *name) {
        for (size_t i = 0; i < settings_n_rows; i++)
                if (strcmp(settings_rows[i].group, name) == 0)
                        return true;
        return false;
}

static const struct row *find_row(const char *group, const char *name) {
        for (size_t i = 0; i < settings_n_rows; i++)
                if (strcmp(settings_rows[i].group, group) == 0 && strcmp(settings_rows[i].name, name) == 0)
                        return settings_rows + i;
        return NULL;
}

static void complain_unknown_group(const config_setting_t *s, struct diag_list *diags) {
        const char *name = config_setting_name(s);
        struct suggest nearest = suggest_begin(name);
        struct diag *d = diag_add(diags, DIAG_UNKNOWN_KEY, mark_of(s), name, "unknown setting");

        for (size_t i = 0; i < settings_n_rows; i++)
                if (strcmp(settings_rows[i].name, name) == 0) {
                        diag_hint(diags, d, "it belongs into a group: %s = { %s = …; };", settings_rows[i].group, name);
                        return;
                }
        for (size_t i = 0; i < settings_n_rows; i++)
                suggest_offer(&nearest, settings_rows[i].group);
        if (nearest.best)
                diag_hint(diags, d, "did you mean \"%s\"?", nearest.best);
}

static void complain_unknown_setting(const char *group, const config_setting_t *s, struct diag_list *diags) {
        const char *name = config_setting_name(s);
        struct suggest nearest = suggest_begin(name);
        char path[512];

        (void)snprintf(path, sizeof(path), "%s.%s", group, name);
        struct diag *d = diag_add(diags, DIAG_UNKNOWN_KEY, mark_of(s), path, "unknown setting");
        for (size_t i = 0; i < settings_n_rows; i++)
                if (strcmp(settings_rows[i].group, group) == 0)
                        suggest_offer(&nearest, settings_rows[i].name);
        if (nearest.best) {
                diag_hint(diags, d, "did you mean \"%s\"?", nearest.best);
                return;
        }
        for (size_t i = 0; i < settings_n_rows; i++)
                if (strcmp(settings_rows[i].name, name) == 0)
                        diag_hint(diags, d, "there is %s.%s", settings_rows[i].group, name);
}

/* file NULL: the presets. */
static int walk_group(struct settings *s, const config_setting_t *group, const char *file, struct diag_list *diags) {
        for (int i = 0; i < config_setting_length(group); i++) {
                const config_setting_t *value = config_setting_get_elem(group, (unsigned)i);
                const struct row *row = find_row(config_setting_name(group), config_setting_name(value));
                _cleanup_buf_ struct buf text = BUF_NULL;

                if (!row) {
                        complain_unknown_setting(config_setting_name(group), value, diags);
                        continue;
                }
                if (!settings_read(s, row, value, diags))
                        continue;
                settings_text(value, &text);
                s->origins[row - settings_rows] = (struct settings_origin){
                        .text = arena_strdup(s->arena, buf_text(&text)),
                        .file = file,
                        .line = config_setting_source_line(value),
                };
                if (buf_failed(&text) || !s->origins[row - settings_rows].text)
                        return -ENOMEM;
        }
        return 0;
}

static int walk(struct settings *s, const config_setting_t *root, const char *file, struct diag_list *diags) {
        for (int i = 0; i < config_setting_length(root); i++) {
                const config_setting_t *group = config_setting_get_elem(root, (unsigned)i);
                int r = 0;

                if (!is_group(config_setting_name(group)))
                        complain_unknown_group(group, diags);
                else if (!config_setting_is_group(group)) {
                        struct diag *d = diag_add(diags, DIAG_WRONG_TYPE, mark_of(group), config_setting_name(group),
                                                  "expected a group of settings");
                        diag_hint(diags, d, "write %s = { … };", config_setting_name(group));
                } else
                        r = walk_group(s, group, file, diags);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* libconfig would open the file itself, relative to wherever we are. Drop-ins do what it is for. */
static unsigned line_with_include(const char *text) {
        unsigned line = 1;

        for (;; line++) {
                const char *word = text + strspn(text, " \t");

                if (strncmp(word, "@include", strlen("@include")) == 0)
                        return line;
                text = strchr(text, '\n');
                if (!text)
                        return 0;
                text++;
        }
}

static int parse(struct settings *s, const char *text, const char *file, struct diag_list *diags) {
        config_t config;
        int r = 0;

        config_init(&config);
        if (config_read_string(&config, text) != CONFIG_TRUE) {
                struct mark at = { .line = config_error_line(&config) > 0 ? (unsigned)config_error_line(&config) : 1 };
                const char *why = config_error_text(&config);

                (void)diag_add(diags, DIAG_BAD_FORMAT, at, NULL, "%s", why ? why : "syntax error");
        } else
                r = walk(s, config_root_setting(&config), file, diags);
        config_destroy(&config);
        return r;
}

int settings_add(struct settings *s, const char *text, size_t len, struct diag_list *diags) {
        const char *nul = memchr(text, '\0', len);
        _cleanup_free_ char *copy = strndup(text, len);
        const char *file = arena_strdup(s->arena, diags->file);
        unsigned line;
        int r = 0;

        if (!copy || !file)
                return -ENOMEM;
        if (nul)
                (void)diag_add(diags, DIAG_BAD_FORMAT, MARK_NULL, NULL, "there is a NUL byte in it, at offset %zu",
                               (size_t)(nul - text));
        else if ((line = line_with_include(copy)) > 0) {
                struct diag *d =
                        diag_add(diags, DIAG_UNSUPPORTED, (struct mark){ .line = line }, NULL, "@include is not supported");
                diag_hint(diags, d, "put the file into ctrsup.conf.d: its *.conf are read after this one");
        } else
                r = parse(s, copy, file, diags);
        if (r < 0 || diags->failed)
                return -ENOMEM;
        return diag_errors(diags) > 0 ? -EBADMSG : 0;
}

/* The presets are a file like any other, so that they are read by the same code, and a wrong one shows at once. */
static int add_presets(struct settings *s) {
        _cleanup_buf_ struct buf text = BUF_NULL;
        struct diag_list diags;

        for (size_t i = 0; i < settings_n_rows; i++) {
                const struct row *row = settings_rows + i;
                bool first = i == 0 || strcmp(row[-1].group, row->group) != 0;
                bool last = i + 1 == settings_n_rows || strcmp(row[1].group, row->group) != 0;

                if (row->kind == ROW_LATER)
                        continue;
                if (first)
                        buf_printf(&text, "%s = {\n", row->group);
                buf_printf(&text, "%s = %s;\n", row->name, row->preset);
                if (last || row[1].kind == ROW_LATER)
                        buf_puts(&text, "};\n");
        }
        if (buf_failed(&text) || diag_list_init(&diags, "presets") < 0)
                return -ENOMEM;
        int r = parse(s, buf_text(&text), NULL, &diags);
        assert(diag_errors(&diags) == 0 || diags.failed);
        diag_list_done(&diags);
        return r;
}

struct settings *settings_new(void) {
        struct arena *arena = arena_new();
        struct settings *s = arena ? arena_new_of(arena, struct settings) : NULL;

        if (s) {
                s->arena = arena;
                s->origins = arena_array_of(arena, struct settings_origin, settings_n_rows);
        }
        if (!s || !s->origins || add_presets(s) < 0) {
                (void)arena_free(arena);
                return NULL;
        }
        return s;
}

struct settings *settings_free(struct settings *s) {
        if (s)
                (void)arena_free(s->arena);
        return NULL;
}

int settings_check(const struct settings *s, struct diag_list *diags) {
        if (s->userns.base + s->userns.count * 65536 > HOST_IDS_END) {
                struct diag *d = diag_add(diags, DIAG_OUT_OF_RANGE, MARK_NULL, "userns.count",
                                          "%llu blocks from %llu on reach beyond %llu", (unsigned long long)s->userns.count,
                                          (unsigned long long)s->userns.base, (unsigned long long)HOST_IDS_END - 1);
                diag_hint(diags, d, "at most %llu blocks fit", (unsigned long long)((HOST_IDS_END - s->userns.base) / 65536));
        }
        return diag_errors(diags) > 0 ? -EBADMSG : 0;
}

void settings_print(const struct settings *s, struct buf *out) {
        const char *group = NULL;

        for (size_t i = 0; i < settings_n_rows; i++) {
                const struct row *row = settings_rows + i;
                const struct settings_origin *o = s->origins + i;

                if (row->kind == ROW_LATER)
                        continue;
                if (!group || strcmp(group, row->group) != 0) {
                        buf_printf(out, "%s%s = {\n", group ? "};\n" : "", row->group);
                        group = row->group;
                }
                size_t start = out->len;
                buf_printf(out, "  %s = %s;", row->name, o->text);
                for (size_t width = out->len - start; width < 43; width++)
                        buf_putc(out, ' ');
                if (o->file)
                        buf_printf(out, " # %s:%u\n", o->file, o->line);
                else
                        buf_puts(out, " # default\n");
        }
        buf_puts(out, "};\n");
}

bool settings_is_default(const struct settings *s, const char *group, const char *name) {
        return !s->origins[find_row(group, name) - settings_rows].file;
}

void settings_need_restart(const struct settings *old, const struct settings *new, struct buf *out) {
        char path[ROW_PATH_SIZE];

        for (size_t i = 0; i < settings_n_rows; i++)
                if ((settings_rows[i].flags & ROW_RESTART) && strcmp(old->origins[i].text, new->origins[i].text) != 0)
                        buf_printf(out, "%s\n", settings_path(settings_rows + i, path));
}

/* A fixed setting is what it was at the start until the end: also its text and origin, so that the next reload says it again. */
static int keep(struct settings *s, const struct settings *old, const struct row *row) {
        const struct settings_origin *o = &old->origins[row - settings_rows];
        char *to = (char *)s + row->at;
        const char *from = (const char *)old + row->at;
        bool text = row->kind == ROW_PATH || row->kind == ROW_CGROUP;

        assert(text || row->kind == ROW_NUMBER);
        struct settings_origin copy = {
                .text = arena_strdup(s->arena, o->text),
                .file = o->file ? arena_strdup(s->arena, o->file) : NULL,
                .line = o->line,
        };
        if (!copy.text || (o->file && !copy.file))
                return -ENOMEM;
        if (text) {
                const char *value = arena_strdup(s->arena, *(const char *const *)(const void *)from);

                if (!value)
                        return -ENOMEM;
                memcpy(to, &value, sizeof(value));
        } else
                memcpy(to, from, sizeof(uint64_t));
        s->origins[row - settings_rows] = copy;
        return 0;
}

int settings_keep_fixed(struct settings *s, const struct settings *old) {
        int r = 0;

        for (size_t i = 0; i < settings_n_rows && r == 0; i++)
                if (settings_rows[i].flags & ROW_RESTART)
                        r = keep(s, old, settings_rows + i);
        return r;
}
