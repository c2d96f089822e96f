#include "unreadable.h"
#include "stacks.h"

#include <ctrsup/spec/spec.h>
#include <ctrsup/store/removals.h>
#include <ctrsup/store/runs.h>
#include <ctrsup/store/uids.h>
#include <ctrsup/store/uppers.h>

#include <string.h>

void unreadable_add(struct manager *m, const char *name, const struct err *why) {
        bool is_name = name_is_label(name);
        struct stack_entry *s = is_name && !manager_find_stack(m, name) ? stack_new(m, name) : NULL;
        char words[ERR_TEXT_MAX + 300];
        struct report_event e = { .kind = REPORT_NOTICE,
                                  .priority = 3,
                                  .error = why->code,
                                  .stack = is_name ? name : NULL,
                                  .message = words,
                                  .hint = why->hint[0] ? why->hint : NULL };

        if (is_name)
                (void)snprintf(words, sizeof(words), "unreadable: %s; what runs of it is left alone", why->text);
        else
                (void)snprintf(words, sizeof(words), "stacks/%.255s is no stack's folder and left alone", name);
        if (s) {
                (void)snprintf(s->unreadable, sizeof(s->unreadable), "%s", why->text);
                (void)snprintf(s->cure, sizeof(s->cure), "%s", why->hint);
                if (!why->hint[0])
                        (void)snprintf(s->cure, sizeof(s->cure), "ctrsup remove %s ends and forgets it", name);
        }
        manager_report(m, &e);
}

int unreadable_refuse(const struct stack_entry *s, struct err *err) {
        if (!s || !s->unreadable[0])
                return 0;
        (void)err_set(err, EUCLEAN, "%s%s", strncmp(s->unreadable, "stack ", 6) == 0 ? "" : "unreadable: ", s->unreadable);
        return err_hint(err, "%s", s->cure);
}

int unreadable_remove(struct manager *m, struct stack_entry *s, bool volumes, struct err *err) {
        if (s->leaving)
                return 0;
        if (volumes) {
                (void)err_set(err, EUCLEAN, "the stack's record cannot be read, so which volumes are its own is not known");
                return err_hint(err, "remove it without --volumes");
        }
        int r = removals_begin(m->host.state_fd, s->name, false, err);
        if (r < 0 && r != -ENOENT) {
                degraded_refused(m, PLACE_STATE, -r);
                return err_wrap(err, "forget the stack; nothing was changed");
        }
        s->leaving = true;
        manager_poke(m);
        return 0;
}

void unreadable_add_leaving(struct manager *m, const char *name, const struct err *why) {
        struct stack_entry *s = name_is_label(name) && !manager_find_stack(m, name) ? stack_new(m, name) : NULL;

        if (!s)
                return; /* out of memory: the next start tries again */
        (void)snprintf(s->unreadable, sizeof(s->unreadable), "%s", why->text);
        (void)snprintf(s->cure, sizeof(s->cure), "it is being removed");
        s->leaving = true;
}

struct ending {
        struct manager *m;
        const char *stack;
        bool busy;
};

static int end_leaf(void *userdata, const char *group, uint64_t generation, bool populated) {
        struct ending *e = userdata;
        size_t len = strlen(e->stack);

        if (strncmp(group, e->stack, len) != 0 || group[len] != '/')
                return 0;
        if (populated)
                (void)cgroup_kill(e->m->host.cgroups, group, generation, NULL);
        if (cgroup_remove_leaf(e->m->host.cgroups, group, generation, NULL) < 0 ||
            cgroup_remove(e->m->host.cgroups, group, NULL) < 0)
                e->busy = true;
        return 0;
}

bool unreadable_end(struct stack_entry *s) {
        struct ending ending = { .m = s->manager, .stack = s->name };

        return cgroup_each_leaf(s->manager->host.cgroups, end_leaf, &ending, NULL) >= 0 && !ending.busy;
}

/* Ids go after the layers that bear them; the record of the removal goes last. */
static int remove_traces(struct stack_entry *s, struct err *err) {
        struct manager *m = s->manager;

        int r = uppers_remove_stack(m->host.state_fd, s->name, err);
        if (r >= 0 && !m->host.borrow_ids)
                r = uids_release(m->host.uids_fd, s->name, NULL, err);
        if (r >= 0)
                r = runs_remove_stack(m->runtime_fd, s->name, err);
        if (r >= 0)
                r = removals_end(m->host.state_fd, s->name, err);
        return r;
}

bool unreadable_is_gone(struct stack_entry *s) {
        struct err err = { 0 };

        if (s->manager->adopting || s->traces_stay || !unreadable_end(s))
                return false;
        int r = remove_traces(s, &err);
        s->traces_stay = r < 0; /* until the next reconcile */
        if (r < 0 && s->traces_told)
                return false;
        struct report_event event = { .kind = r < 0 ? REPORT_NOTICE : REPORT_STACK_REMOVED,
                                      .stack = s->name,
                                      .priority = 4,
                                      .error = r < 0 ? -r : 0,
                                      .message = r < 0 ? err.text : NULL };
        s->traces_told = true;
        manager_report(s->manager, &event);
        return r >= 0;
}

bool unreadable_has(struct manager *m, const char *group) {
        size_t len = strcspn(group, "/");

        for (size_t n = 0; n < m->n_stacks; n++) {
                const struct stack_entry *s = m->stacks[n];

                bool left_alone = s->unreadable[0] ? !s->leaving : s->keeps_unknown && s->generation;
                if (left_alone && strlen(s->name) == len && strncmp(s->name, group, len) == 0)
                        return true;
        }
        return false;
}

/* Words may have been cut within a character. */
static json_t *words_json(const char *words) {
        json_t *j = json_string(words);

        return j ? j : json_string("(words that are not UTF-8)");
}

json_t *unreadable_describe(const struct manager *m) {
        json_t *list = json_array();

        for (size_t n = 0; n < m->n_stacks; n++)
                if (m->stacks[n]->unreadable[0])
                        (void)json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "stack", m->stacks[n]->name, "reason",
                                                                    words_json(m->stacks[n]->unreadable), "hint",
                                                                    words_json(m->stacks[n]->cure)));
        return list;
}
