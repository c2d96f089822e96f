/* The keeper: its table, its socket, and the launches it makes. What it promises is in keeper/protocol.h and src/keeper/server.c:
 * it reads in order, never waits for a reader, forgets nothing but what it is told to, and dies with all it knows; its
 * children that had not come as far as exec die with it.
 */
#include "sim.h"

#include <ctrsup/act/recipe_make.h>
#include <ctrsup/keeper/client.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { INBOX_MAX = 150 /* about what a socket takes */, OUTBOX_MAX = 512, ENTRIES_MAX = 1024, HELD_MAX = 1024 };
enum { NOT_STARTED_ONE_IN = 10, SLOW_ONE_IN = 30, LOST_ONE_IN = 300, NO_ROOM_ONE_IN = 60 };

/* A request as it lies in the socket: fds are what they mean. */
struct request {
        struct keeper_message message;
        struct fd fd;
        struct leaf *leaf;
        const struct proc *peers[WORLD_PEERS_MAX];
        size_t n_peers;
        uint32_t n_ops, recipe_kind;
        bool notifies;
        char version[8];
};

struct entry {
        bool used, tell_started, tell_end, forgotten;
        uint32_t state;
        char label[KEEPER_LABEL_MAX];
        uint8_t id[KEEPER_ID_SIZE];
        struct proc *proc;
        struct keeper_failure failure;
        uint32_t n_ops, recipe_kind;
};

static struct keeper {
        bool alive, stalled, turning, listing;
        unsigned number; /* from 1 */
        struct entry entries[ENTRIES_MAX];
        struct held held[HELD_MAX];
        size_t n_held;
        struct request inbox[INBOX_MAX];
        size_t n_inbox;
        struct keeper_client *client;
} keeper; /* one a process, as the world */

struct keeper_client {
        unsigned keeper; /* number; another one lives now: this connection is gone */
        bool cut;        /* a newer connection took over */
        int fd;
        struct {
                struct keeper_message message;
                struct fd fd;
        } outbox[OUTBOX_MAX];
        size_t n_outbox;
};

static bool is_connected(const struct keeper_client *c) {
        return keeper.alive && c->keeper == keeper.number && !c->cut;
}

/* --- telling --- */

static bool tell(const struct keeper_message *m, struct fd fd) {
        struct keeper_client *c = keeper.client;

        if (c->n_outbox == OUTBOX_MAX)
                return false;
        c->outbox[c->n_outbox].message = *m;
        c->outbox[c->n_outbox++].fd = fd;
        return true;
}

static bool tell_about(const struct entry *e, uint32_t kind) {
        struct keeper_message m = {
                .kind = kind, .state = e->state, .pid = e->proc ? e->proc->pid : 0, .recipe_kind = e->recipe_kind
        };
        struct fd fd = { 0 };

        memcpy(m.id, e->id, sizeof(m.id));
        (void)strcpy(m.label, e->label);
        if (e->state == KEEPER_NOT_STARTED)
                m.failure = e->failure;
        else if (e->state == KEEPER_ENDED)
                m.exit = e->proc->exit;
        if (kind == KEEPER_STARTED || (kind == KEEPER_LISTED && e->state == KEEPER_RUNNING))
                fd = (struct fd){ FD_PROC, e->proc };
        return tell(&m, fd);
}

static void tell_list(void) {
        for (size_t n = 0; n < ENTRIES_MAX; n++)
                if (keeper.entries[n].used)
                        (void)tell_about(&keeper.entries[n], KEEPER_LISTED);
        for (size_t n = 0; n < keeper.n_held; n++) {
                struct keeper_message m = { .kind = KEEPER_LISTED_FD };

                (void)strcpy(m.name, keeper.held[n].name);
                (void)tell(&m, (struct fd){ 0 });
        }
        (void)tell(&(struct keeper_message){ .kind = KEEPER_LIST_END }, (struct fd){ 0 });
        keeper.listing = false;
}

