#include "policy.h"

#include <string.h>

static int check(const struct manager *m, const struct settings *settings, const struct stack_entry *s, struct diag_list *ret) {
        int r = diag_list_init(ret, s->generation->spec->file);

        return r < 0 ? r : settings_check_policy(settings, s->generation->spec, manager_count(m) - s->n_members, ret);
}

static bool has_path(const struct diag_list *list, const char *path) {
        for (size_t n = 0; list && n < list->n; n++)
                if (strcmp(list->items[n].path, path) == 0)
                        return true;
        return false;
}

static void tell(struct manager *m, const struct stack_entry *s, const char *file, const struct diag *d) {
        char words[ERR_TEXT_MAX];
        struct report_event e = { .kind = REPORT_POLICY_REFUSED,
                                  .stack = s->name,
                                  .message = words,
                                  .hint = d->hint,
                                  .file = file,
                                  .line = d->mark.line,
                                  .keys = d->path };

        (void)snprintf(words, sizeof(words), "%s:%u:%u: %s: %s; it runs on, and is refused when it is applied again", file, d->mark.line,
                       d->mark.column, d->path, d->message);
        manager_report(m, &e);
}

void policy_tell(struct manager *m, const struct settings *old) {
        bool too_many = false; /* it is about all stacks: said of the first */

        for (size_t n = 0; n < m->n_stacks; n++) {
                const struct stack_entry *s = m->stacks[n];
                struct diag_list now = { 0 }, before = { 0 };

                if (!s->generation)
                        continue;
                int r = check(m, m->settings, s, &now);
                if (r == -EACCES && (!old || check(m, old, s, &before) != -ENOMEM))
                        for (size_t k = 0; k < now.n; k++) {
                                bool all = strcmp(now.items[k].path, "containers") == 0;

                                if (!has_path(&before, now.items[k].path) && !(all && too_many))
                                        tell(m, s, s->generation->spec->file, &now.items[k]);
                                too_many = too_many || all;
                        }
                diag_list_done(&before);
                diag_list_done(&now);
        }
}
