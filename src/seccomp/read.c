/* JSON, read twice: by jansson, which knows what JSON is, and as the YAML it is too, whose nodes know their places. */
#include <ctrsup/seccomp/read.h>

#include <ctrsup/base/num.h>
#include <ctrsup/text/schema.h>
#include <ctrsup/text/suggest.h>
#include <ctrsup/text/yaml.h>

#include <errno.h>
#include <jansson.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <string.h>

struct strings {
        const char **items;
        size_t n;
        struct mark *marks;
};

enum file_action {
        FILE_ALLOW,
        FILE_LOG,
        FILE_ERRNO,
        FILE_TRAP,
        FILE_KILL,
        FILE_KILL_THREAD,
        FILE_KILL_PROCESS,
        FILE_TRACE,
        FILE_NOTIFY,
        _FILE_MAX
};

static const char *const action_words[_FILE_MAX] = {
        [FILE_ALLOW] = "SCMP_ACT_ALLOW",
        [FILE_LOG] = "SCMP_ACT_LOG",
        [FILE_ERRNO] = "SCMP_ACT_ERRNO",
        [FILE_TRAP] = "SCMP_ACT_TRAP",
        [FILE_KILL] = "SCMP_ACT_KILL",
        [FILE_KILL_THREAD] = "SCMP_ACT_KILL_THREAD",
        [FILE_KILL_PROCESS] = "SCMP_ACT_KILL_PROCESS",
        [FILE_TRACE] = "SCMP_ACT_TRACE",
        [FILE_NOTIFY] = "SCMP_ACT_NOTIFY",
};
static const enum seccomp_action actions[_FILE_MAX] = {
        [FILE_ALLOW] = SECCOMP_DO_ALLOW,
        [FILE_LOG] = SECCOMP_DO_LOG,
        [FILE_ERRNO] = SECCOMP_DO_ERRNO,
        [FILE_TRAP] = SECCOMP_DO_TRAP,
        [FILE_KILL] = SECCOMP_DO_KILL_THREAD,
        [FILE_KILL_THREAD] = SECCOMP_DO_KILL_THREAD,
        [FILE_KILL_PROCESS] = SECCOMP_DO_KILL_PROCESS,
};
static const char *const compare_words[_SECCOMP_IF_MAX] = {
        [SECCOMP_IF_NE] = "SCMP_CMP_NE",
        [SECCOMP_IF_LT] = "SCMP_CMP_LT",
        [SECCOMP_IF_LE] = "SCMP_CMP_LE",
        [SECCOMP_IF_EQ] = "SCMP_CMP_EQ",
        [SECCOMP_IF_GE] = "SCMP_CMP_GE",
        [SECCOMP_IF_GT] = "SCMP_CMP_GT",
        [SECCOMP_IF_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

struct file_arg {
        int64_t index;
        uint64_t value, value_two;
        enum seccomp_compare op;
};

struct file_condition {
        struct strings caps, arches;
        const char *min_kernel;
};

struct file_rule {
        struct strings names;
        const char *name;
        struct mark mark;
        enum file_action action;
        int64_t error;
        struct file_arg *args;
        size_t n_args;
        struct file_condition includes, excludes;
};

struct file_arches {
        const char *architecture;
        struct strings sub;
};

struct file {
        enum file_action action;
        int64_t error;
        struct strings architectures, flags;
        struct file_arches *map;
        size_t n_map;
        struct file_rule *rules;
        size_t n_rules;
};

/* ---- types of values ---- */

static void read_strings(struct walk *w, const struct field *f, struct node *n, void *at) {
        struct strings list = { 0 };

        if (n->kind != NODE_SEQUENCE) {
                walk_hint(w, walk_complain(w, DIAG_WRONG_TYPE, n->mark, "expected a list, found %s", node_kind_words(n)),
                          "write %s", f->example);
                return;
        }
        list.items = walk_alloc(w, n->n, sizeof(*list.items));
        list.marks = walk_alloc(w, n->n, sizeof(*list.marks));
        for (uint32_t i = 0; list.items && list.marks && i < n->n; i++) {
                struct path here = { .up = w->path, .index = i };

                w->path = &here;
                const char *text = walk_text(w, n->entries[i].value, "text");
                w->path = here.up;
                if (!text)
                        continue;
                list.marks[list.n] = n->entries[i].value->mark;
                list.items[list.n++] = walk_keep(w, text);
        }
        *(struct strings *)at = list;
}

static void read_u64(struct walk *w, const struct field *f, struct node *n, void *at) {
        const char *text = walk_bare(w, n, "a whole number");

        (void)f;
        if (text && num_parse_u64(text, at) < 0)
                walk_complain(w, DIAG_BAD_VALUE, n->mark, "%s is not a whole number of 64 bits", walk_quote(w, text));
}

static const struct type type_strings = { .name = "list of text", .read = read_strings };
static const struct type type_u64 = { .name = "whole number", .read = read_u64 };

/* ---- the table ---- */

#define AT(type, member) .at = offsetof(struct type, member)
#define LIST_AT(type, member) .at = offsetof(struct type, member), .n_at = offsetof(struct type, n_##member)
#define WORDS(table) .words = table, .n_words = ARRAY_SIZE(table)
#define FIELDS(table) .fields = table, .n_fields = ARRAY_SIZE(table)
#define ERROR_NUMBER .type = &type_int, .min = 0, .max = SECCOMP_ERRNO_MAX, .preset = "1"

static void complain_action(struct walk *w, struct node *n, const char *key, enum file_action action) {
        const struct node *value = node_get(w->nodes, n, key);

        if (value && (action == FILE_TRACE || action == FILE_NOTIFY))
                walk_complain_at(w, DIAG_UNSUPPORTED, value->mark, key, "%s is not supported: nobody would listen",
                                 action_words[action]);
}

static const struct field arg_fields[] = {
        { .key = "index",
          .type = &type_int,
          AT(file_arg, index),
          .min = 0,
          .max = SECCOMP_ARGS - 1,
          .flags = FIELD_REQUIRED,
          .example = "0" },
        { .key = "value", .type = &type_u64, AT(file_arg, value), .flags = FIELD_REQUIRED, .example = "1" },
        { .key = "valueTwo", .type = &type_u64, AT(file_arg, value_two) },
        { .key = "op",
          .type = &type_enum,
          AT(file_arg, op),
          WORDS(compare_words),
          .flags = FIELD_REQUIRED,
          .example = "SCMP_CMP_EQ" },
};
static const struct table arg_table = { FIELDS(arg_fields), .noun = "argument", .size = sizeof(struct file_arg) };

static void condition_finish(struct walk *w, const struct node_entry *entry, void *at) {
        const struct file_condition *c = at;
        const struct node *kernel = node_get(w->nodes, entry->value, "minKernel");
        unsigned major, minor;

        if (c->min_kernel && kernel && sscanf(c->min_kernel, "%u.%u", &major, &minor) != 2)
                walk_hint(w,
                          walk_complain_at(w, DIAG_BAD_VALUE, kernel->mark, "minKernel", "%s is not a kernel's version",
                                           walk_quote(w, c->min_kernel)),
                          "write \"4.8\"");
}

static const struct field condition_fields[] = {
        { .key = "caps", .type = &type_strings, AT(file_condition, caps), .example = "[\"CAP_SYS_ADMIN\"]" },
        { .key = "arches", .type = &type_strings, AT(file_condition, arches), .example = "[\"amd64\"]" },
        { .key = "minKernel", .type = &type_string, AT(file_condition, min_kernel) },
};
static const struct table condition_table = { FIELDS(condition_fields), .finish = condition_finish };

static void rule_finish(struct walk *w, const struct node_entry *entry, void *at) {
        struct file_rule *r = at;

        r->mark = entry->value->mark;
        complain_action(w, entry->value, "action", r->action);
        if (r->names.n == 0 && !r->name && !node_get(w->nodes, entry->value, "names"))
                walk_hint(w, walk_complain(w, DIAG_MISSING_KEY, entry->value->mark, "missing key \"names\""),
                          "write \"names\": [\"read\"]");
}

static const struct field rule_fields[] = {
        { .key = "names", .type = &type_strings, AT(file_rule, names), .example = "[\"read\"]" },
        { .key = "name", .type = &type_string, AT(file_rule, name) },
        { .key = "action",
          .type = &type_enum,
          AT(file_rule, action),
          WORDS(action_words),
          .flags = FIELD_REQUIRED,
          .example = "\"SCMP_ACT_ALLOW\"" },
        { .key = "errnoRet", ERROR_NUMBER, AT(file_rule, error) },
        { .key = "args", .type = &type_list, LIST_AT(file_rule, args), .sub = &arg_table, .max = SECCOMP_ARGS, .example = "[]" },
        { .key = "includes", .type = &type_group, AT(file_rule, includes), .sub = &condition_table, .example = "{}" },
        { .key = "excludes", .type = &type_group, AT(file_rule, excludes), .sub = &condition_table, .example = "{}" },
};
static const struct table rule_table = { FIELDS(rule_fields), .noun = "rule", .size = sizeof(struct file_rule),
                                         .finish = rule_finish };

static const struct field arches_fields[] = {
        { .key = "architecture",
          .type = &type_string,
          AT(file_arches, architecture),
          .flags = FIELD_REQUIRED,
          .example = "\"SCMP_ARCH_X86_64\"" },
        { .key = "subArchitectures", .type = &type_strings, AT(file_arches, sub), .example = "[]" },
};
static const struct table arches_table = { FIELDS(arches_fields), .noun = "architecture", .size = sizeof(struct file_arches) };

static void file_finish(struct walk *w, const struct node_entry *entry, void *at) {
        complain_action(w, entry->value, "defaultAction", ((const struct file *)at)->action);
}

static const struct field file_fields[] = {
        { .key = "defaultAction",
          .type = &type_enum,
          AT(file, action),
          WORDS(action_words),
          .flags = FIELD_REQUIRED,
          .example = "\"SCMP_ACT_ERRNO\"" },
        { .key = "defaultErrnoRet", ERROR_NUMBER, AT(file, error) },
        { .key = "architectures", .type = &type_strings, AT(file, architectures), .example = "[\"SCMP_ARCH_X86_64\"]" },
        { .key = "archMap", .type = &type_list, LIST_AT(file, map), .sub = &arches_table, .example = "[]" },
        { .key = "flags", .type = &type_strings, AT(file, flags), .example = "[]" },
        { .key = "syscalls",
          .type = &type_list,
          LIST_AT(file, rules),
          .sub = &rule_table,
          .max = SECCOMP_RULES_MAX,
          .example = "[]" },
};
static const struct table file_table = { FIELDS(file_fields), .noun = "profile", .size = sizeof(struct file),
                                         .finish = file_finish };

/* ---- what the words mean ---- */

static const struct {
        const char *docker;
        uint32_t token;
} arches[] = {
        { "amd64", SCMP_ARCH_X86_64 }, { "x86", SCMP_ARCH_X86 },       { "x32", SCMP_ARCH_X32 },
        { "arm", SCMP_ARCH_ARM },      { "arm64", SCMP_ARCH_AARCH64 }, { "ppc64le", SCMP_ARCH_PPC64LE },
        { "s390", SCMP_ARCH_S390 },    { "s390x", SCMP_ARCH_S390X },   { "riscv64", SCMP_ARCH_RISCV64 },
};

static bool is_here(const char *docker) {
        for (size_t i = 0; i < ARRAY_SIZE(arches); i++)
                if (strcmp(docker, arches[i].docker) == 0)
                        return arches[i].token == seccomp_arch_native();
        return false;
}

/* "SCMP_ARCH_X86_64": 1 when it is this machine's, 0 another, -EINVAL none. */
static int arch_of(const char *word) {
        static const char prefix[] = "SCMP_ARCH_";
        char name[32];
        size_t n = 0;

        if (strncmp(word, prefix, strlen(prefix)) != 0)
                return -EINVAL;
        for (word += strlen(prefix); word[n] && n < sizeof(name) - 1; n++)
                name[n] = (char)(word[n] >= 'A' && word[n] <= 'Z' ? word[n] + ('a' - 'A') : word[n]);
        name[n] = '\0';
        uint32_t token = seccomp_arch_resolve_name(name);
        if (token == 0 && strcmp(name, "loongarch64") == 0) /* libseccomp 2.6 */
                return 0;
        return token == 0 ? -EINVAL : token == seccomp_arch_native();
}

static bool has_capability(const char *name, uint64_t capabilities) {
        static const char *const names[] = {
                [CAP_CHOWN] = "CHOWN",
                [CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
                [CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
                [CAP_FOWNER] = "FOWNER",
                [CAP_FSETID] = "FSETID",
                [CAP_KILL] = "KILL",
                [CAP_SETGID] = "SETGID",
                [CAP_SETUID] = "SETUID",
                [CAP_SETPCAP] = "SETPCAP",
                [CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
                [CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
                [CAP_NET_BROADCAST] = "NET_BROADCAST",
                [CAP_NET_ADMIN] = "NET_ADMIN",
                [CAP_NET_RAW] = "NET_RAW",
                [CAP_IPC_LOCK] = "IPC_LOCK",
                [CAP_IPC_OWNER] = "IPC_OWNER",
                [CAP_SYS_MODULE] = "SYS_MODULE",
                [CAP_SYS_RAWIO] = "SYS_RAWIO",
                [CAP_SYS_CHROOT] = "SYS_CHROOT",
                [CAP_SYS_PTRACE] = "SYS_PTRACE",
                [CAP_SYS_PACCT] = "SYS_PACCT",
                [CAP_SYS_ADMIN] = "SYS_ADMIN",
                [CAP_SYS_BOOT] = "SYS_BOOT",
                [CAP_SYS_NICE] = "SYS_NICE",
                [CAP_SYS_RESOURCE] = "SYS_RESOURCE",
                [CAP_SYS_TIME] = "SYS_TIME",
                [CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
                [CAP_MKNOD] = "MKNOD",
                [CAP_LEASE] = "LEASE",
                [CAP_AUDIT_WRITE] = "AUDIT_WRITE",
                [CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
                [CAP_SETFCAP] = "SETFCAP",
                [CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
                [CAP_MAC_ADMIN] = "MAC_ADMIN",
                [CAP_SYSLOG] = "SYSLOG",
                [CAP_WAKE_ALARM] = "WAKE_ALARM",
                [CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
                [CAP_AUDIT_READ] = "AUDIT_READ",
                [CAP_PERFMON] = "PERFMON",
                [CAP_BPF] = "BPF",
                [CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
        };

        if (strncmp(name, "CAP_", 4) == 0)
                name += 4;
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (strcmp(names[i], name) == 0)
                        return capabilities >> i & 1;
        return false;
}

/* As Docker's: of includes all that is named must hold, of excludes none may. */
static bool applies(const struct file_rule *r, const struct seccomp_machine *on) {
        unsigned major = 0, minor = 0;
        bool here = r->includes.arches.n == 0;

        for (size_t i = 0; i < r->excludes.caps.n; i++)
                if (has_capability(r->excludes.caps.items[i], on->capabilities))
                        return false;
        for (size_t i = 0; i < r->excludes.arches.n; i++)
                if (is_here(r->excludes.arches.items[i]))
                        return false;
        for (size_t i = 0; i < r->includes.caps.n; i++)
                if (!has_capability(r->includes.caps.items[i], on->capabilities))
                        return false;
        for (size_t i = 0; i < r->includes.arches.n; i++)
                here = here || is_here(r->includes.arches.items[i]);
        if (!here)
                return false;
        if (r->includes.min_kernel && sscanf(r->includes.min_kernel, "%u.%u", &major, &minor) == 2 &&
            (on->major < major || (on->major == major && on->minor < minor)))
                return false;
        if (r->excludes.min_kernel && sscanf(r->excludes.min_kernel, "%u.%u", &major, &minor) == 2)
                return on->major < major || (on->major == major && on->minor < minor);
        return true;
}

/* ---- the whole ---- */

static void check_names(struct walk *w, const struct file_rule *r) {
        for (size_t i = 0; i < r->names.n; i++)
                if (!seccomp_name_is_known(r->names.items[i]))
                        diag_warn(w->diags, DIAG_NO_SUCH_REF, r->names.marks[i], "", "no system call is called %s",
                                  walk_quote(w, r->names.items[i]));
        if (r->name && !seccomp_name_is_known(r->name))
                diag_warn(w->diags, DIAG_NO_SUCH_REF, r->mark, "", "no system call is called %s", walk_quote(w, r->name));
}

static void check_arch(struct walk *w, const char *word, struct mark mark, bool *here) {
        int r = arch_of(word);

        if (r < 0)
                diag_add(w->diags, DIAG_BAD_VALUE, mark, "architectures", "no architecture is called %s", walk_quote(w, word));
        *here = *here || r > 0;
}

static void check_arches(struct walk *w, const struct file *f, struct mark mark) {
        bool here = f->architectures.n == 0 && f->n_map == 0;

        for (size_t i = 0; i < f->architectures.n; i++)
                check_arch(w, f->architectures.items[i], f->architectures.marks[i], &here);
        for (size_t i = 0; i < f->n_map; i++)
                if (f->map[i].architecture)
                        check_arch(w, f->map[i].architecture, mark, &here);
        if (!here)
                diag_add(w->diags, DIAG_UNSUPPORTED, mark, "architectures", "this machine's architecture is not among them");
}

static void check_flags(struct walk *w, const struct file *f) {
        /* what they ask for is so without them: there is one thread, and the kernel no longer slows it down */
        static const char *const fine[] = { "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW" };

        for (size_t i = 0; i < f->flags.n; i++) {
                bool known = false;

                for (size_t k = 0; k < ARRAY_SIZE(fine); k++)
                        known = known || strcmp(f->flags.items[i], fine[k]) == 0;
                if (!known)
                        diag_add(w->diags, DIAG_UNSUPPORTED, f->flags.marks[i], "flags", "%s is not supported",
                                 walk_quote(w, f->flags.items[i]));
        }
}

/* Conditions about the same argument are alternatives: so runc reads such a rule. */
static bool repeats_argument(const struct file_rule *r) {
        unsigned seen = 0;

        for (size_t i = 0; i < r->n_args; i++) {
                if (seen >> r->args[i].index & 1)
                        return true;
                seen |= 1U << r->args[i].index;
        }
        return false;
}

struct maker {
        struct walk *w;
        struct seccomp_rule *rules;
        size_t n;
};

static void add_rule(struct maker *m, const struct file_rule *r, const char *name, const struct seccomp_condition *conditions,
                     size_t n) {
        if (m->n == SECCOMP_RULES_MAX) {
                diag_add(m->w->diags, DIAG_TOO_MANY, r->mark, "syscalls", "more than %d rules", SECCOMP_RULES_MAX);
                return;
        }
        m->rules[m->n++] = (struct seccomp_rule){ .name = name,
                                                  .action = actions[r->action],
                                                  .error = (unsigned)r->error,
                                                  .conditions = conditions,
                                                  .n_conditions = n };
}

static void add_name(struct maker *m, const struct file_rule *r, const char *name, const struct seccomp_condition *conditions) {
        if (!repeats_argument(r)) {
                add_rule(m, r, name, conditions, r->n_args);
                return;
        }
        for (size_t i = 0; i < r->n_args; i++)
                add_rule(m, r, name, &conditions[i], 1);
}

static void add_rules(struct maker *m, const struct file_rule *r) {
        struct seccomp_condition *conditions = walk_alloc(m->w, r->n_args, sizeof(*conditions));

        for (size_t i = 0; conditions && i < r->n_args; i++) {
                const struct file_arg *a = &r->args[i];
                bool masked = a->op == SECCOMP_IF_MASKED_EQ;

                conditions[i] = (struct seccomp_condition){ .arg = (unsigned)a->index,
                                                            .compare = a->op,
                                                            .value = masked ? a->value_two : a->value,
                                                            .mask = masked ? a->value : 0 };
        }
        if (r->n_args > 0 && !conditions)
                return;
        for (size_t i = 0; i < r->names.n; i++)
                add_name(m, r, r->names.items[i], conditions);
        if (r->name)
                add_name(m, r, r->name, conditions);
}

/* Docker writes null for what is not there, and comments everywhere. */
static void strip(struct node *n) {
        for (uint32_t i = n->n; i-- > 0;) {
                const struct node_entry *e = &n->entries[i];

                if (n->kind == NODE_MAPPING && (node_is_null(e->value) || strcmp(e->key->text, "comment") == 0))
                        node_remove(n, i);
                else
                        strip(e->value);
        }
}

static int read_nodes(const char *text, size_t len, struct arena *a, struct diag_list *diags, struct node **ret) {
        json_error_t error;
        json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
                                  &error); /* jansson's integers are signed */

        if (!json) {
                const uint32_t line = error.line > 0 ? (uint32_t)error.line : 1,
                               column = error.column > 0 ? (uint32_t)error.column : 1;

                diag_add(diags, DIAG_BAD_FORMAT, (struct mark){ line, column, line, column }, NULL, "not JSON: %s", error.text);
                return -EBADMSG;
        }
        json_decref(json);
        char *blank = arena_strndup(a, text, len);
        if (!blank)
                return -ENOMEM;
        for (size_t i = 0; i < len; i++) /* what is between JSON's values may be a tab, in our YAML not; within them neither */
                if (blank[i] == '\t')
                        blank[i] = ' ';
        return yaml_read(blank, len, a, diags, ret);
}

int seccomp_profile_read(const char *text, size_t len, const struct seccomp_machine *on, struct arena *a, struct diag_list *diags,
                         struct seccomp_profile *ret) {
        struct walk w = { .arena = a, .nodes = a, .diags = diags };
        struct maker m = { .w = &w };
        struct node *root;
        struct file f = { 0 };

        if (len > SECCOMP_FILE_MAX) {
                diag_add(diags, DIAG_TOO_LARGE, MARK_NULL, NULL, "longer than %d bytes", SECCOMP_FILE_MAX);
                return -EBADMSG;
        }
        int r = read_nodes(text, len, a, diags, &root);
        if (r < 0)
                return r;
        strip(root);
        schema_read(&w, &file_table, &(struct node_entry){ NULL, root }, &f);
        check_arches(&w, &f, root->mark);
        check_flags(&w, &f);
        m.rules = walk_alloc(&w, SECCOMP_RULES_MAX, sizeof(*m.rules));
        for (size_t i = 0; m.rules && i < f.n_rules; i++) {
                check_names(&w, &f.rules[i]);
                if (applies(&f.rules[i], on))
                        add_rules(&m, &f.rules[i]);
        }
        if (diags->failed)
                return -ENOMEM;
        if (diag_errors(diags) > 0)
                return -EBADMSG;
        *ret = (struct seccomp_profile){
                .action = actions[f.action], .error = (unsigned)f.error, .rules = m.rules, .n_rules = m.n
        };
        return 0;
}