static void tell_news(void) {
        if (!keeper.client || !is_connected(keeper.client))
                return;
        if (keeper.listing)
                tell_list();
        for (size_t n = 0; n < ENTRIES_MAX; n++) {
                struct entry *e = &keeper.entries[n];

                if (!e->used)
                        continue;
                if (e->tell_started)
                        e->tell_started = !tell_about(e, KEEPER_STARTED);
                if (e->tell_end && !e->tell_started)
                        e->tell_end = !tell_about(e, e->state == KEEPER_ENDED ? KEEPER_EXITED : KEEPER_FAILED);
        }
}

/* --- launches --- */

static struct entry *entry_find(const uint8_t id[KEEPER_ID_SIZE]) {
        for (size_t n = 0; n < ENTRIES_MAX; n++)
                if (keeper.entries[n].used && memcmp(keeper.entries[n].id, id, KEEPER_ID_SIZE) == 0)
                        return &keeper.entries[n];
        return NULL;
}

static struct entry *entry_of(const struct proc *p) {
        struct entry *e = keeper.alive && p->keeper == keeper.number ? entry_find(p->id) : NULL;

        return e && e->proc == p ? e : NULL;
}

static void fails(struct entry *e, uint32_t stage, uint32_t error, uint32_t op, uint32_t detail) {
        e->state = KEEPER_NOT_STARTED;
        e->failure = (struct keeper_failure){ .stage = stage, .error = error, .op = op, .detail = detail };
        e->tell_end = true;
}

static void main_exits(void *object, uint64_t status) {
        struct proc *p = object;

        if (p->state != PROC_RUNNING)
                return;
        for (uint64_t n = world.calm || p->exec             ? 0
                          : chance_one_in(&world.chance, 8) ? chance_between(&world.chance, 1, 3)
                                                            : 0;
             n > 0; n--) {
                struct proc *left = proc_new(p->label, p->leaf, false);

                left->state = PROC_RUNNING;
                left->deaf = true;
                left->stuck = chance_one_in(&world.chance, 4);
        }
        if (status >= 1000)
                proc_end(p, status >= 2000 ? CLD_DUMPED : CLD_KILLED, (int)(status % 1000));
        else
                proc_end(p, CLD_EXITED, (int)status);
}

/* What it does with its life is decided when it begins. */
static void live(struct proc *p) {
        struct chance *c = &world.chance;

        p->deaf = chance_one_in(c, 6);
        p->stuck = chance_one_in(c, 25);
        if (p->exec || p->hook) {
                if (!chance_one_in(c, 8)) /* else for ever */
                        world_at(world.mono_usec + chance_below(c, 800 * USEC_PER_MSEC), main_exits, p, chance_one_in(c, 4));
                return;
        }
        if (chance_one_in(c, 3))
                return; /* for ever */
        uint64_t life = chance_one_in(c, 2) ? chance_below(c, 300 * USEC_PER_MSEC) : chance_below(c, 60 * USEC_PER_SEC);
        uint64_t status = chance_one_in(c, 2)   ? 0
                          : chance_one_in(c, 4) ? 1000 + SIGSEGV
                          : chance_one_in(c, 6) ? 2000 + SIGABRT
                                                : chance_between(c, 1, 255);
        world_at(world.mono_usec + life, main_exits, p, status);
}

static void live_calmly(struct proc *p, bool job) {
        if (p->exec || p->hook)
                world_at(world.mono_usec + 100 * USEC_PER_MSEC, main_exits, p, 0);
        else if (job)
                world_at(world.mono_usec + USEC_PER_SEC, main_exits, p, 0);
}

static void comes_to_exec(void *object, uint64_t number) {
        struct proc *p = object;
        struct entry *e = entry_of(p);
        bool fails_now = number > 0;

        if (p->state != PROC_PREPARING)
                return;
        for (size_t n = 0; n < p->n_peers; n++)
                if (p->peers[n]->state != PROC_RUNNING)
                        fails_now = true;
        if (fails_now) {
                if (e)
                        fails(e, KEEPER_STAGE_PAYLOAD, p->exec ? ESRCH : ENOENT, e->n_ops - 1, 0);
                proc_end(p, CLD_EXITED, 127);
                tell_news();
                return;
        }
        p->state = PROC_RUNNING;
        p->started_usec = world.mono_usec;
        p->started_real_usec = world_real_usec();
        trace("%s: pid %d runs", p->label, p->pid);
        if (e) {
                e->state = KEEPER_RUNNING;
                e->tell_started = true;
        }
        if (world.calm)
                live_calmly(p, strstr(p->label, "/j") != NULL);
        else
                live(p);
        notify_live(p);
        tell_news();
}

