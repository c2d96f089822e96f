/* Plans of random stacks, carried out on a model of a host: they converge, in an order that respects who follows whom. */
#include "unit.h"

#include <ctrsup/plan/explain.h>
#include <ctrsup/plan/order.h>
#include <ctrsup/spec/load.h>

#include <stdio.h>
#include <stdlib.h>

static uint64_t seed;

static unsigned roll(unsigned sides) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        return (unsigned)(seed >> 33) % sides;
}

/* Some of the containers a to f; a later letter may join an earlier one or the other way round, never in a circle. */
static void random_stack(struct buf *out, bool up) {
        static const char *const kinds[] = { "net", "pid", "ipc" }, *const restarts[] = { "always", "on-failure", "\"no\"" };
        bool there[6], any = false, joined[6] = { false };
        int joins[6];

        for (int i = 0; i < 6; i++)
                any |= there[i] = roll(3) > 0;
        there[0] |= !any;
        for (int i = 0; i < 6; i++) {
                joins[i] = (int)roll(6);
                if (!there[i] || !there[joins[i]] || (up ? joins[i] <= i : joins[i] >= i))
                        joins[i] = -1;
                else
                        joined[joins[i]] = true;
        }
        buf_printf(out, "name: shop\ndescription: v%u\ncontainers:\n", roll(2));
        for (int i = 0; i < 6; i++) {
                if (!there[i])
                        continue;
                buf_printf(out, "  %c:\n    rootfs: {layers: [{dir: /l%u}]}\n    command: [/bin/x, v%u]\n", 'a' + i, roll(2),
                           roll(2));
                buf_printf(out, "    limits: {memory: %uM}\n    restart: %s\n", 64 + roll(2), restarts[roll(3)]);
                if (joins[i] >= 0)
                        buf_printf(out, "    namespaces: {%s: \"container:%c\"}\n", kinds[roll(3)], 'a' + joins[i]);
                if (!joined[i]) /* of one that is joined there is one */
                        buf_printf(out, "    replicas: %u\n    update_config: {order: %s, parallelism: %u}\n", roll(4),
                                   roll(2) ? "stop-first" : "start-first", roll(3));
        }
}

static void load(const struct buf *text, struct stack *ret) {
        struct diag_list diags;
        _cleanup_buf_ struct buf out = BUF_NULL;

        assert_int_equal(diag_list_init(&diags, "random"), 0);
        if (stack_load(text->data, text->len, &(struct stack_source){ .file = "random", .base_dir = "/" }, &diags, ret) < 0) {
                diag_print(&diags, text->data, &out);
                fail_msg("%s\n%s", text->data, buf_text(&out));
        }
        diag_list_done(&diags);
}

/* A host: instances, and what each runs: the index of the spec it was started from. */
enum { HOST_MAX = 40 };
struct host {
        struct instance items[HOST_MAX];
        const struct spec *runs[HOST_MAX];
        const struct instance *pointers[HOST_MAX];
        size_t n;
};

static size_t find(const struct host *h, const char *container, uint32_t replica) {
        size_t i = 0;

        while (i < h->n && (strcmp(h->items[i].container, container) != 0 || h->items[i].replica != replica))
                i++;
        return i;
}

static void set_phase(struct instance *i, enum phase phase) {
        i->phase = phase;
        i->alive = i->populated = phase_is_up(phase);
        i->launching = phase == PHASE_STARTING;
        i->desire = phase == PHASE_STOPPED ? DESIRE_STOPPED : DESIRE_RUN;
}

