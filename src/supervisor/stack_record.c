#include "stack_record.h"
#include "stack_plan.h"

#include <ctrsup/store/revisions.h>

#include <string.h>

/* `current` as it is to be. anew: also when it says so already, which it may do without being on disk. */
static int write_current(struct stack_entry *s, bool anew, struct err *err) {
        int state_fd = s->manager->host.state_fd;
        _cleanup_free_ char(*names)[TARGET_SIZE] = calloc(s->n_members + 1, sizeof(*names));
        _cleanup_free_ const char **list = calloc(s->n_members + 1, sizeof(*list));
        size_t count = 0;

        if (!names || !list)
                return err_oom(err);
        for (size_t n = 0; n < s->n_members; n++)
                if (stack_keeps_stopped(s->members[n])) {
                        (void)snprintf(names[count], sizeof(names[count]), "%s.%u", s->members[n]->state.container,
                                       s->members[n]->state.replica);
                        list[count] = names[count];
                        count++;
                }
        struct revision_current current = { .number = s->generation->revision,
                                            .fallback = s->fallback ? s->fallback->revision : 0,
                                            .paused = s->paused,
                                            .stopped = list,
                                            .n_stopped = count };
        if (!anew && revisions_is_current(state_fd, s->name, &current))
                return 0;
        return revisions_set_current(state_fd, s->name, &current, err);
}

/* The disk is to say what memory says. */
static int pay_record(struct manager *m, const char *name, struct err *err) {
        struct stack_entry *s = manager_find_stack(m, name);

        return s && s->generation ? write_current(s, true, err) : revisions_forget(m->host.state_fd, name, err);
}

void stack_record_refused(struct manager *m, const char *name, int code) {
        const struct stack_entry *s = manager_find_stack(m, name);

        if (s && s->generation)
                degraded_owe(m, PLACE_STATE, pay_record, name, code);
        else if (revisions_forget(m->host.state_fd, name, NULL) < 0) /* takes no room */
                degraded_owe(m, PLACE_STATE, pay_record, name, code);
        else
                degraded_refused(m, PLACE_STATE, code);
}

void stack_save_current(struct stack_entry *s) {
        struct manager *m = s->manager;

        if (m->options->mode != MODE_SERVICE || !s->generation)
                return;
        int r = write_current(s, degraded_owes(m, pay_record, s->name), NULL);
        if (r < 0)
                degraded_owe(m, PLACE_STATE, pay_record, s->name, -r);
        else
                degraded_paid(m, pay_record, s->name);
}

/* Whoever runs from it is compared with what is wanted, or taken down by it, when a supervisor takes over. */
static bool is_run_from(void *userdata, uint64_t number) {
        const struct stack_entry *s = userdata;

        if (s && s->fallback && s->fallback->revision == number)
                return true;
        for (size_t n = 0; s && n < s->n_members; n++)
                if (s->members[n]->state.revision == number || s->members[n]->saved_revision == number)
                        return true;
        return false;
}

int stack_record(struct manager *m, const struct generation *g, const struct generation *fallback, uid_t uid, struct err *err) {
        const char *name = g->spec->name;

        if (m->options->mode != MODE_SERVICE)
                return 0; /* a foreground stack does not come back after a reboot */
        struct revision r = {
                .number = g->revision,
                .applied_real_usec = manager_now(m).real_usec,
                .uid = uid,
                .document = g->document,
                .fallback = fallback ? fallback->revision : 0,
        };
        int e = revisions_add(m->host.state_fd, name, &r, err);
        if (e < 0) {
                stack_record_refused(m, name, -e);
                return err_wrap(err, "record the stack; nothing was changed");
        }
        revisions_drop(m->host.state_fd, name, m->settings->reconcile.history, is_run_from, manager_find_stack(m, name));
        degraded_paid(m, pay_record, name);
        return 0;
}
