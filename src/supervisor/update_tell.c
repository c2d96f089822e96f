#include "update_tell.h"
#include "describe.h"
#include "gate.h"
#include "member.h"
#include "watch.h"
#include "why.h"

#include <ctrsup/state/trial.h>
#include <ctrsup/store/revisions.h>

#include <string.h>

enum { WORDS_SIZE = TARGET_SIZE + MESSAGE_SIZE + 128 };

const char *update_failed_words(const struct member *b, char *buf, size_t size) {
        const struct instance *i = &b->state;
        char words[NUM_TEXT_MAX], waits[MESSAGE_SIZE], target[TARGET_SIZE];

        (void)snprintf(buf, size, "%s: %s", member_target(b, target),
                       i->waiting && !gate_is_open(b, NULL, waits)                ? waits
                       : i->last_exit.reason == EXIT_NOT_STARTED && i->message[0] ? i->message
                       : i->phase == PHASE_UNHEALTHY                              ? "unhealthy"
                                                                                  : instance_end_words(i, words));
        return buf;
}

/* ---- ends that are kept */

void update_note_end(struct stack_entry *s, const struct member *b) {
        json_t *end = why_explain(b);
        char words[WORDS_SIZE];

        (void)json_object_set_new(end, "failed", describe_text(update_failed_words(b, words, sizeof(words))));
        if (!s->failed_ends)
                s->failed_ends = json_array();
        (void)json_array_append_new(s->failed_ends, end);
}

void update_forget_ends(struct stack_entry *s) {
        json_decref(s->failed_ends);
        s->failed_ends = NULL;
}

void update_recall_ends(struct stack_entry *s, uint64_t revision, json_t *ends) {
        update_forget_ends(s);
        s->failed_ends = json_is_array(ends) ? json_incref(ends) : NULL;
        s->failed_revision = revision;
}

void update_add_gone(const struct stack_entry *s, const char *target, json_t *list) {
        json_t *end;
        size_t n;

        json_array_foreach (s->failed_ends, n, end) {
                const json_t *c = json_object_get(end, "container");
                const char *container = json_string_value(json_object_get(c, "container"));
                json_int_t replica = json_integer_value(json_object_get(c, "replica"));

                if (!container || replica < 1 || stack_find_member(s, container, (uint32_t)replica) ||
                    !target_names(target, s->name, container, (uint32_t)replica))
                        continue;
                _cleanup_(json_decrefp) json_t *told = json_deep_copy(end);
                json_t *gone = json_object_get(told, "container");
                static const char *const over[] = { "health", "next_attempt_at", "pid" };

                (void)json_object_set_new(gone, "state", json_string("gone"));
                for (size_t k = 0; k < ARRAY_SIZE(over); k++)
                        (void)json_object_set_new(gone, over[k], json_null());
                (void)json_array_append(list, told);
        }
}

bool update_has_gone(const struct manager *m, const char *target) {
        _cleanup_(json_decrefp) json_t *gone = json_array();

        for (size_t n = 0; n < m->n_stacks; n++)
                update_add_gone(m->stacks[n], target, gone);
        return json_array_size(gone) > 0;
}

/* ---- words */

/* Of the first that failed; "": not known. */
static const char *reason_of(const struct stack_entry *s) {
        const char *words = json_string_value(json_object_get(json_array_get(s->failed_ends, 0), "failed"));

        return words ? words : "";
}

/* What is waited for. */
static void put_step(const struct stack_entry *s, char *buf, size_t size) {
        struct manager *m = s->manager;
        uint64_t now = manager_now(m).mono_usec, until = USEC_INFINITY;
        char target[TARGET_SIZE], words[NUM_TEXT_MAX];

        buf[0] = '\0';
        for (size_t n = 0; n < s->n_members; n++) {
                const struct member *b = s->members[n];

                if (!b->on_trial || trial_of(&b->state, b->phase_since_usec, b->container->update_config.monitor_usec, now, &until) != TRIAL_GOES_ON)
                        continue;
                if (until == USEC_INFINITY)
                        (void)snprintf(buf, size, ": %s is to get ready", member_target(b, target));
                else
                        (void)snprintf(buf, size, ": %s is to stay ready for another %s", member_target(b, target),
                                       num_format_duration(words, (until - now + USEC_PER_SEC - 1) / USEC_PER_SEC * USEC_PER_SEC));
                return;
        }
}

/* "api.1: exited with status 3" in what is said of revision `failed`. */
static void say_failed(const struct stack_entry *s, char *buf, size_t size, const char *what) {
        const char *reason = reason_of(s);

        (void)snprintf(buf, size, "revision %ju failed%s%s; %s", (uintmax_t)s->failed_revision, reason[0] ? ": " : "", reason, what);
}

static json_t *make(const struct stack_entry *s, const char *state, uint64_t revision, const char *message, const char *hint) {
        uint64_t other = s->fallback ? s->fallback->revision : s->generation->revision;

        return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "stack", s->name, "state", state, "revision", (json_int_t)revision, "fallback",
                         other != revision ? json_integer((json_int_t)other) : json_null(), "reason", describe_text(reason_of(s)), "message",
                         describe_text(message), "hint", describe_text(hint));
}

json_t *update_tell(const struct stack_entry *s) {
        uint64_t now = s->generation ? s->generation->revision : 0;
        char message[WORDS_SIZE + 128], hint[2 * TARGET_SIZE + 128], what[96];
        bool keeps = s->manager->options->mode == MODE_SERVICE; /* revisions */

        if (now == 0)
                return json_null();
        (void)snprintf(hint, sizeof(hint), "correct the file and apply it%s%s", keeps ? ", or: ctrsup rollback " : "", keeps ? s->name : "");
        if (s->paused) {
                const char *reason = reason_of(s);

                (void)snprintf(message, sizeof(message), "the update to revision %ju is paused%s%s", (uintmax_t)now, reason[0] ? ": " : "", reason);
                return make(s, "paused", now, message, hint);
        }
        if (s->fallback) {
                char step[TARGET_SIZE + 64];

                put_step(s, step, sizeof(step));
                (void)snprintf(message, sizeof(message), "the update from revision %ju to revision %ju is under way%s", (uintmax_t)s->fallback->revision,
                               (uintmax_t)now, step);
                (void)snprintf(hint, sizeof(hint), "ctrsup rollback %s takes it back", s->name);
                return make(s, "under-way", now, message, keeps ? hint : NULL);
        }
        if (s->failed_revision == 0 || s->failed_revision == now)
                return json_null();
        (void)snprintf(what, sizeof(what), s->going_back ? "going back to revision %ju" : "revision %ju is running", (uintmax_t)now);
        say_failed(s, message, sizeof(message), what);
        return make(s, s->going_back ? "going-back" : "taken-back", s->failed_revision, message, s->going_back ? NULL : "correct the file and apply it");
}

static bool is_of_stack(const json_t *targets, const char *stack) {
        size_t n, len = strlen(stack);
        json_t *t;

        json_array_foreach ((json_t *)(uintptr_t)targets, n, t) {
                const char *target = json_string_value(t);

                if (target && strncmp(target, stack, len) == 0 && (target[len] == '\0' || target[len] == '/'))
                        return true;
        }
        return json_array_size(targets) == 0;
}

json_t *update_tell_all(struct manager *m, const json_t *targets) {
        json_t *all = json_array();

        for (size_t n = 0; n < m->n_stacks; n++) {
                json_t *told = is_of_stack(targets, m->stacks[n]->name) ? update_tell(m->stacks[n]) : NULL;

                if (json_is_object(told))
                        (void)json_array_append(all, told);
                json_decref(told);
        }
        return all;
}
