#include "log_pipes.h"
#include "fdstore.h"
#include "member.h"

#include <ctrsup/act/log.h>
#include <ctrsup/store/runs.h>

#include <string.h>

/* What is needed to add the pipes of a start that is over, also when its container is declared no more. */
struct left_pipes {
        struct left_pipes *next;
        struct act_instance host; /* its id, names and what log_ it has; nothing else is used */
        struct generation *generation;
        const struct spec_container *container;
        char stack[NAME_SIZE];
        bool told; /* the logger knows that nothing more will come */
};

static struct left_pipes *left_free(struct left_pipes *l) {
        struct left_pipes *next = l->next;

        act_instance_done(&l->host);
        generation_unref(l->generation);
        free(l);
        return next;
}

static struct left_pipes *left_new(struct member *b, const uint8_t id[KEEPER_ID_SIZE], enum act_log log) {
        struct manager *m = b->stack->manager;
        struct left_pipes *l = calloc(1, sizeof(*l));

        if (!l)
                return NULL;
        l->host = ACT_INSTANCE_NULL;
        act_set_id(&l->host, id);
        (void)snprintf(l->stack, sizeof(l->stack), "%s", b->state.stack);
        l->host.stack = l->stack;
        l->host.replica = b->host.replica;
        l->host.log = log;
        l->host.log_held = true;
        l->generation = generation_ref(b->generation);
        l->container = b->container;
        l->next = m->left_pipes;
        m->left_pipes = l;
        return l;
}

static void give_back(struct manager *m, struct act_instance *i) {
        act_log_release(&m->host, i);
        i->log_added = i->log_asked = false;
        fdstore_drop_logs(m, i->id_text);
}

static void each(struct manager *m, void (*fn)(struct manager *m, struct act_instance *i)) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        fn(m, &m->stacks[s]->members[n]->host);
        for (struct left_pipes *l = m->left_pipes; l; l = l->next)
                fn(m, &l->host);
}

static struct act_instance *find(struct manager *m, const char *id_text) {
        for (struct left_pipes *l = m->left_pipes; l; l = l->next)
                if (strcmp(l->host.id_text, id_text) == 0)
                        return &l->host;
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (strcmp(m->stacks[s]->members[n]->host.id_text, id_text) == 0)
                                return &m->stacks[s]->members[n]->host;
        return NULL;
}

static struct act_instance *find_stream(struct manager *m, uint64_t stream_id) {
        for (struct left_pipes *l = m->left_pipes; l; l = l->next)
                if (act_log_stream_id(&l->host) == stream_id)
                        return &l->host;
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (act_log_stream_id(&m->stacks[s]->members[n]->host) == stream_id)
                                return &m->stacks[s]->members[n]->host;
        return NULL;
}

/* --- to the logger --- */

static int ask_for_pipes(struct manager *m, const struct act_instance *i) {
        char name[KEEPER_NAME_MAX];
        int r = 0;

        for (int e = 0; e < 2 && r >= 0; e++) {
                act_log_name_held(name, i, e);
                r = keeper_client_take(m->host.keeper, name);
        }
        return r;
}

static bool is_here(const struct act_instance *i, bool is_err) {
        return i->log_fds[is_err] >= 0 || i->log_lost[is_err];
}

static bool hear(struct manager *m, struct act_instance *i, const struct spec_container *c) {
        if (i->log_lost[0] && i->log_lost[1])
                i->log_held = false;
        if (!i->log_held || i->log_added || m->host.logger < 0 || !m->host.keeper)
                return true;
        if (is_here(i, false) && is_here(i, true)) /* -EAGAIN: it is behind. One that is gone is heard to be; the next gets them */
                return act_log_add(&m->host, i, c, i->log_fds[0], i->log_fds[1], NULL) != -EAGAIN;
        if (!i->log_asked)
                i->log_asked = ask_for_pipes(m, i) >= 0;
        return i->log_asked;
}

/* Nothing is left to write: what somebody else made of the write ends does not keep them for ever. */
static bool hear_left(struct manager *m, struct left_pipes *l) {
        if (!hear(m, &l->host, l->container))
                return false;
        if (!l->host.log_added || l->told || m->host.logger < 0)
                return true;
        int r = act_log_end(&m->host, &l->host, NULL);
        l->told = r >= 0;
        return r != -EAGAIN;
}