static void on_launch(const struct request *r) {
        struct chance *c = &world.chance;
        struct entry *e = NULL;

        if (entry_find(r->message.id))
                violation("%s: two launches of one id", r->message.label);
        for (size_t n = 0; n < ENTRIES_MAX && !e; n++)
                if (!keeper.entries[n].used)
                        e = &keeper.entries[n];
        if (!e)
                violation("the keeper's table is full: nothing is ever forgotten");
        *e = (struct entry){ .used = true, .state = KEEPER_STARTING, .n_ops = r->n_ops, .recipe_kind = r->recipe_kind };
        memcpy(e->id, r->message.id, sizeof(e->id));
        (void)strcpy(e->label, r->message.label);
        if (!r->leaf->there) {
                fails(e, KEEPER_STAGE_KEEPER, ENODEV, RECIPE_NONE, 0);
                return;
        }
        struct proc *p = proc_new(r->leaf->group, r->leaf, r->recipe_kind == RECIPE_START);
        p->exec = r->recipe_kind == RECIPE_EXEC;
        p->hook = strchr(e->label, '+') != NULL;
        memcpy(p->id, e->id, sizeof(p->id));
        p->keeper = keeper.number;
        p->epoch = world.epoch;
        memcpy(p->peers, r->peers, sizeof(p->peers));
        p->n_peers = r->n_peers;
        p->notifies = r->notifies;
        (void)strcpy(p->version, r->version);
        e->proc = p;
        if (p->main)
                model_on_launch(p);
        trace("%s: pid %d is cloned into payload.%ju", p->label, p->pid, (uintmax_t)r->leaf->generation);
        if (r->leaf->killed)
                proc_signal(p, SIGKILL);
        uint64_t takes = chance_between(c, 200, 5000);
        if (!world.calm && chance_one_in(c, LOST_ONE_IN))
                takes = chance_between(c, 60, 200) * USEC_PER_SEC;
        else if (!world.calm && chance_one_in(c, SLOW_ONE_IN))
                takes = chance_below(c, 5 * USEC_PER_SEC);
        world_at(world.mono_usec + takes, comes_to_exec, p, !world.calm && chance_one_in(c, NOT_STARTED_ONE_IN));
}

void keeper_let_jobs_end(void) {
        for (size_t n = 0; n < world.n_procs; n++)
                if (world.procs[n]->main && world.procs[n]->state == PROC_RUNNING && strstr(world.procs[n]->label, "/j"))
                        world_at(world.mono_usec + USEC_PER_SEC, main_exits, world.procs[n], 0);
}

void keeper_on_end(struct proc *p) {
        struct entry *e = entry_of(p);

        if (!e || keeper.stalled) /* one that does not speak for two seconds is not waited for */
                p->unseen = true;
        if (!e)
                return;
        if (e->state == KEEPER_STARTING)
                fails(e, KEEPER_STAGE_PREPARE, (uint32_t)p->exit.status, RECIPE_NONE, KEEPER_DETAIL_KILLED);
        else if (e->state == KEEPER_RUNNING) {
                e->state = KEEPER_ENDED;
                e->tell_end = true;
        }
        if (e->forgotten)
                e->used = false;
        if (!keeper.stalled)
                tell_news();
}

/* --- requests --- */

static void answer(const struct request *r, uint32_t error, struct fd fd) {
        struct keeper_message m = { .kind = KEEPER_DONE, .value = r->message.kind, .error = error };

        (void)strcpy(m.name, r->message.name);
        if (keeper.client && is_connected(keeper.client))
                (void)tell(&m, fd);
}

static struct held *held_find(const char *name) {
        for (size_t n = 0; n < keeper.n_held; n++)
                if (strcmp(keeper.held[n].name, name) == 0)
                        return &keeper.held[n];
        return NULL;
}

