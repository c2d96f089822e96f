#include "adopt_member.h"
#include "fdstore.h"
#include "keeper_link.h"
#include "log_pipes.h"
#include "logger_link.h"
#include "member.h"
#include "notify_socket.h"
#include "restore.h"
#include "stacks.h"
#include "unreadable.h"

#include <ctrsup/act/log.h>
#include <ctrsup/act/notify.h>

#include <string.h>

enum { RETRIES_MAX = 100 };

static struct adoption *adoption_free(struct adoption *a) {
        if (!a)
                return NULL;
        for (size_t n = 0; n < a->n_entries; n++)
                keeper_event_done(&a->entries[n].event);
        for (size_t n = 0; n < a->n_held; n++)
                close_fd(a->held[n].fd);
        free(a->entries);
        free(a->leaves);
        free(a->held);
        free(a->logs);
        free(a);
        return NULL;
}

void adopt_done(struct manager *m) {
        m->adoption = adoption_free(m->adoption);
}

int adopt_begin(struct manager *m, struct err *err) {
        m->adopting = true;
        m->adoption = adoption_free(m->adoption);
        m->adoption = calloc(1, sizeof(*m->adoption));
        if (!m->adoption)
                return err_oom(err);
        int r = keeper_client_list(m->host.keeper);
        return r < 0 ? err_sys(err, -r, "ask the keeper what runs") : 0;
}

/* --- what is found --- */

void adopt_entry(struct manager *m, struct keeper_event *e) {
        struct adoption *a = m->adoption;
        struct found_entry *grown = a ? reallocarray(a->entries, a->n_entries + 1, sizeof(*grown)) : NULL;

        if (!grown) {
                if (a)
                        a->out_of_memory = true;
                return;
        }
        a->entries = grown;
        a->entries[a->n_entries++] = (struct found_entry){ .event = *e };
        e->fd = -EBADF;
}

void adopt_news(struct manager *m, struct keeper_event *e) {
        struct adoption *a = m->adoption;

        for (size_t n = 0; a && n < a->n_entries; n++) {
                struct keeper_event *known = &a->entries[n].event;

                if (memcmp(known->message.id, e->message.id, KEEPER_ID_SIZE) != 0)
                        continue;
                known->message = e->message;
                if (e->fd >= 0) {
                        close_fd(known->fd);
                        known->fd = take_fd(&e->fd);
                }
                return;
        }
}

/* What adoption itself needs of what the keeper holds. */
static bool is_taken(const char *name) {
        char id_text[ACT_ID_TEXT_SIZE];

        return strncmp(name, "pid.", 4) == 0 || act_notify_parse_held(name, id_text) >= 0;
}

void adopt_held(struct manager *m, const char *name) {
        struct adoption *a = m->adoption;

        if (a && strncmp(name, "log.", 4) == 0) {
                struct held_fd *grown = reallocarray(a->logs, a->n_logs + 1, sizeof(*grown));

                if (grown) {
                        a->logs = grown;
                        (void)snprintf(a->logs[a->n_logs++].name, sizeof(a->logs->name), "%s", name);
                } else
                        a->out_of_memory = true;
        }
        if (strcmp(name, LOGGER_HELD_NAME) == 0)
                logger_link_listed(m);
        if (a && is_taken(name) && keeper_client_take(m->host.keeper, name) >= 0)
                m->adoption->awaited++;
}

static int add_leaf(void *userdata, const char *group, uint64_t generation, bool populated) {
        struct adoption *a = userdata;
        struct found_leaf *grown = reallocarray(a->leaves, a->n_leaves + 1, sizeof(*grown));

        if (!grown) {
                a->out_of_memory = true;
                return -ENOMEM;
        }
        a->leaves = grown;
        struct found_leaf *l = &a->leaves[a->n_leaves++];
        *l = (struct found_leaf){ .generation = generation, .populated = populated };
        (void)snprintf(l->group, sizeof(l->group), "%s", group);
        return 0;
}

/* --- what is left over --- */

static void end_strangers(struct manager *m) {
        for (size_t n = 0; n < m->adoption->n_entries; n++) {
                struct found_entry *f = &m->adoption->entries[n];

                if (!f->claimed && !unreadable_has(m, f->event.message.label))
                        keeper_link_end_stranger(m, &f->event);
        }
}

