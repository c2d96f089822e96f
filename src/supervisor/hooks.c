#include "hooks.h"
#include "inside.h"
#include "member.h"

#include <string.h>

enum { HOOK_KEY_SIZE = 32 };
#define TIMEOUT_USEC (30 * USEC_PER_SEC) /* of one that was declared and is no more */
enum { TRIES = 40 };                     /* of what is no fault of the hook; then it has failed */

struct member_hooks {
        struct inside *command;
        enum spec_hook_kind kind; /* of command */
        uint32_t at;
        uint64_t generation;
        bool wait;      /* begin it at the next try, not at once */
        unsigned tries; /* of this one */
};

/* NULL: it is declared no more. */
static const struct spec_hook *hook_of(const struct member *b, const struct instance *i) {
        const struct spec_hooks *hooks = &b->container->hooks[i->hook];

        return i->hooks_ended < hooks->n ? &hooks->items[i->hooks_ended] : NULL;
}

static const struct spec_hook *current(const struct member *b) {
        return hook_of(b, &b->state);
}

static const char *key_of(const struct member *b, char buf[HOOK_KEY_SIZE]) {
        (void)snprintf(buf, HOOK_KEY_SIZE, "%s[%u]", spec_hook_name(b->state.hook), b->state.hooks_ended);
        return buf;
}

/* "post_start[0] (/bin/warm)": no arguments, which are nobody's business but an administrator's. */
static const char *words_of(const struct member *b, char buf[HOOK_WORDS_SIZE]) {
        const struct spec_hook *hook = current(b);
        char key[HOOK_KEY_SIZE];

        if (hook)
                (void)snprintf(buf, HOOK_WORDS_SIZE, "%s (%.60s)", key_of(b, key), hook->command.items[0]);
        else
                (void)snprintf(buf, HOOK_WORDS_SIZE, "%s", key_of(b, key));
        return buf;
}

static void say(struct member *b, const char *words) {
        struct err err = { 0 };

        (void)err_set(&err, 0, "%s", words);
        member_say(b, &err);
}

/* ---- in a container of its own ---- */

bool hooks_are_contained(const struct member *b) {
        return b->state.hook == HOOK_PRE_START || b->state.hook == HOOK_POST_STOP;
}

/* As a shell would have it; nothing where nobody saw it. */
static const char *exit_code(const struct exit_info *e, char buf[16]) {
        buf[0] = '\0';
        if (e->reason == EXIT_EXITED || e->signal > 0)
                (void)snprintf(buf, 16, "%d", e->reason == EXIT_EXITED ? e->code : 128 + e->signal);
        return buf;
}

int hooks_launch(struct member *b, struct act_launch *l, struct mark *ret_mark, struct err *err) {
        const struct exit_info *e = &b->state.last_exit;
        char key[HOOK_KEY_SIZE], code[16];

        if (!hooks_are_contained(b))
                return act_launch(&b->stack->manager->host, &b->host, l, ret_mark, err);
        l->hook = current(b);
        if (!l->hook)
                return err_set(err, ENOENT, "it is declared no more");
        const struct spec_pairs *own = &l->hook->environment;
        _cleanup_free_ struct spec_pair *pairs = calloc(own->n + 2, sizeof(*pairs));
        if (!pairs)
                return err_oom(err);
        if (own->n > 0)
                memcpy(pairs, own->items, own->n * sizeof(*pairs));
        l->hook_key = key_of(b, key);
        l->environment = pairs;
        l->n_environment = own->n;
        if (b->state.hook == HOOK_POST_STOP) {
                pairs[l->n_environment++] = (struct spec_pair){ "CTRSUP_EXIT_CODE", exit_code(e, code) };
                pairs[l->n_environment++] = (struct spec_pair){ "CTRSUP_EXIT_REASON", exit_reason_name(e->reason) };
        }
        return act_launch(&b->stack->manager->host, &b->host, l, ret_mark, err);
}

/* A failed start, as if the keeper had said so. */
static void report_failed_start(struct member *b, const char *words) {
        struct report_event e = member_about(b, REPORT_CONTAINER_FAILED);
        char path[256], key[HOOK_KEY_SIZE];

        (void)snprintf(path, sizeof(path), "containers.%s.%s", b->container->name, key_of(b, key));
        struct mark mark = spec_mark(b->generation->spec, path);
        b->failed_step = spec_hook_name(HOOK_PRE_START);
        b->hint[0] = '\0';
        e.step = b->failed_step;
        e.message = words;
        if (mark.line > 0) {
                e.file = b->generation->spec->file;
                e.line = mark.line;
        }
        manager_report(b->stack->manager, &e);
}

static void hear_exit(struct member *b, struct event *e, char words[MESSAGE_SIZE]) {
        const struct spec_hook *hook = current(b);
        char name[HOOK_WORDS_SIZE], how[NUM_TEXT_MAX];

        if (exit_is_success(&e->exit) || (b->state.hook == HOOK_PRE_START && b->state.phase != PHASE_STARTING))
                return; /* it was to end */
        (void)snprintf(words, MESSAGE_SIZE, "%s: ", words_of(b, name));
        size_t len = strlen(words);
        if (b->state.killed && hook)
                (void)snprintf(words + len, MESSAGE_SIZE - len, "did not end within %s",
                               num_human_duration(how, hook->timeout_usec));
        else
                (void)snprintf(words + len, MESSAGE_SIZE - len, "%s", exit_info_words(&e->exit, how));
        e->message = words;
        if (b->state.hook == HOOK_PRE_START)
                report_failed_start(b, words);
        else
                say(b, words);
}

