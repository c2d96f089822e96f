/* The model: for each instance, what its user may expect after the calls that were answered; for each process, what is owed. */
#include "sim.h"

#include <supervisor/manager.h>
#include <supervisor/health.h>
#include <supervisor/member.h>
#include <supervisor/schedule.h>

#include <ctrsup/base/cleanup.h>
#include <ctrsup/calendar/calendar.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

const char *const model_stacks[MODEL_STACKS] = { "s0", "s1", "s2", "s3" };
const char *const model_containers[MODEL_CONTAINERS] = { "c0", "c1", "c2", "j0", "j1" };

enum { DOCUMENTS_MAX = 64, REPLICAS = 8 /* more than there ever are, an update's extra ones among them */ };
#define LATE_USEC USEC_PER_SEC

static struct {
        struct expected_stack {
                json_t *documents[DOCUMENTS_MAX]; /* one of them is declared */
                size_t n_documents;
                bool frail; /* what was said last is not on the disk */
                struct expected {
                        unsigned may; /* enum wish */
                        struct restart {
                                bool scheduled;
                                uint64_t due_usec;
                        } restarts[REPLICAS]; /* of instance n + 1 */
                        struct timed {
                                json_t *schedule;       /* NULL: none, or it is not sure which */
                                struct calendar calendar;
                                bool queues;
                                bool in_force;          /* as its last run was decided: else it went by an earlier declaration */
                                unsigned excused;       /* runs that somebody asked for, or that the policy tries again */
                                uint64_t delay_usec;    /* so much later it runs */
                                uint64_t taken_usec;    /* by the wall clock: up to here its times were run or left out */
                                uint64_t decided_usec;  /* when its last run was decided */
                                bool due;               /* it was, and nothing has been launched for it yet */
                        } timed;
                } containers[MODEL_CONTAINERS];
        } stacks[MODEL_STACKS];
        uint64_t smooth_since_usec; /* nothing has kept the supervisor from its work since */
} model;

void model_init(void) {
        for (size_t s = 0; s < MODEL_STACKS; s++)
                for (size_t n = 0; n < MODEL_CONTAINERS; n++)
                        model.stacks[s].containers[n].may = WISH_GONE;
}

bool model_disk_fails(void) {
        return world.disk_full || world.disk_broken;
}

static struct expected_stack *find_stack(const char *name) {
        for (size_t s = 0; s < MODEL_STACKS; s++)
                if (strcmp(model_stacks[s], name) == 0)
                        return &model.stacks[s];
        return NULL;
}

static struct expected *find(const char *stack, const char *container) {
        struct expected_stack *s = find_stack(stack);

        for (size_t n = 0; s && n < MODEL_CONTAINERS; n++)
                if (strcmp(model_containers[n], container) == 0)
                        return &s->containers[n];
        return NULL;
}

static struct expected *find_label(const char *label) {
        char stack[64], container[64];

        return sscanf(label, "%63[^/]/%63[^.].", stack, container) == 2 ? find(stack, container) : NULL;
}

static struct restart *restart_of(struct expected *e, uint32_t replica) {
        if (replica < 1 || replica > REPLICAS)
                violation("instance %u of a container", replica);
        return &e->restarts[replica - 1];
}

static void forget_restarts(struct expected *e) {
        for (size_t n = 0; n < REPLICAS; n++)
                e->restarts[n].scheduled = false;
}

/* --- what was said --- */