static void on_hold(const struct request *r) {
        struct held *h = held_find(r->message.name);

        if (!h) {
                if (keeper.n_held == HELD_MAX)
                        violation("the keeper holds %d fds: none is ever released", HELD_MAX);
                h = &keeper.held[keeper.n_held++];
                (void)strcpy(h->name, r->message.name);
        }
        h->what = r->fd;
        trace("the keeper holds %s", h->name);
        answer(r, 0, (struct fd){ 0 });
}

static void on_release(const struct request *r) {
        struct held *h = held_find(r->message.name);

        trace("the keeper releases %s%s", r->message.name, h ? "" : ", which it does not have");
        if (h) {
                *h = keeper.held[--keeper.n_held];
                logger_check_release(r->message.name);
        }
        answer(r, h ? 0 : ENOENT, (struct fd){ 0 });
}

static void on_forget(const struct request *r) {
        struct entry *e = entry_find(r->message.id);

        if (!e || e->state == KEEPER_STARTING || e->state == KEEPER_RUNNING)
                return;
        e->used = false;
}

static void handle(const struct request *r) {
        const struct held *h;

        switch (r->message.kind) {
        case KEEPER_LAUNCH:
                on_launch(r);
                break;
        case KEEPER_FORGET:
                on_forget(r);
                break;
        case KEEPER_LIST:
                keeper.listing = true;
                break;
        case KEEPER_HOLD:
                on_hold(r);
                break;
        case KEEPER_TAKE:
                h = held_find(r->message.name);
                answer(r, h ? 0 : ENOENT, h ? h->what : (struct fd){ 0 });
                break;
        case KEEPER_RELEASE:
                on_release(r);
                break;
        default:
                violation("the keeper is sent a message of kind %u", r->message.kind);
        }
}

static void handle_all(void) {
        for (size_t n = 0; n < keeper.n_inbox; n++)
                handle(&keeper.inbox[n]);
        keeper.n_inbox = 0;
}

static void turn(void *object, uint64_t number) {
        (void)object;
        if (!keeper.alive || number != keeper.number)
                return;
        keeper.turning = false;
        if (keeper.stalled)
                return;
        handle_all();
        tell_news();
}

static void wake(void) {
        if (!keeper.alive || keeper.turning)
                return;
        keeper.turning = true;
        world_at(world.mono_usec + chance_below(&world.chance, 400), turn, NULL, keeper.number);
}

/* --- its life --- */

void keeper_start(void) {
        unsigned number = keeper.number + 1;
        struct keeper_client *client = keeper.client;

        memset(&keeper, 0, sizeof(keeper));
        keeper.alive = true;
        keeper.number = number;
        if (client)
                client->cut = true;
}

void keeper_kill(void) {
        if (!keeper.alive)
                return;
        keeper.alive = false;
        for (size_t n = 0; n < world.n_procs; n++) {
                struct proc *p = world.procs[n];

                if (!(p->main || p->exec) || p->keeper != keeper.number)
                        continue;
                if (p->state == PROC_DEAD && entry_find(p->id))
                        p->unseen = true; /* it knew, and told nobody for certain */
                else if (p->state == PROC_PREPARING && !chance_one_in(&world.chance, 8))
                        proc_signal(p, SIGKILL); /* PR_SET_PDEATHSIG; past it, only exec is left */
        }
}

bool keeper_is_alive(void) {
        return keeper.alive;
}

bool keeper_is_awake(void) {
        return keeper.alive && !keeper.stalled;
}

bool keeper_knows(const struct proc *p) {
        return entry_of(p) != NULL;
}

void keeper_stall(bool stalled) {
        keeper.stalled = stalled;
        if (!stalled)
                wake();
}

size_t keeper_count_held(void) {
        return keeper.alive ? keeper.n_held : 0;
}

bool keeper_holds(const void *object) {
        for (size_t n = 0; keeper.alive && n < keeper.n_held; n++)
                if (keeper.held[n].what.object == object)
                        return true;
        return false;
}

size_t keeper_count(void) {
        size_t count = 0;

        for (size_t n = 0; keeper.alive && n < ENTRIES_MAX; n++)
                count += keeper.entries[n].used;
        return count;
}

bool keeper_is_connected(void) {
        return keeper.client && is_connected(keeper.client);
}

