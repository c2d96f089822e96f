#include "hooks.h"
#include "inside.h"
#include "member.h"

#include <string.h>

enum { TRIES = 40 }; /* of what is no fault of the hook; then it has failed */

struct member_hooks {
        struct inside *command;
        enum spec_hook_kind kind; /* of command */
        uint32_t at;
        uint64_t generation;
        bool wait;      /* begin it at the next try, not at once */
        unsigned tries; /* of this one */
};

/* NULL: it is declared no more. */
static const struct spec_hook *current(const struct member *b) {
        const struct spec_hooks *hooks = &b->container->hooks[b->state.hook];

        return b->state.hooks_ended < hooks->n ? &hooks->items[b->state.hooks_ended] : NULL;
}

/* "post_start[0] (./warm.sh)" */
static const char *words_of(const struct member *b, char buf[HOOK_WORDS_SIZE]) {
        const struct spec_hook *hook = current(b);

        (void)snprintf(buf, HOOK_WORDS_SIZE, "%s[%u]%s%.64s%s", spec_hook_name(b->state.hook), b->state.hooks_ended,
                       hook ? " (" : "", hook ? hook->command.items[0] : "", hook ? ")" : "");
        return buf;
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
        char words[HOOK_WORDS_SIZE], text[MESSAGE_SIZE];
        struct err err = { 0 };

        leave(b);
        (void)snprintf(text, sizeof(text), "%s: %.350s", words_of(b, words), how);
        (void)err_set(&err, 0, "%s%s", text, b->state.hook == HOOK_POST_START ? ": it is stopped" : "");
        if (!good)
                member_say(b, &err);
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