/* What it does already goes on, between two attempts, too. */
static void declare_schedule(const char *stack, size_t which, json_t *schedule, bool sure) {
        struct expected *e = &find_stack(stack)->containers[which];
        struct timed *t = &e->timed;
        struct spec_schedule delay = { 0 };

        if (sure && json_equal(t->schedule, schedule))
                return;
        const struct timed was = *t;
        bool same = json_equal(json_object_get(was.schedule, "on_calendar"), json_object_get(schedule, "on_calendar"));
        *t = (struct timed){ .schedule = sure ? json_incref(schedule) : NULL,
                             .taken_usec = same ? was.taken_usec : world_real_usec(),
                             .decided_usec = was.decided_usec,
                             .excused = e->may != WISH_GONE ? 2 : 0 }; /* the earlier one may be in force for a while */
        json_decref(was.schedule);
        if (!t->schedule)
                return;
        if (calendar_parse(json_string_value(json_object_get(schedule, "on_calendar")), &t->calendar, NULL, NULL) < 0)
                violation("a good expression cannot be read");
        (void)num_parse_duration(json_string_value(json_object_get(schedule, "randomized_delay")), &delay.randomized_delay_usec);
        t->delay_usec = schedule_delay(&delay, SIM_MACHINE_ID, stack, model_containers[which]);
        t->queues = strcmp(json_string_value(json_object_get(schedule, "overlap")), "queue") == 0 || (same && was.queues);
}

static void excuse(struct expected *e) {
        e->timed.excused = e->timed.excused > 1 ? e->timed.excused : 1;
        e->timed.due = false;
}

void model_excuse_all(void) {
        for (size_t s = 0; s < MODEL_STACKS; s++)
                for (size_t n = 0; n < MODEL_CONTAINERS; n++)
                        excuse(&model.stacks[s].containers[n]);
}

/* Far back: what was taken then was no time at all; a run that was decided then may begin yet. */
void model_clock_jumped(void) {
        for (size_t s = 0; s < MODEL_STACKS; s++)
                for (size_t n = 0; n < MODEL_CONTAINERS; n++) {
                        struct timed *t = &model.stacks[s].containers[n].timed;

                        if (t->due || t->queues || t->taken_usec > world_real_usec())
                                t->excused = t->queues ? 4 : 2; /* attempts, what was queued before; a launch that is out, and what replaces it */
                        if (t->taken_usec > world_real_usec())
                                t->taken_usec = world_real_usec();
                }
}

static void wish(struct expected *e, unsigned wishes, bool sure) {
        e->may = sure ? wishes : e->may | wishes;
        forget_restarts(e);
}

/* Of one with no instance nothing is to be there. */
static bool is_declared(const json_t *container) {
        const json_t *replicas = json_object_get(container, "replicas");

        return container && (!replicas || json_integer_value(replicas) > 0);
}

void model_applied(const json_t *document, bool sure) {
        const json_t *stack = json_object_get(document, "stack"), *containers = json_object_get(stack, "containers");
        struct expected_stack *s = find_stack(json_string_value(json_object_get(stack, "name")));

        if (sure) {
                while (s->n_documents > 0)
                        json_decref(s->documents[--s->n_documents]);
                s->frail = model_disk_fails();
        }
        if (s->n_documents == DOCUMENTS_MAX)
                violation("no document was ever accepted for sure");
        s->documents[s->n_documents++] = json_deep_copy(stack);
        for (size_t n = 0; n < MODEL_CONTAINERS; n++) {
                json_t *container = json_object_get(containers, model_containers[n]);
                bool declared = is_declared(container);
                /* What was stopped, and left the file, is started if that is taken back. */
                bool back = !sure && !declared && (s->containers[n].may & WISH_STOPPED);

                declare_schedule(json_string_value(json_object_get(stack, "name")), n, json_object_get(container, "schedule"), sure);
                wish(&s->containers[n], declared ? WISH_RUN : back ? WISH_GONE | WISH_RUN : WISH_GONE, sure);
        }
}

void model_wished(const char *target, enum wish w, bool sure) {
        const char *slash = strchr(target, '/');
        char name[64];

        (void)snprintf(name, sizeof(name), "%.*s", slash ? (int)(slash - target) : 64, target);
        struct expected_stack *s = find_stack(name);
        for (size_t n = 0; n < MODEL_CONTAINERS; n++) {
                struct expected *e = &s->containers[n];

                if ((slash && strcmp(slash + 1, model_containers[n]) != 0) || e->may == WISH_GONE)
                        continue;
                wish(e, w | (e->may & WISH_GONE), sure && !(e->may & WISH_GONE)); /* one that is not declared now may come back */
                if (w == WISH_RUN)
                        excuse(e);
        }
        if (sure)
                s->frail = model_disk_fails();
}