static void populate(struct host *h, const struct spec *s) {
        static const enum phase phases[] = { PHASE_READY,  PHASE_READY,   PHASE_READY,   PHASE_STOPPED,
                                             PHASE_FAILED, PHASE_BACKOFF, PHASE_STARTING };

        for (size_t i = 0; i < s->n_containers; i++)
                for (uint32_t k = 1; k <= s->containers[i].replicas; k++) {
                        if (roll(8) == 0)
                                continue;
                        instance_init(h->items + h->n, "shop", s->containers[i].name, k, &(struct policy){ 0 });
                        set_phase(h->items + h->n, phases[roll(ARRAY_SIZE(phases))]);
                        h->items[h->n].revision = 1;
                        if (roll(8) == 0) {
                                h->items[h->n].outdated = true;
                                h->items[h->n].revision = 0;
                        }
                        h->runs[h->n++] = s;
                }
        for (size_t i = 0; i < ARRAY_SIZE(h->pointers); i++)
                h->pointers[i] = h->items + i;
}

/* Nobody may be inside the namespaces of somebody who is down, by the declaration he runs. */
static void nobody_is_orphaned(const struct host *h, const char *down) {
        for (size_t i = 0; i < h->n; i++)
                if (h->runs[i] && phase_is_up(h->items[i].phase)) {
                        const struct spec_container *c = spec_find(h->runs[i], h->items[i].container);

                        assert_false(c && order_follows(c, down, NULL));
                }
}

static size_t count_up(const struct host *h, const char *container, uint64_t up_to) {
        size_t n = 0;

        for (size_t i = 0; i < h->n; i++)
                n += strcmp(h->items[i].container, container) == 0 && h->items[i].replica <= up_to && phase_is_up(h->items[i].phase);
        return n;
}

/* A start-first update takes nothing away. `up`: how many were at its beginning. */
static void capacity_is_kept(const struct plan_action *a, const struct spec_container *declared, size_t up, size_t now) {
        if (a->update && a->kind == ACTION_REPLACE && up == declared->replicas && declared->update_config.order == ORDER_START_FIRST)
                assert_true(now > declared->replicas); /* one is about to go */
}

/* Does the first `limit` of the plan's actions. */
static void carry_out(struct host *h, const struct plan *p, const struct plan_input *in, size_t limit) {
        bool done[128] = { false };
        size_t up[HOST_MAX] = { 0 }; /* per container of new_spec, before the first action that launches */

        assert_true(p->n_actions <= ARRAY_SIZE(done));
        for (size_t k = 0; k < p->n_actions && k < limit; k++) {
                const struct plan_action *a = p->actions + k;
                size_t i = a->container ? find(h, a->container, a->replica) : h->n;
                const struct spec_container *declared = a->container && in->new_spec ? spec_find(in->new_spec, a->container) : NULL;
                size_t *before = declared ? &up[declared - in->new_spec->containers] : NULL;

                for (size_t n = 0; n < a->n_after; n++)
                        assert_true(a->after[n] < k && done[a->after[n]]);
                for (size_t n = 0; n < a->n_proven; n++)
                        assert_true(a->proven[n] < k && p->actions[a->proven[n]].update &&
                                    strcmp(p->actions[a->proven[n]].container, a->container) == 0);
                done[k] = true;
                if (before && *before == 0)
                        *before = count_up(h, a->container, declared->replicas);
                switch (a->kind) {
                case ACTION_STOP:
                        assert_true(i < h->n);
                        nobody_is_orphaned(h, a->container);
                        set_phase(h->items + i, PHASE_STOPPED);
                        break;
                case ACTION_REMOVE:
                        assert_true(!declared || a->replica > declared->replicas);
                        if (!declared)
                                nobody_is_orphaned(h, a->container);
                        if (i < h->n) {
                                h->items[i] = h->items[h->n - 1];
                                h->runs[i] = h->runs[--h->n];
                        }
                        break;
                case ACTION_UPDATE_LIVE:
                        assert_true(a->change->class == CHANGE_LIVE);
                        __attribute__((fallthrough));
                case ACTION_UPDATE_META:
                        h->runs[i] = in->new_spec;
                        h->items[i].revision = in->revision;
                        break;
                case ACTION_REPLACE:
                        assert_true(i < h->n);
                        assert_true(h->items[i].revision != in->revision || a->change->follows);
                        nobody_is_orphaned(h, a->container);
                        capacity_is_kept(a, declared, *before, count_up(h, a->container, UINT64_MAX));
                        __attribute__((fallthrough));
                case ACTION_START:
                        for (int ns = 0; ns < _NS_MAX; ns++) { /* whom it joins is up */
                                const struct spec_namespace *n = &declared->namespaces[ns];

                                if (n->mode == NS_CONTAINER)
                                        assert_true(phase_is_up(h->items[find(h, n->container, 1)].phase) ||
                                                    h->items[find(h, n->container, 1)].phase == PHASE_BACKOFF ||
                                                    h->items[find(h, n->container, 1)].phase == PHASE_STARTING);
                        }
                        if (i == h->n) {
                                assert_true(h->n < HOST_MAX);
                                instance_init(h->items + h->n++, "shop", a->container, a->replica, &(struct policy){ 0 });
                        }
                        set_phase(h->items + i, PHASE_READY);
                        h->items[i].outdated = false;
                        h->items[i].revision = in->revision;
                        h->runs[i] = in->new_spec;
                        break;
                case ACTION_FORGET_STACK:
                        assert_int_equal(h->n, 0);
                        assert_int_equal(k, p->n_actions - 1);
                        break;
                case _ACTION_KIND_MAX:
                        fail();
                }
        }
        if (limit < p->n_actions) /* it was cut off: what it did not get to is marked, as the supervisor does */
                for (size_t k = limit; k < p->n_actions; k++) {
                        const struct plan_action *a = p->actions + k;
                        size_t i = a->container ? find(h, a->container, a->replica) : h->n;

                        if (i < h->n && (a->kind == ACTION_START || a->kind == ACTION_REPLACE) && phase_is_up(h->items[i].phase))
                                h->items[i].outdated = true;
                }
}