bool log_pipes_hear(struct manager *m) {
        bool all = true;

        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        all = hear(m, &m->stacks[s]->members[n]->host, m->stacks[s]->members[n]->container) && all;
        for (struct left_pipes **at = &m->left_pipes; *at;) {
                if (!(*at)->host.log_held) { /* all was read, or nobody has them any more */
                        *at = left_free(*at);
                        continue;
                }
                all = hear_left(m, *at) && all;
                at = &(*at)->next;
        }
        return all;
}

static void forget_logger(struct manager *m, struct act_instance *i) {
        (void)m;
        i->log_added = i->log_asked = false;
}

void log_pipes_forget_logger(struct manager *m) {
        each(m, forget_logger);
        for (struct left_pipes *l = m->left_pipes; l; l = l->next)
                l->told = false;
}

void log_pipes_ended(struct manager *m, uint64_t stream_id) {
        struct act_instance *i = find_stream(m, stream_id);

        if (!i)
                return;
        give_back(m, i);
        manager_poke(m);
}

void log_pipes_refused(struct manager *m, uint64_t stream_id) {
        struct act_instance *i = find_stream(m, stream_id);

        if (i)
                i->log_added = false;
}

/* --- starts that are over --- */

void log_pipes_leave(struct member *b) {
        struct act_instance *i = &b->host;
        struct left_pipes *l = i->log_held ? left_new(b, i->id, i->log) : NULL;

        if (!l) { /* all was read; or out of memory, and a logger that has them reads on */
                give_back(b->stack->manager, i);
                return;
        }
        for (int e = 0; e < 2; e++) {
                l->host.log_fds[e] = take_fd(&i->log_fds[e]);
                l->host.log_lost[e] = i->log_lost[e];
        }
        l->host.log_added = i->log_added;
        l->host.log_asked = i->log_asked;
        i->log_held = i->log_added = i->log_asked = false;
}

struct act_instance *log_pipes_recall(struct member *b) {
        struct manager *m = b->stack->manager;
        struct left_pipes *l = left_new(b, b->run->instance.id, (enum act_log)b->run->log);

        if (!l)
                return NULL;
        l->host.log_fds[0] = fdstore_take(m, "out", l->host.id_text);
        l->host.log_fds[1] = fdstore_take(m, "err", l->host.id_text);
        return &l->host;
}

void log_pipes_done(struct manager *m) {
        while (m->left_pipes)
                m->left_pipes = left_free(m->left_pipes);
}

/* --- at the keeper --- */

static void hold(struct manager *m, struct act_instance *i) {
        if (i->log_held)
                (void)act_log_hold(&m->host, i);
}

void log_pipes_hold_again(struct manager *m) {
        each(m, hold);
}

static void hold_anew(struct manager *m, struct act_instance *i) {
        i->log_asked = false;
        hold(m, i);
}

void log_pipes_keeper_is_new(struct manager *m) {
        each(m, hold_anew);
}

void log_pipes_listed(struct manager *m, const char *name) {
        char id_text[ACT_ID_TEXT_SIZE];
        bool is_err;

        if (act_log_parse_held(name, id_text, &is_err) >= 0 && !find(m, id_text))
                (void)keeper_client_release(m->host.keeper, name);
}

void log_pipes_taken(struct manager *m, const char *name, struct keeper_event *e) {
        char id_text[ACT_ID_TEXT_SIZE];
        bool is_err;

        if (act_log_parse_held(name, id_text, &is_err) < 0)
                return;
        struct act_instance *i = find(m, id_text);
        if (!i || !i->log_held || i->log_added)
                return;
        if (e->message.error == ENOENT)
                i->log_lost[is_err] = i->log_fds[is_err] < 0;
        else if (e->fd < 0)
                i->log_asked = false;
        else {
                close_fd(i->log_fds[is_err]);
                i->log_fds[is_err] = take_fd(&e->fd); /* the pump gives both to the logger */
        }
}