void model_removed(const char *stack, bool sure) {
        struct expected_stack *s = find_stack(stack);

        for (size_t n = 0; n < MODEL_CONTAINERS; n++) {
                declare_schedule(stack, n, NULL, sure);
                wish(&s->containers[n], WISH_GONE, sure);
        }
}

/* Ends of what is not declared any more, and of launches whose answer died with a supervisor, are told to nobody. */
static void drop_unwanted(void) {
        for (size_t n = 0; n < world.n_procs; n++) {
                struct proc *p = world.procs[n];
                const struct expected *e = p->main ? find_label(p->label) : NULL;

                if (e && (p->state == PROC_PREPARING || (e->may & WISH_GONE)))
                        p->dropped = true;
        }
}

void model_on_death(void) {
        for (size_t s = 0; s < MODEL_STACKS; s++)
                for (size_t n = 0; n < MODEL_CONTAINERS; n++) {
                        struct expected *e = &model.stacks[s].containers[n];

                        forget_restarts(e);
                        if (model_disk_fails()) /* the start is not on record */
                                e->timed.due = false;
                        if (model.stacks[s].frail && (e->may & (WISH_RUN | WISH_STOPPED)))
                                e->may |= WISH_RUN | WISH_STOPPED;
                }
        drop_unwanted();
}

void model_on_start(void) {
        drop_unwanted();
        for (size_t n = 0; n < world.n_procs; n++)
                if (world.procs[n]->main && !keeper_knows(world.procs[n]))
                        world.procs[n]->dropped = true;
}

/* --- what is heard --- */

/* Nobody knows whose an earlier supervisor's start was, unless it is a declared container's last one: that is on record. */
bool model_minds_lines_of(const struct proc *p) {
        const struct expected *e = find_label(p->label);

        return p->epoch == world.epoch || !(p->hooked || p->followed || p->dropped || (e->may & WISH_GONE));
}

static void follow(const struct report_event *e) {
        char label[KEEPER_LABEL_MAX];

        (void)snprintf(label, sizeof(label), "%s/%s.%u", e->stack, e->container, e->replica);
        for (size_t n = 0; n < world.n_procs; n++)
                if (strcmp(world.procs[n]->label, label) == 0)
                        world.procs[n]->followed = true;
}

static void hear_exit(const struct report_event *e) {
        struct proc *p = proc_of_id(e->instance_id);
        const struct exit_info *x = e->exit;
        char words[NUM_TEXT_MAX];

        if (x->reason == EXIT_NOT_STARTED)
                return;
        if (!p) {
                if (x->reason != EXIT_UNKNOWN)
                        violation("%s/%s: %s is reported of a start that never was", e->stack, e->container,
                                  exit_info_words(x, words));
                return;
        }
        if (p->hook)
                violation("%s: the end of a hook's container, pid %d, is reported as its own", p->label, p->pid);
        if (p->state != PROC_DEAD)
                violation("%s: %s is reported, and pid %d lives", p->label, exit_info_words(x, words), p->pid);
        if (p->reports > 0 && p->epoch_reported == world.epoch)
                violation("%s: the end of pid %d is reported twice", p->label, p->pid);
        p->reports++;
        p->epoch_reported = world.epoch;
        bool right = false;
        switch (x->reason) {
        case EXIT_EXITED:
                right = p->exit.code == CLD_EXITED && p->exit.status == x->code;
                break;
        case EXIT_KILLED:
        case EXIT_DUMPED:
                right = p->exit.code == (x->reason == EXIT_KILLED ? CLD_KILLED : CLD_DUMPED) && p->exit.status == x->signal;
                break;
        case EXIT_OOM:
                right = p->exit.code == CLD_KILLED && p->exit.status == SIGKILL &&
                        (p->oom || group_find(p->label)->oom_kills > 0);
                break;
        case EXIT_UNKNOWN:
                right = p->unseen;
                break;
        case EXIT_NONE:
        case EXIT_NOT_STARTED:
        case _EXIT_REASON_MAX:
                break;
        }
        if (!right)
                violation("%s: pid %d is reported as \"%s\", the truth is code %d status %d%s", p->label, p->pid,
                          exit_info_words(x, words), p->exit.code, p->exit.status, p->unseen ? ", which nobody saw" : "");
}