/* Every container has as many instances as are declared, and nothing else is there. */
static void is_as_declared(const struct host *h, const struct spec *s) {
        size_t n = 0;

        for (size_t i = 0; i < s->n_containers; i++)
                for (uint32_t k = 1; k <= s->containers[i].replicas; k++, n++)
                        assert_true(find(h, s->containers[i].name, k) < h->n);
        assert_int_equal(h->n, n);
}

static struct plan *make(const struct plan_input *in) {
        struct diag_list diags;
        struct plan *p = NULL;

        assert_int_equal(diag_list_init(&diags, "random"), 0);
        assert_int_equal(plan_make(in, &diags, &p), 0);
        diag_list_done(&diags);
        return p;
}

/* 2,000 pairs of stacks on random hosts: after the plan every declared container runs what is declared, nothing else is left, and the
 * next plan is empty. Some are cut off and taken back. Then the stack goes, and the host is empty. */
static void plans_converge(void **state _unused_) {
        for (uint64_t n = 1; n <= 2000; n++) {
                _cleanup_buf_ struct buf old_text = BUF_NULL, new_text = BUF_NULL;
                _cleanup_stack_ struct stack old = STACK_NULL, new = STACK_NULL;
                struct host h = { 0 };

                seed = n;
                bool old_up = roll(2), new_up = roll(2);
                random_stack(&old_text, old_up);
                random_stack(&new_text, new_up);
                load(&old_text, &old);
                load(&new_text, &new);
                populate(&h, old.spec);

                struct plan_input in = { .old_spec = roll(10) ? old.spec : NULL,
                                         .new_spec = new.spec,
                                         .instances = h.pointers,
                                         .n_instances = h.n,
                                         .revision = 2 };
                if (!in.old_spec)
                        h.n = in.n_instances = 0;
                _cleanup_plan_ struct plan *p = make(&in);
                bool back = in.old_spec && old_up == new_up && roll(3) > 0; /* in no circle of what runs */
                for (size_t i = 0; i < h.n; i++)
                        back = back && h.items[i].revision > 0; /* what it runs would be in neither file */
                carry_out(&h, p, &in, back ? roll((unsigned)p->n_actions + 1) : SIZE_MAX);
                if (back) {
                        for (size_t i = 0; i < h.n; i++) /* as the supervisor does: it was not got to */
                                h.items[i].outdated = h.items[i].outdated && h.items[i].revision != 1;
                        in = (struct plan_input){ .old_spec = new.spec,
                                                  .new_spec = old.spec,
                                                  .instances = h.pointers,
                                                  .n_instances = h.n,
                                                  .revision = 1 };
                        _cleanup_plan_ struct plan *away = make(&in);
                        carry_out(&h, away, &in, SIZE_MAX);
                } else
                        assert_int_equal(p->n_added + p->n_changed + p->n_unchanged, new.spec->n_containers);
                is_as_declared(&h, in.new_spec);

                in.old_spec = in.new_spec;
                in.n_instances = h.n;
                _cleanup_plan_ struct plan *again = make(&in);
                assert_true(plan_is_empty(again));
                assert_int_equal(again->n_actions, 0);

                in.new_spec = NULL;
                _cleanup_plan_ struct plan *removal = make(&in);
                carry_out(&h, removal, &in, SIZE_MAX);
        }
}