static bool has_member(const struct manager *m, const char *group) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        if (strcmp(m->stacks[s]->members[n]->host.group, group) == 0)
                                return true;
        return false;
}

/* With its group, when that is nobody's either. False: it is not gone yet. */
static bool remove_leaf(struct manager *m, const struct found_leaf *l) {
        if (cgroup_remove_leaf(m->host.cgroups, l->group, l->generation, NULL) < 0)
                return false;
        if (!has_member(m, l->group))
                (void)cgroup_remove(m->host.cgroups, l->group,
                                    NULL); /* busy: another leaf of it is still there, and takes it along */
        return true;
}

static void sweep_leaves(struct manager *m) {
        for (size_t n = 0; n < m->adoption->n_leaves; n++) {
                const struct found_leaf *l = &m->adoption->leaves[n];

                if (l->claimed || unreadable_has(m, l->group))
                        continue;
                if (l->populated) {
                        char words[ACT_GROUP_MAX + 96];
                        struct report_event e = { .kind = REPORT_NOTICE, .priority = 4, .message = words };

                        (void)snprintf(words, sizeof(words), "%s runs and is not declared by any stack: it is ended", l->group);
                        manager_report(m, &e);
                        (void)cgroup_kill(m->host.cgroups, l->group, l->generation, NULL);
                }
                m->leaves_stay = !remove_leaf(m, l) || m->leaves_stay;
        }
}

static bool is_a_members(const struct manager *m, const struct found_leaf *l) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        const struct act_instance *i = &m->stacks[s]->members[n]->host;

                        if (i->leafed && i->leaf == l->generation && strcmp(i->group, l->group) == 0)
                                return true;
                }
        return false;
}

void adopt_tend(struct manager *m) {
        struct adoption found = { 0 };

        if (!m->leaves_stay || m->adopting)
                return;
        bool all = cgroup_each_leaf(m->host.cgroups, add_leaf, &found, NULL) >= 0;
        for (size_t n = 0; n < found.n_leaves; n++) {
                const struct found_leaf *l = &found.leaves[n];

                if (is_a_members(m, l) || unreadable_has(m, l->group))
                        continue;
                if (l->populated) /* once more: a kill that was refused, or a task that came in after it */
                        (void)cgroup_kill(m->host.cgroups, l->group, l->generation, NULL);
                all = remove_leaf(m, l) && all;
        }
        free(found.leaves);
        m->leaves_stay = !all;
}

static bool is_listed(const struct adoption *a, const struct act_instance *i, bool is_err) {
        char name[KEEPER_NAME_MAX];

        act_log_name_held(name, i, is_err);
        for (size_t n = 0; n < a->n_logs; n++)
                if (strcmp(a->logs[n].name, name) == 0)
                        return true;
        return false;
}

/* Pipes of starts that were over: of those on record nothing is to be lost; of others nobody knows whose they were. And those that the
 * store has and the keeper, a new one, has not. */
static void settle_logs(struct manager *m) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        struct member *b = m->stacks[s]->members[n];
                        struct act_instance *i = b->run && !b->host.id_text[0] ? log_pipes_recall(b) : &b->host;
                        bool hold = false;

                        for (int e = 0; i && i->log_held && e < 2; e++) {
                                bool listed = is_listed(m->adoption, i, e);

                                i->log_lost[e] = !listed && i->log_fds[e] < 0;
                                hold = hold || (!listed && i->log_fds[e] >= 0);
                        }
                        if (hold)
                                (void)act_log_hold(&m->host, i);
                }
        for (size_t k = 0; k < m->adoption->n_logs; k++)
                log_pipes_listed(m, m->adoption->logs[k].name);
}

/* Notify sockets of starts that are nobody's; of what cannot be read it is not known whose they are. */
static void settle_notify(struct manager *m) {
        char id_text[ACT_ID_TEXT_SIZE];

        for (size_t s = 0; s < m->n_stacks; s++)
                if (m->stacks[s]->unreadable[0] || m->stacks[s]->keeps_unknown)
                        return;
        for (size_t n = 0; n < m->adoption->n_held; n++) {
                const struct held_fd *h = &m->adoption->held[n];

                if (h->fd >= 0 && act_notify_parse_held(h->name, id_text) >= 0)
                        (void)keeper_client_release(m->host.keeper, h->name);
        }
        notify_socket_sweep(m);
}