static bool is_scheduled(const char *stack, const char *container) {
        const struct stack_entry *s = manager_find_stack(supervisor, stack);
        const struct member *b = s ? stack_find_member(s, container, 1) : NULL;

        return b && b->state.policy.scheduled;
}

void model_hear(const struct report_event *e) {
        struct expected *x = e->stack && e->container ? find(e->stack, e->container) : NULL;

        if (e->exit)
                hear_exit(e);
        if (e->kind == REPORT_CONTAINER_FAILED && e->instance_id) {
                struct proc *p = proc_of_id(e->instance_id);

                if (p)
                        p->dropped = true; /* told as one that did not start */
        }
        if (!x)
                return;
        if (e->change && e->change->to == PHASE_STARTING) {
                follow(e);
                x->timed.decided_usec = world_real_usec();
                x->timed.in_force = is_scheduled(e->stack, e->container);
        }
        if (e->change) /* STOPPING: perhaps for a run that takes its place */
                x->timed.due = e->change->to == PHASE_STARTING || e->change->to == PHASE_STOPPING;
        if (e->change && e->change->to == PHASE_BACKOFF)
                excuse(x);
        if (e->kind == REPORT_RESTART_SCHEDULED)
                *restart_of(x, e->replica) = (struct restart){ .scheduled = true, .due_usec = world.mono_usec + e->delay_usec };
        else if (e->change && e->change->from == PHASE_BACKOFF)
                restart_of(x, e->replica)->scheduled = false;
}

/* --- what is seen --- */

/* Its removal waits for those that share its namespaces: until then its policy counts. */
static bool is_yet_to_go(const char *label) {
        char stack[64], container[64];
        const struct stack_entry *s =
                sscanf(label, "%63[^/]/%63[^.].", stack, container) == 2 ? manager_find_stack(supervisor, stack) : NULL;

        for (size_t n = 0; s && s->plan && n < s->plan->n_actions; n++)
                if (s->plan->actions[n].kind == ACTION_REMOVE && !s->begun[n] &&
                    strcmp(s->plan->actions[n].container, container) == 0)
                        return true;
        return false;
}

void model_on_send(const char *label) {
        const struct expected *e = find_label(label);

        if (strstr(label, "+post_stop")) /* whatever it is to be: it follows an end */
                return;
        if (!(e->may & WISH_RUN) && !(e->may == WISH_GONE && is_yet_to_go(label)))
                violation("%s: is launched, though it is to be %s", label, e->may & WISH_STOPPED ? "stopped" : "gone");
}

static bool is_smooth(void) {
        return supervisor && !supervisor->adopting && supervisor->host.keeper && keeper_is_awake() &&
               supervisor->launching < supervisor->settings->reconcile.parallel;
}