static void circles_are_refused(void **state _unused_) {
        struct spec_container c[] = {
                { .name = "a" },
                { .name = "b", .namespaces[NS_NET] = { .mode = NS_CONTAINER, .container = "c" } },
                { .name = "c", .namespaces[NS_PID] = { .mode = NS_CONTAINER, .container = "b" } },
                { .name = "d", .namespaces[NS_IPC] = { .mode = NS_CONTAINER, .container = "nobody" } },
        };
        struct spec s = { .name = "shop", .containers = c, .n_containers = 4 };
        size_t order[4], at = 99;

        assert_int_equal(order_containers(&s, order, &at), -ELOOP);
        assert_int_equal(at, 1);
        c[2].namespaces[NS_PID].mode = NS_PRIVATE;
        assert_int_equal(order_containers(&s, order, &at), 0);
        assert_int_equal(order[0], 0);
        assert_int_equal(order[1], 2);
        assert_int_equal(order[2], 1);
        assert_int_equal(order[3], 3); /* whom it wants is not declared: validation's matter */
        const char *key = NULL;
        assert_true(order_follows(c + 1, "c", &key));
        assert_string_equal(key, "namespaces.net");
        assert_false(order_follows(c, "c", &key));
}

static void chain_text(struct buf *out, int n, const char *last_command) {
        buf_puts(out, "name: shop\ncontainers:\n");
        for (int i = 0; i < n; i++) {
                buf_printf(out, "  c%d: {rootfs: {layers: [{dir: /l}]}, command: [%s]", i, i + 1 < n ? "/a" : last_command);
                if (i + 1 < n)
                        buf_printf(out, ", namespaces: {net: \"container:c%d\"}", i + 1);
                buf_puts(out, "}\n");
        }
}

/* A thousand containers in one chain, all to be replaced because of the last: no stack overflow, and in a moment. */
static void a_long_chain(void **state _unused_) {
        enum { N = 1000 };
        struct instance *items = calloc(N, sizeof(*items));
        const struct instance **pointers = calloc(N, sizeof(*pointers));
        _cleanup_buf_ struct buf old_text = BUF_NULL, new_text = BUF_NULL;
        _cleanup_stack_ struct stack old = STACK_NULL, new = STACK_NULL;

        chain_text(&old_text, N, "/a");
        chain_text(&new_text, N, "/b");
        load(&old_text, &old);
        load(&new_text, &new);
        for (int i = 0; i < N; i++) {
                instance_init(items + i, "shop", old.spec->containers[i].name, 1, &(struct policy){ 0 });
                set_phase(items + i, PHASE_READY);
                pointers[i] = items + i;
        }
        struct plan_input in = { .old_spec = old.spec, .new_spec = new.spec, .instances = pointers, .n_instances = N, .revision = 2 };
        _cleanup_plan_ struct plan *p = make(&in);
        assert_int_equal(p->n_changed, N);
        assert_int_equal(p->n_actions, 2 * N - 1);
        assert_string_equal(p->actions[N - 1].container, "c999");
        assert_int_equal(p->actions[N - 1].kind, ACTION_REPLACE);
        free(items);
        free(pointers);
}