static void forget_records(struct manager *m) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        free(m->stacks[s]->members[n]->run);
                        m->stacks[s]->members[n]->run = NULL;
                }
}

static int adopt_members(struct manager *m, struct err *err) {
        for (size_t s = 0; s < m->n_stacks; s++)
                for (size_t n = 0; n < m->stacks[s]->n_members; n++) {
                        int r = adopt_member(m, m->stacks[s]->members[n]);

                        if (r < 0)
                                return err_sys(err, -r, "look at %s/%s", m->stacks[s]->name,
                                               m->stacks[s]->members[n]->state.container);
                }
        return 0;
}

/* Half a picture is none: what runs would be taken for ended, or for nobody's. The next supervisor tries again, and nothing waits so
 * long as that. */
static void give_up(struct manager *m, const struct err *err) {
        char words[ERR_TEXT_MAX + 64];
        struct report_event e = { .kind = REPORT_NOTICE,
                                  .priority = 3,
                                  .error = err->code,
                                  .message = words,
                                  .hint = err->hint[0] ? err->hint : NULL };

        (void)snprintf(words, sizeof(words), "what runs cannot be taken over now: %s", err->text);
        manager_report(m, &e);
        m->exit_code = EXIT_FAILURE;
        m->over = true;
}

/* The picture is whole: what is wanted and does not run may start now. */
static void finish(struct manager *m) {
        struct err err = { 0 };

        int r = m->adoption->out_of_memory ? err_oom(&err) : cgroup_each_leaf(m->host.cgroups, add_leaf, m->adoption, &err);
        if (r >= 0) {
                m->recalling = false;
                r = adopt_members(m, &err);
        }
        if (r < 0) {
                give_up(m, &err);
                return;
        }
        end_strangers(m);
        sweep_leaves(m);
        settle_logs(m);
        settle_notify(m);
        m->adopting = false;
        m->adoption = adoption_free(m->adoption);
        if (m->host.logger < 0 && !m->logger_listed && logger_link_spawn(m, &err) < 0) {
                struct report_event e = { .kind = REPORT_NOTICE, .priority = 3, .message = err.text };

                manager_report(m, &e);
        }
        for (size_t s = 0; s < m->n_stacks; s++) {
                for (size_t n = 0; n < m->stacks[s]->n_members; n++)
                        member_settle(m->stacks[s]->members[n]);
                stack_sweep(m->stacks[s]);
                stack_resume(m->stacks[s]);
        }
        forget_records(m);
        fdstore_sweep(m);
        manager_adopted(m);
        manager_poke(m);
}

void adopt_list_end(struct manager *m) {
        if (!m->adoption)
                return;
        m->adoption->listed = true;
        if (m->adoption->awaited == 0)
                finish(m);
}

bool adopt_taken(struct manager *m, const char *name, struct keeper_event *e) {
        struct adoption *a = m->adoption;

        if (!a || !is_taken(name))
                return false;
        /* It is there, and did not get here: for want of a free file descriptor. What a pidfd would tell is found out otherwise. */
        if (e->fd < 0 && e->message.error == 0 && strncmp(name, "pid.", 4) != 0 && a->n_retries < RETRIES_MAX &&
            keeper_client_take(m->host.keeper, name) >= 0) {
                a->n_retries++;
                return true;
        }
        struct held_fd *grown = e->fd < 0 ? NULL : reallocarray(a->held, a->n_held + 1, sizeof(*grown));
        if (grown) {
                a->held = grown;
                struct held_fd *h = &a->held[a->n_held++];

                *h = (struct held_fd){ .fd = take_fd(&e->fd) };
                (void)snprintf(h->name, sizeof(h->name), "%s", name);
        }
        if (strncmp(name, "pid.", 4) == 0)
                (void)keeper_client_release(m->host.keeper, name); /* who is still an orphan is held anew */
        a->awaited--;
        if (a->listed && a->awaited == 0)
                finish(m);
        return true;
}