static void check_time(const char *stack, const char *container, uint32_t replica, struct expected *x) {
        const struct stack_entry *s = manager_find_stack(supervisor, stack);
        const struct member *b = s ? stack_find_member(s, container, replica) : NULL;
        struct restart *e = restart_of(x, replica);

        if (b && x->timed.schedule && x->timed.due && b->state.desire == DESIRE_RUN && schedule_is_resting(&b->state) &&
            world.mono_usec > model.smooth_since_usec + LATE_USEC)
                violation("%s/%s: its time had come, and nothing ran", stack, container);
        if (!e->scheduled || !b)
                return;
        if (b->state.phase == PHASE_BACKOFF || b->launch_due) {
                uint64_t since = e->due_usec > model.smooth_since_usec ? e->due_usec : model.smooth_since_usec;

                if (world.mono_usec > since + LATE_USEC)
                        violation("%s/%s.%u: its restart was due %ju ms ago", stack, container, replica,
                                  (uintmax_t)(world.mono_usec - e->due_usec) / 1000);
                return;
        }
        e->scheduled = false;
}

/* A run that nobody asked for: has its time come since the last one? */
static void check_elapsed(const char *label, struct timed *t) {
        uint64_t next = 0;

        t->due = false;
        if (!t->schedule || !t->in_force)
                return;
        int r = calendar_next(&t->calendar, t->taken_usec, &next, NULL);
        if (!t->excused && (r != 0 || next + t->delay_usec > t->decided_usec))
                violation("%s: runs, and no time of it has come since its last run", label);
        if (!t->excused)
                t->taken_usec = t->queues ? next : t->decided_usec - t->delay_usec;
        t->excused -= t->excused > 0;
}

static uint32_t replica_of(const char *label) {
        return (uint32_t)atoi(strrchr(label, '.') + 1);
}

/* With a hook's container on record nobody knows of the start before it. */
static bool has_hooks(const char *label) {
        char stack[64], container[64];
        const struct stack_entry *s = supervisor && sscanf(label, "%63[^/]/%63[^.].", stack, container) == 2
                                              ? manager_find_stack(supervisor, stack)
                                              : NULL;
        const struct member *b = s ? stack_find_member(s, container, replica_of(label)) : NULL;

        return !b || b->container->hooks[HOOK_PRE_START].n + b->container->hooks[HOOK_POST_STOP].n > 0;
}

void model_on_launch(struct proc *p) {
        struct expected *x = find_label(p->label);
        struct restart *e = restart_of(x, replica_of(p->label));

        check_elapsed(p->label, &x->timed);
        stats->launches++;
        p->hooked = p->hook || has_hooks(p->label);
        if (e->scheduled && world.mono_usec + 1000 < e->due_usec)
                violation("%s: its restart comes %ju ms early", p->label, (uintmax_t)(e->due_usec - world.mono_usec) / 1000);
        e->scheduled = false;
}

/* What runs and says something is heard, all of it, and what it said is known. */
static void check_notify(const struct proc *p) {
        const struct member *b = supervisor && !supervisor->adopting ? manager_find_member(supervisor, p->id) : NULL;

        if (!p->notifies || p->state != PROC_RUNNING || !b || b->launch_due || !phase_is_up(b->state.phase))
                return;
        notify_check(p, b->host.notify_fd, supervisor->host.hold_due);
        if (p->ready_heard && b->state.phase == PHASE_RUNNING && b->state.policy.type == TYPE_SERVICE &&
            b->state.hook != HOOK_POST_START && spec_readiness_of(b->container) == READINESS_NOTIFY)
                violation("%s: pid %d has said that it is ready, and does not count as that", p->label, p->pid);
}

void model_step(void) {
        for (size_t n = 0; n < world.n_procs; n++)
                if (world.procs[n]->main)
                        check_notify(world.procs[n]);
        if (!is_smooth())
                model.smooth_since_usec = world.mono_usec;
        for (size_t s = 0; supervisor && s < MODEL_STACKS; s++)
                for (size_t n = 0; n < MODEL_CONTAINERS; n++)
                        for (uint32_t k = 1; k <= REPLICAS; k++)
                                check_time(model_stacks[s], model_containers[n], k, &model.stacks[s].containers[n]);
}

/* --- at rest --- */