/* A plan out of a socket that is none. */
static void json_that_is_no_plan(void **state _unused_) {
        static const char *const bad[] = {
                "{}",
                "[]",
                "{\"stack\":\"s\",\"revision\":1,\"changes\":{},\"added\":0,\"changed\":0,\"removed\":0,\"unchanged\":0}",
                "{\"stack\":\"s\",\"revision\":-1,\"changes\":[],\"added\":0,\"changed\":0,\"removed\":0,\"unchanged\":0}",
                "{\"stack\":\"s\",\"revision\":1,\"changes\":[7],\"added\":0,\"changed\":0,\"removed\":0,\"unchanged\":0}",
                "{\"stack\":\"s\",\"revision\":1,\"changes\":[{\"container\":\"a\",\"symbol\":\"~\",\"class\":\"odd\",\"keys\":[]}],\"added\":0,\"changed\":0,\"removed\":0,\"unchanged\":0}",
                "{\"stack\":\"s\",\"revision\":1,\"changes\":[{\"container\":\"a\",\"class\":\"new\",\"keys\":[{\"path\":\"k\",\"class\":\"odd\"}]}],\"added\":0,\"changed\":0,\"removed\":0,\"unchanged\":0}",
                "{\"stack\":\"s\",\"revision\":1,\"changes\":[{\"container\":\"a\",\"class\":\"new\",\"keys\":[],\"follows\":\"x\"}],\"added\":0,\"changed\":0,\"removed\":0,\"unchanged\":0}",
        };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                json_t *j = json_loads(bad[i], 0, NULL);
                struct plan *p = NULL;
                struct err err;

                assert_non_null(j);
                assert_int_equal(plan_from_json(j, &p, &err), -EBADMSG);
                assert_null(p);
                json_decref(j);
        }
}

/* A supervisor that begins: only what never began or runs something else, in order; what somebody decided stays decided. */
static void resume_does_the_rest(void **state _unused_) {
        static const struct {
                enum phase phase;
                bool outdated, kept;
                enum plan_verb verb;
        } cases[] = {
                { PHASE_PENDING, false, false, PLAN_STARTED },     { PHASE_READY, false, false, PLAN_UNCHANGED },
                { PHASE_READY, true, false, PLAN_REPLACED },       { PHASE_STOPPED, false, false, PLAN_UNCHANGED },
                { PHASE_STOPPED, true, false, PLAN_UNCHANGED },    { PHASE_FAILED, false, false, PLAN_UNCHANGED },
                { PHASE_COMPLETED, false, false, PLAN_UNCHANGED }, { PHASE_BACKOFF, false, false, PLAN_UNCHANGED },
                { PHASE_BACKOFF, true, false, PLAN_REPLACED },     { PHASE_FAILED, true, false, PLAN_REPLACED },
        };
        _cleanup_buf_ struct buf text = BUF_NULL;
        _cleanup_stack_ struct stack s = STACK_NULL;
        struct diag_list diags;

        buf_puts(&text, "name: shop\ncontainers:\n");
        for (size_t n = 0; n < ARRAY_SIZE(cases); n++)
                buf_printf(&text, "  c%zu: {rootfs: {layers: [{dir: /l}]}, command: [/bin/x]}\n", n);
        load(&text, &s);
        struct instance items[ARRAY_SIZE(cases) + 2];
        const struct instance *pointers[ARRAY_SIZE(items)];
        for (size_t n = 0; n < ARRAY_SIZE(items); n++) {
                char name[NAME_SIZE];
                struct policy policy = policy_of(&s.spec->containers[0]);

                (void)snprintf(name, sizeof(name), "c%zu", n);
                instance_init(&items[n], "shop", name, 1, &policy);
                set_phase(&items[n], n < ARRAY_SIZE(cases) ? cases[n].phase : PHASE_READY);
                items[n].outdated = n < ARRAY_SIZE(cases) && cases[n].outdated;
                items[n].kept = n == ARRAY_SIZE(cases); /* the last two are not declared; one is kept */
                pointers[n] = &items[n];
        }
        assert_int_equal(diag_list_init(&diags, "x"), 0);
        _cleanup_plan_ struct plan *p = NULL;
        assert_int_equal(plan_make(&(struct plan_input){ .old_spec = s.spec,
                                                         .new_spec = s.spec,
                                                         .instances = pointers,
                                                         .n_instances = ARRAY_SIZE(items),
                                                         .revision = 1,
                                                         .resume = true },
                                   &diags, &p),
                         0);
        diag_list_done(&diags);
        assert_int_equal(p->n_changes, ARRAY_SIZE(items));
        for (size_t n = 0; n < ARRAY_SIZE(cases); n++)
                if (p->changes[n].verb != cases[n].verb)
                        fail_msg("c%zu: %s", n, plan_change_word(&p->changes[n]));
        assert_int_equal(p->changes[ARRAY_SIZE(cases)].verb, PLAN_KEPT);
        assert_int_equal(p->changes[ARRAY_SIZE(cases) + 1].verb, PLAN_REMOVED);
}