void hooks_hear(struct member *b, struct event *e, char words[MESSAGE_SIZE]) {
        const struct instance *about = e->kind == EVENT_ADOPTED && e->was ? e->was : &b->state;

        if (e->kind == EVENT_STARTED || e->kind == EVENT_ADOPTED) {
                const struct spec_hook *hook = hook_of(b, about);

                e->timeout_usec = hook ? hook->timeout_usec : TIMEOUT_USEC;
        } else if (e->kind == EVENT_EXITED && hooks_are_contained(b) && !instance_is_down(&b->state))
                hear_exit(b, e, words);
}

bool hooks_start_failed(struct member *b, struct err *err) {
        char words[HOOK_WORDS_SIZE];

        if (!hooks_are_contained(b))
                return true;
        (void)err_wrap(err, "%s", words_of(b, words));
        if (b->state.hook == HOOK_PRE_START)
                return true;
        member_say(b, err);
        return false;
}

/* ---- inside ---- */

static bool is_inside(const struct member *b) {
        return b->state.hook == HOOK_POST_START || b->state.hook == HOOK_PRE_STOP;
}

static void leave(struct member *b) {
        inside_leave(b->hooks->command);
        b->hooks->tries = 0;
        b->hooks->wait = false;
}

static void ended(struct member *b, bool good, const char *how) {
        char words[HOOK_WORDS_SIZE], text[MESSAGE_SIZE], told[MESSAGE_SIZE + 32];

        leave(b);
        (void)snprintf(text, sizeof(text), "%s: %.350s", words_of(b, words), how);
        (void)snprintf(told, sizeof(told), "%s%s", text, b->state.hook == HOOK_POST_START ? ": it is stopped" : "");
        if (!good)
                say(b, told);
        member_post(b, &(struct event){ .kind = EVENT_HOOKED, .failed = !good, .message = text });
}

static void on_outcome(const struct inside_outcome *o, void *userdata) {
        struct member *b = userdata;

        if (o->known || b->hooks->tries >= TRIES) {
                ended(b, o->good, o->how);
                return;
        }
        inside_leave(b->hooks->command);
        b->hooks->wait = true;
        manager_poke(b->stack->manager);
}

static int begin(struct member *b, const struct spec_hook *hook, struct err *err) {
        struct act_log_ends log = { -EBADF, -EBADF };
        int r = act_log_join(&b->host, b->container, &log, err);

        if (r == -EAGAIN && b->hooks->tries < TRIES)
                return r;
        if (r < 0 && r != -EAGAIN)
                return r;
        r = inside_begin(&(struct inside_command){ .member = b,
                                                   .kind = CGROUP_HOOK,
                                                   .argv = &hook->command,
                                                   .user = hook->user,
                                                   .working_dir = hook->working_dir,
                                                   .environment = &hook->environment,
                                                   .log = log.out >= 0 ? &log : NULL,
                                                   .timeout_usec = hook->timeout_usec,
                                                   .done = on_outcome,
                                                   .userdata = b },
                         &b->hooks->command, err);
        close_fd(log.out);
        close_fd(log.err);
        return r;
}

bool hooks_tend(struct member *b) {
        struct err err = { 0 };

        if (!is_inside(b) || (b->hooks && b->hooks->command) || b->stack->manager->adopting)
                return true;
        if (!b->hooks)
                b->hooks = calloc(1, sizeof(*b->hooks));
        if (!b->hooks)
                return false;
        const struct spec_hook *hook = current(b);
        if (!hook) {
                member_post(b, &(struct event){ .kind = EVENT_HOOKED });
                return true;
        }
        b->hooks->kind = b->state.hook;
        b->hooks->at = b->state.hooks_ended;
        b->hooks->generation = b->state.generation;
        if (b->hooks->wait) {
                b->hooks->wait = false;
                return false;
        }
        b->hooks->tries++;
        int r = begin(b, hook, &err);
        if (r < 0 && r != -EAGAIN)
                ended(b, false, err.text);
        return r != -EAGAIN;
}

void hooks_follow(struct member *b) {
        const struct member_hooks *h = b->hooks;

        if (h && (h->kind != b->state.hook || h->at != b->state.hooks_ended || h->generation != b->state.generation))
                leave(b);
}

void hooks_sweep(struct member *b) {
        const struct cgroup_probe last = { .kind = CGROUP_HOOK, .group = b->host.group, .generation = b->host.leaf };

        (void)cgroup_probe_end_all(b->stack->manager->host.cgroups, &last, NULL);
}

void hooks_free(struct member *b) {
        if (!b->hooks)
                return;
        leave(b);
        free(b->hooks);
        b->hooks = NULL;
}