bool keeper_has(const void *object) {
        for (size_t n = 0; keeper.alive && n < keeper.n_held; n++)
                if (keeper.held[n].what.object == object)
                        return true;
        for (size_t n = 0; keeper.alive && n < keeper.n_inbox; n++)
                if (keeper.inbox[n].fd.object == object)
                        return true;
        return false;
}

/* --- the supervisor's end --- */

static int connect_to(struct keeper_client **ret, struct err *err) {
        if (!world_seam())
                return err_set(err, EIO, "killed");
        if (!keeper.alive)
                return err_set(err, ECONNREFUSED, "connect to the keeper");
        if (keeper.stalled) { /* it is there, and does not say hello */
                world.mono_usec += 2 * USEC_PER_SEC;
                return err_set(err, ETIMEDOUT, "the keeper does not answer");
        }
        /* What the connection before has in its socket was read by now, or is lost with it. */
        if (chance_one_in(&world.chance, 4))
                keeper.n_inbox = 0;
        handle_all();
        struct keeper_client *c = calloc(1, sizeof(*c));
        c->keeper = keeper.number;
        c->fd = world_fd(FD_KEEPER, c);
        if (keeper.client)
                keeper.client->cut = true;
        keeper.client = c;
        keeper.listing = false;
        for (size_t n = 0; n < ENTRIES_MAX; n++)
                keeper.entries[n].tell_end = keeper.entries[n].used && keeper.entries[n].state >= KEEPER_ENDED;
        wake();
        *ret = c;
        return 0;
}

int keeper_client_connect(const char *runtime, struct keeper_client **ret, struct err *err) {
        (void)runtime;
        return connect_to(ret, err);
}

int keeper_client_spawn(const struct keeper_spawn *spawn, struct keeper_client **ret, struct err *err) {
        (void)spawn;
        if (!world_seam())
                return err_set(err, EIO, "killed");
        if (!world.calm && chance_one_in(&world.chance, 10))
                return err_set(err, EAGAIN, "start a keeper: no process could be made");
        if (keeper.alive)
                return err_set(err, EIO, "start a keeper: another one uses the socket");
        keeper_start();
        return connect_to(ret, err);
}

struct keeper_client *keeper_client_free(struct keeper_client *c) {
        if (!c)
                return NULL;
        if (keeper.client == c)
                keeper.client = NULL;
        (void)close(c->fd);
        free(c);
        return NULL;
}

int keeper_client_fd(const struct keeper_client *c) {
        return c->fd;
}

uint32_t keeper_client_events(const struct keeper_client *c) {
        (void)c;
        return EPOLLIN;
}

int keeper_client_flush(struct keeper_client *c) {
        (void)c;
        return 0;
}

/* One program here: never newer than itself. */
bool keeper_client_is_outdated(const struct keeper_client *c, const char *program) {
        (void)c;
        (void)program;
        return false;
}

int keeper_client_upgrade(struct keeper_client *c, struct err *err) {
        (void)c;
        return err_set(err, EOPNOTSUPP, "no upgrade here");
}

int keeper_upgrade_explain(const struct keeper_message *hello, struct err *err) {
        (void)hello;
        (void)err;
        return 0;
}

pid_t keeper_client_pid(const struct keeper_client *c) {
        return WORLD_FIRST_PID - 1 - (pid_t)c->keeper;
}

bool keeper_client_is_readable(const void *client) {
        const struct keeper_client *c = client;

        return c->n_outbox > 0 || !is_connected(c);
}

static int send_request(struct keeper_client *c, const struct request *r) {
        if (!world_seam() || !is_connected(c))
                return -ECONNRESET;
        if (keeper.n_inbox == INBOX_MAX)
                return -EAGAIN;
        keeper.inbox[keeper.n_inbox++] = *r;
        wake();
        return 0;
}

static struct proc *proc_of_fd(int fd) {
        struct fd what = world_fd_of(fd);

        return what.kind == FD_PROC ? what.object : NULL;
}