static void check_down(const char *label) {
        const struct proc *p = proc_main(label);

        if (p)
                violation("%s: is down, and pid %d lives", label, p->pid);
        for (size_t n = 0; n < world.n_leaves; n++)
                if (world.leaves[n]->there && strcmp(world.leaves[n]->group, label) == 0)
                        violation("%s: is down, and payload.%ju is there", label, (uintmax_t)world.leaves[n]->generation);
}

/* Is that one as it has to be, for one that depends on it to start? condition AUTO: it is to be joined. */
static bool is_met_by(const struct member *other, enum spec_condition condition, bool required) {
        const struct instance *i = other ? &other->state : NULL;

        if (!i || i->desire == DESIRE_GONE)
                return false;
        if (!required && (i->phase == PHASE_FAILED || (i->phase == PHASE_STOPPED && i->desire == DESIRE_STOPPED)))
                return true;
        if (i->phase == PHASE_COMPLETED && condition != CONDITION_AUTO)
                return condition != CONDITION_HEALTHY;
        return phase_is_up(i->phase) && !i->leaving && condition != CONDITION_COMPLETED;
}

static bool is_met(const struct member *b, const char *on, enum spec_condition condition, bool required) {
        const struct spec_container *declared = spec_find(b->stack->generation->spec, on);
        bool met = true;

        for (uint32_t k = 1; met && declared && k <= declared->replicas; k++)
                met = is_met_by(stack_find_member(b->stack, on, k), condition, required);
        return met && declared && (declared->replicas > 0 || !required);
}

static bool may_start(const struct member *b) {
        bool met = true;

        for (int ns = 0; ns < _NS_MAX; ns++)
                if (b->container->namespaces[ns].mode == NS_CONTAINER)
                        met = met && is_met(b, b->container->namespaces[ns].container, CONDITION_AUTO, true);
        for (size_t n = 0; n < b->container->n_depends_on; n++) {
                const struct spec_dependency *d = &b->container->depends_on[n];

                met = met && is_met(b, d->container, d->condition, d->required);
        }
        return met;
}

static void check_up(const struct member *b, const char *label) {
        const struct proc *p = proc_main(label);

        if (b->guessed) /* what another one left behind is all that is left of it */
                return;
        if (!p || p->state != PROC_RUNNING || p->pid != b->state.pid)
                violation("%s: pid %d is said to run, pid %d does", label, b->state.pid, p ? p->pid : 0);
        const struct spec_container *declared = spec_find(b->stack->generation->spec, b->state.container);
        if (declared && !b->stack->paused && strcmp(p->version, declared->command.items[1]) != 0)
                violation("%s: runs version %s, version %s is declared", label, p->version, declared->command.items[1]);
        for (size_t n = 0; n < p->n_peers && !b->state.policy.scheduled; n++) {
                const struct proc *now = proc_main(p->peers[n]->label); /* none: it ended for good, its namespaces live on */

                if (now && now != p->peers[n])
                        violation("%s: shares namespaces of pid %d, and %s is pid %d now", label, p->peers[n]->pid, now->label,
                                  now->pid);
        }
        if (b->host.pidfd < 0)
                violation("%s: runs, and its pidfd is lost", label);
        bool checked = b->container->healthcheck.kind != HEALTHCHECK_NONE;
        if (!b->state.policy.scheduled && health_of(b) != (checked ? HEALTH_HEALTHY : HEALTH_NONE))
                violation("%s: %s, and its probes are good", label, health_status_name(health_of(b)));
        if (b->state.policy.type == TYPE_SERVICE && b->state.phase != PHASE_READY)
                violation("%s: does not get ready", label);
}

static void check_ended_by_itself(const struct member *b, const char *label) {
        const struct policy *p = &b->state.policy;
        bool good = exit_is_success(&b->state.last_exit);

        if (b->stack->paused && b->state.revision != b->stack->generation->revision)
                return; /* it ended by the declaration it ran, and another one is in force */
        if (b->state.phase == PHASE_COMPLETED && (!good || (p->type == TYPE_SERVICE && p->restart == RESTART_ALWAYS)))
                violation("%s: completed, which its policy and its end do not allow", label);
        if (b->state.phase == PHASE_FAILED && p->restart != RESTART_NO && p->restart_policy.max_attempts == 0)
                violation("%s: failed, and its policy is to try for ever", label);
}