/* Whom it follows is started anew: it was stopped by an operator, and is on its way down still. */
static void resume_leaves_a_stopped_follower(void **state _unused_) {
        _cleanup_buf_ struct buf text = BUF_NULL;
        _cleanup_stack_ struct stack s = STACK_NULL;
        struct instance items[2];
        const struct instance *pointers[] = { &items[0], &items[1] };
        struct diag_list diags;

        buf_puts(&text, "name: shop\ncontainers:\n  c0: {rootfs: {layers: [{dir: /l}]}, command: [/bin/x]}\n"
                        "  c1: {rootfs: {layers: [{dir: /l}]}, command: [/bin/x], namespaces: {net: \"container:c0\"}}\n");
        load(&text, &s);
        for (size_t n = 0; n < 2; n++) {
                struct policy policy = policy_of(&s.spec->containers[n]);

                instance_init(&items[n], "shop", n ? "c1" : "c0", 1, &policy);
        }
        set_phase(&items[1], PHASE_STOPPING);
        items[1].desire = DESIRE_STOPPED;
        assert_int_equal(diag_list_init(&diags, "x"), 0);
        _cleanup_plan_ struct plan *p = NULL;
        struct plan_input in = {
                .old_spec = s.spec, .new_spec = s.spec, .instances = pointers, .n_instances = 2, .revision = 1, .resume = true
        };
        assert_int_equal(plan_make(&in, &diags, &p), 0);
        diag_list_done(&diags);
        assert_int_equal(p->changes[0].verb, PLAN_STARTED);
        assert_int_equal(p->changes[1].verb, PLAN_UNCHANGED);
}

static void words(void **state _unused_) {
        char seen[_PLAN_VERB_MAX + 1] = "";

        for (int v = 0; v < _PLAN_VERB_MAX; v++)
                seen[v] = plan_verb_symbol((enum plan_verb)v);
        assert_string_equal(seen, ".+-~!>.");
        assert_string_equal(action_kind_name(ACTION_FORGET_STACK), "forget_stack");
        assert_string_equal(action_kind_name(_ACTION_KIND_MAX), "?");
}

unit_main(cmocka_unit_test(plans_converge), cmocka_unit_test(resume_does_the_rest),
          cmocka_unit_test(resume_leaves_a_stopped_follower), cmocka_unit_test(circles_are_refused),
          cmocka_unit_test(a_long_chain), cmocka_unit_test(json_that_is_no_plan), cmocka_unit_test(words));