int keeper_client_launch(struct keeper_client *c, const uint8_t id[KEEPER_ID_SIZE], const char *label,
                         const struct recipe *recipe, struct err *err) {
        _cleanup_buf_ struct buf bytes = BUF_NULL;
        struct request q = { .message.kind = KEEPER_LAUNCH };
        struct recipe_view view;
        size_t n_fds;
        const int *fds = recipe_fds(recipe, &n_fds);

        memcpy(q.message.id, id, KEEPER_ID_SIZE);
        (void)snprintf(q.message.label, sizeof(q.message.label), "%s", label);
        if (recipe_finish(recipe, &bytes) < 0 || recipe_open(bytes.data, bytes.len, n_fds, &view, NULL) < 0)
                violation("%s: the keeper would refuse this recipe", label);
        q.n_ops = view.header->n_ops;
        q.recipe_kind = view.header->kind;
        if (view.header->n_argv > 1)
                (void)snprintf(q.version, sizeof(q.version), "%s", recipe_string(&view, view.argv[1]));
        if (q.recipe_kind == RECIPE_START)
                model_on_send(label);
        struct fd leaf = world_fd_of(fds[view.header->cgroup_fd]);
        if (leaf.kind != FD_LEAF)
                violation("%s: no leaf in the recipe", label);
        q.leaf = leaf.object;
        for (uint32_t n = 0; n < view.header->n_ops; n++) {
                const struct proc *peer = view.ops[n].kind == RECIPE_JOIN ? proc_of_fd(fds[view.ops[n].fd]) : NULL;

                if (view.ops[n].kind == RECIPE_JOIN && !peer)
                        violation("%s: joins what is no process", label);
                if (peer && q.n_peers < WORLD_PEERS_MAX)
                        q.peers[q.n_peers++] = peer;
                if (view.ops[n].kind == RECIPE_ATTACH && strcmp(recipe_string(&view, view.ops[n].str[0]), RECIPE_NOTIFY_DIR) == 0)
                        q.notifies = true;
        }
        int r = send_request(c, &q);
        return r < 0 ? err_sys(err, -r, "send %s to the keeper", label) : 0;
}

int keeper_client_forget(struct keeper_client *c, const uint8_t id[KEEPER_ID_SIZE]) {
        struct request q = { .message.kind = KEEPER_FORGET };

        memcpy(q.message.id, id, KEEPER_ID_SIZE);
        return send_request(c, &q);
}

int keeper_client_list(struct keeper_client *c) {
        return send_request(c, &(struct request){ .message.kind = KEEPER_LIST });
}

static int send_name(struct keeper_client *c, uint32_t kind, const char *name, struct fd fd) {
        struct request q = { .message.kind = kind, .fd = fd };

        (void)snprintf(q.message.name, sizeof(q.message.name), "%s", name);
        return send_request(c, &q);
}

int keeper_client_hold(struct keeper_client *c, const char *name, int fd) {
        struct fd what = world_fd_of(fd);

        if (what.kind == FD_NONE)
                what.kind = FD_OTHER; /* a real pipe: nobody reads it here */
        return send_name(c, KEEPER_HOLD, name, what);
}

int keeper_client_take(struct keeper_client *c, const char *name) {
        return send_name(c, KEEPER_TAKE, name, (struct fd){ 0 });
}
int keeper_client_release(struct keeper_client *c, const char *name) {
        return send_name(c, KEEPER_RELEASE, name, (struct fd){ 0 });
}

int keeper_client_quit(struct keeper_client *c, bool kill) {
        (void)kill;
        return send_request(c, &(struct request){ .message.kind = KEEPER_QUIT });
}

int keeper_client_read(struct keeper_client *c, struct keeper_event *ret) {
        if (!world_seam())
                return -ECONNRESET;
        if (c->n_outbox == 0)
                return is_connected(c) ? 0 : -ECONNRESET;
        *ret = (struct keeper_event){ .message = c->outbox[0].message, .fd = -EBADF };
        /* Without it: the supervisor may not have one more file open at that moment. */
        if (c->outbox[0].fd.kind != FD_NONE && (world.calm || !chance_one_in(&world.chance, NO_ROOM_ONE_IN)))
                ret->fd = world_fd(c->outbox[0].fd.kind, c->outbox[0].fd.object);
        memmove(c->outbox, c->outbox + 1, --c->n_outbox * sizeof(c->outbox[0]));
        return 1;
}