/* It may be anywhere in a run; its time does not pass, and when it comes often it has come. */
static void check_schedule(const struct member *b, const char *label, const struct timed *t) {
        uint64_t next = schedule_next_of(b), now = world_real_usec(), after, then;

        if (b->state.waiting) {
                if (may_start(b))
                        violation("%s: does not come up", label);
                return;
        }
        if (schedule_is_resting(&b->state))
                check_down(label);
        else if (b->state.phase == PHASE_RUNNING)
                check_up(b, label);
        if (next != 0 && next <= now)
                violation("%s: its time has passed, and it was not taken", label);
        if (!t->schedule || calendar_next(&t->calendar, now, &after, NULL) != 0 || calendar_next(&t->calendar, after, &then, NULL) != 0 ||
            then - after > 60 * USEC_PER_SEC)
                return; /* it does not come often */
        if (schedule_is_resting(&b->state) && (now < t->decided_usec || now - t->decided_usec > 180 * USEC_PER_SEC))
                violation("%s: its time comes again and again, and it does not run", label);
}

/* An update whose instances wait for somebody, who may yet come, goes on for as long. */
static bool one_waits(const struct stack_entry *s, const char *container) {
        for (size_t n = 0; n < s->n_members; n++)
                if (s->members[n]->state.waiting && strcmp(s->members[n]->state.container, container) == 0)
                        return true;
        return false;
}

static void check_instance(const char *stack, const char *container, uint32_t replica, const struct expected *e) {
        const struct stack_entry *s = supervisor ? manager_find_stack(supervisor, stack) : NULL;
        const struct member *b = s ? stack_find_member(s, container, replica) : NULL;
        const struct spec_container *declared = s && s->generation ? spec_find(s->generation->spec, container) : NULL;
        char label[64];

        (void)snprintf(label, sizeof(label), "%s/%s.%u", stack, container, replica);
        if (b && declared && replica > declared->replicas && !s->paused && !one_waits(s, container))
                violation("%s: is one more than are declared", label);
        if (!b) {
                if (!(e->may & WISH_GONE) && replica <= (declared ? declared->replicas : 1))
                        violation("%s: is not known any more", label);
                check_down(label);
                if (group_find(label) && group_find(label)->there)
                        violation("%s: is gone, and its cgroup is there", label);
                return;
        }
        if (b->state.policy.scheduled && e->may & WISH_RUN && b->state.phase != PHASE_STOPPED) {
                check_schedule(b, label, &e->timed);
                return;
        }
        switch (b->state.phase) {
        case PHASE_RUNNING:
        case PHASE_READY:
        case PHASE_COMPLETED:
        case PHASE_FAILED:
                if (!(e->may & WISH_RUN) && !(e->may & WISH_STOPPED && b->state.phase == PHASE_COMPLETED && b->state.policy.type == TYPE_JOB))
                        violation("%s: %s, though it is to be %s", label, phase_name(b->state.phase),
                                  e->may & WISH_STOPPED ? "stopped" : "gone");
                if (phase_is_up(b->state.phase))
                        check_up(b, label);
                else {
                        check_ended_by_itself(b, label);
                        check_down(label);
                }
                break;
        case PHASE_STOPPED:
                if (!(e->may & WISH_STOPPED))
                        violation("%s: stopped, though it is to %s", label, e->may & WISH_RUN ? "run" : "be gone");
                check_down(label);
                break;
        case PHASE_PENDING:
                if (!(e->may & WISH_RUN) || may_start(b))
                        violation("%s: does not come up", label);
                check_down(label);
                break;
        case PHASE_BACKOFF:
        case PHASE_STARTING:
        case PHASE_STOPPING:
        case PHASE_UNHEALTHY:
        case _PHASE_MAX:
        case _PHASE_INVALID:
                violation("%s: does not come to rest (%s)", label, phase_name(b->state.phase));
        }
}

static void check_document(size_t which) {
        const struct stack_entry *s = manager_find_stack(supervisor, model_stacks[which]);
        const struct expected_stack *x = &model.stacks[which];

        for (size_t n = 0; s && n < x->n_documents; n++)
                if (s->generation && json_equal(x->documents[n], json_object_get(s->generation->document, "stack")))
                        return;
        if (s)
                violation("%s: a document is declared that was not the last one", model_stacks[which]);
}

static void check_exits(void) {
        for (size_t n = 0; n < world.n_procs; n++) {
                const struct proc *p = world.procs[n];

                if (p->main && !p->hook && p->state == PROC_DEAD && p->started_usec > 0 && !p->dropped && p->reports == 0)
                        violation("%s: the end of pid %d was never reported", p->label, p->pid);
        }
}

/* For one that may complete yet: so does the call that started it. */
static bool somebody_waits(void) {
        for (size_t s = 0; s < supervisor->n_stacks; s++)
                for (size_t n = 0; n < supervisor->stacks[s]->n_members; n++)
                        if (supervisor->stacks[s]->members[n]->state.phase == PHASE_PENDING)
                                return true;
        return false;
}

void model_check_calm(void) {
        if (supervisor && supervisor->host.hold_due)
                violation("something was never given to the keeper");
        if (!supervisor)
                violation("no supervisor runs");
        for (size_t s = 0; s < MODEL_STACKS; s++) {
                for (size_t n = 0; n < MODEL_CONTAINERS; n++)
                        for (uint32_t k = 1; k <= REPLICAS; k++)
                                check_instance(model_stacks[s], model_containers[n], k, &model.stacks[s].containers[n]);
                check_document(s);
        }
        check_exits();
        if (supervisor->host.logger < 0 || !supervisor->logger_source)
                violation("no logger is heard");
        if (supervisor->launching > 0)
                violation("%u launches count as under way", supervisor->launching);
        if (supervisor_open_calls() > 0 && !somebody_waits())
                violation("%zu calls are not answered", supervisor_open_calls());
}

static void check_folder(const char *above, const char *below) {
        char path[256];
        struct dirent *e;

        (void)snprintf(path, sizeof(path), "%s/%s", above, below);
        DIR *d = opendir(path);
        while (d && (e = readdir(d)))
                if (e->d_name[0] != '.')
                        violation("%s/%s is left", path, e->d_name);
        if (d)
                (void)closedir(d);
}

void model_check_empty(void) {
        if (supervisor && supervisor->n_stacks > 0)
                violation("stack %s is still there", supervisor->stacks[0]->name);
        if (supervisor && (supervisor->probing > 0 || supervisor->probe_queue))
                violation("%u probes count as under way", supervisor->probing);
        for (size_t n = 0; n < world.n_procs; n++)
                if (world.procs[n]->state != PROC_DEAD)
                        violation("%s: pid %d is left", world.procs[n]->label, world.procs[n]->pid);
        for (size_t n = 0; n < world.n_leaves; n++)
                if (world.leaves[n]->there)
                        violation("%s: payload.%ju is left", world.leaves[n]->group, (uintmax_t)world.leaves[n]->generation);
        for (size_t n = 0; n < world.n_groups; n++)
                if (world.groups[n]->there)
                        violation("%s: its cgroup is left", world.groups[n]->name);
        if (keeper_count() > 0)
                violation("the keeper still knows %zu of them", keeper_count());
        if (keeper_count_held() > 1) /* the logger's socket */
                violation("the keeper still holds %zu fds", keeper_count_held());
        check_folder(world.state_dir, "stacks");
        check_folder(world.state_dir, "ephemeral");
        check_folder(world.state_dir, "persistent");
        check_folder(world.runtime_dir, "notify");
        check_exits();
}
