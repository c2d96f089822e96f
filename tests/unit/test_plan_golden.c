/* The reconcile cases of tests/golden, as data: <case>/{old.yaml,new.yaml,status} -> plan.txt. Either file may be missing: the
 * stack was not there, or is to go. A line of status: "revision N", "prune no", or "<container>.<n> <phase> [outdated | held | stopped | the
 * failure's words]". plan.txt has the plan for a terminal, for a pipe, and the actions; or the complaints of a plan that is refused.
 * CTRSUP_GOLDEN_UPDATE=1 writes plan.txt anew: read the diff before you commit it.
 */
#include "unit.h"

#include <ctrsup/plan/explain.h>
#include <ctrsup/spec/load.h>

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char golden[] = "tests/golden";

/* "" when there is no such file. */
static char *slurp(const char *dir, const char *name) {
        char path[512];
        _cleanup_buf_ struct buf text = BUF_NULL;
        char block[4096];
        size_t n;

        (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
        _cleanup_file_ FILE *f = fopen(path, "re");
        while (f && (n = fread(block, 1, sizeof(block), f)) > 0)
                buf_put(&text, block, n);
        return buf_take(&text);
}

static void load(const char *dir, const char *name, struct stack *ret) {
        _cleanup_free_ char *text = slurp(dir, name);
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct diag_list diags;

        if (!text || !*text)
                return;
        assert_int_equal(diag_list_init(&diags, name), 0);
        if (stack_load(text, strlen(text), &(struct stack_source){ .file = name, .base_dir = "/stacks" }, &diags, ret) < 0) {
                diag_print(&diags, text, &out);
                fail_msg("%s: %s", dir, buf_text(&out));
        }
        diag_list_done(&diags);
}

struct world {
        struct instance items[32];
        const struct instance *pointers[32];
        size_t n;
        uint64_t revision;
        bool prune_no;
};

static void set_phase(struct instance *i, enum phase phase, const char *rest) {
        i->phase = phase;
        i->alive = i->populated = phase_is_up(phase);
        i->launching = phase == PHASE_STARTING;
        if (phase == PHASE_STOPPED)
                i->desire = DESIRE_STOPPED;
        if (strcmp(rest, "outdated") == 0)
                i->outdated = true;
        else if (strcmp(rest, "held") == 0)
                i->desire = DESIRE_HELD;
        else if (strcmp(rest, "stopped") == 0)
                i->desire = DESIRE_STOPPED;
        else
                (void)snprintf(i->message, sizeof(i->message), "%s", rest);
}

static void read_status(const char *dir, struct world *w) {
        _cleanup_free_ char *text = slurp(dir, "status");
        char *save = NULL;

        w->revision = 1;
        for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                char container[64], phase[64];
                uint32_t replica;
                int rest = 0;

                if (sscanf(line, "revision %" SCNu64, &w->revision) == 1)
                        continue;
                if (strcmp(line, "prune no") == 0) {
                        w->prune_no = true;
                        continue;
                }
                if (sscanf(line, "%63[^.].%" SCNu32 " %63s %n", container, &replica, phase, &rest) != 3 || phase_value(phase) < 0)
                        fail_msg("%s/status: what is \"%s\"?", dir, line);
                struct instance *i = w->items + w->n;
                instance_init(i, "shop", container, replica, &(struct policy){ 0 });
                set_phase(i, phase_value(phase), line + rest);
                w->pointers[w->n++] = i;
        }
}

static void put_actions(const struct plan *p, struct buf *out) {
        for (size_t i = 0; i < p->n_actions; i++) {
                const struct plan_action *a = p->actions + i;

                buf_printf(out, "%zu %s", i, action_kind_name(a->kind));
                if (a->container)
                        buf_printf(out, " %s.%" PRIu32, a->container, a->replica);
                for (size_t k = 0; k < a->n_after; k++)
                        buf_printf(out, "%s%" PRIu32, k ? ", " : " after ", a->after[k]);
                if (a->update)
                        buf_puts(out, " on trial");
                for (size_t k = 0; k < a->n_proven; k++)
                        buf_printf(out, "%s%" PRIu32, k ? ", " : " proven ", a->proven[k]);
                buf_putc(out, '\n');
        }
}

/* What the client prints must be what the supervisor would: the plan goes through JSON and back. */
static void same_through_json(const struct plan *p, const char *terminal) {
        json_t *json = plan_to_json(p);
        _cleanup_plan_ struct plan *back = NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct err err;

        assert_non_null(json);
        assert_int_equal(plan_from_json(json, &back, &err), 0);
        plan_explain(back, EXPLAIN_TERMINAL, &out);
        assert_string_equal(buf_text(&out), terminal);
        json_t *again = plan_to_json(back);
        assert_true(json_equal(json, again));
        json_decref(again);
        json_decref(json);
}

static void plan_case(const char *dir, struct buf *out) {
        _cleanup_stack_ struct stack old = STACK_NULL, new = STACK_NULL;
        struct world w = { 0 };
        _cleanup_plan_ struct plan *p = NULL;
        _cleanup_buf_ struct buf terminal = BUF_NULL;
        struct diag_list diags;

        load(dir, "old.yaml", &old);
        load(dir, "new.yaml", &new);
        read_status(dir, &w);
        assert_int_equal(diag_list_init(&diags, "new.yaml"), 0);
        int r = plan_make(&(struct plan_input){ .old_spec = old.spec,
                                                .new_spec = new.spec,
                                                .instances = w.pointers,
                                                .n_instances = w.n,
                                                .revision = w.revision,
                                                .keep_undeclared = w.prune_no },
                          &diags, &p);
        if (r == -EPERM) {
                buf_puts(out, "[refused]\n");
                diag_print(&diags, NULL, out);
        } else {
                assert_int_equal(r, 0);
                plan_explain(p, EXPLAIN_TERMINAL, &terminal);
                same_through_json(p, buf_text(&terminal));
                buf_printf(out, "[terminal]\n%s[pipe]\n", buf_text(&terminal));
                plan_explain(p, EXPLAIN_PIPE, out);
                buf_puts(out, "[actions]\n");
                put_actions(p, out);
                assert_int_equal(plan_is_empty(p), p->n_actions == 0);
        }
        diag_list_done(&diags);
}

static bool check_case(const char *name) {
        char dir[512], path[600];
        _cleanup_buf_ struct buf out = BUF_NULL;

        (void)snprintf(dir, sizeof(dir), "%s/%s", golden, name);
        plan_case(dir, &out);
        if (getenv("CTRSUP_GOLDEN_UPDATE")) {
                (void)snprintf(path, sizeof(path), "%s/plan.txt", dir);
                _cleanup_file_ FILE *f = fopen(path, "we");
                assert_non_null(f);
                (void)fputs(buf_text(&out), f);
        }
        _cleanup_free_ char *expected = slurp(dir, "plan.txt");
        if (strcmp(expected, buf_text(&out)) == 0)
                return true;
        print_message("%s: expected\n%s\n%s: got\n%s\n", name, expected, name, buf_text(&out));
        return false;
}

static void every_case(void **state _unused_) {
        struct dirent **cases = NULL;
        int n = scandir(golden, &cases, NULL, alphasort), wrong = 0, seen = 0;

        if (n < 0)
                fail_msg("no %s here: run from the top of the tree", golden);
        for (int i = 0; i < n; i++) {
                if (cases[i]->d_type == DT_DIR && cases[i]->d_name[0] != '.') {
                        wrong += !check_case(cases[i]->d_name);
                        seen++;
                }
                free(cases[i]);
        }
        free(cases);
        assert_int_equal(wrong, 0);
        assert_true(seen >= 20);
}

/* Every example: from nothing all is new, in an order that can be done; once it runs, nothing is left to do. */
static void plan_example(const char *dir, const char *name) {
        _cleanup_stack_ struct stack stack = STACK_NULL;
        struct world w = { 0 };
        struct diag_list diags;

        load(dir, name, &stack);
        assert_non_null(stack.spec);
        size_t n_instances = 0;
        for (size_t n = 0; n < stack.spec->n_containers; n++)
                n_instances += stack.spec->containers[n].replicas;
        assert_true(n_instances <= ARRAY_SIZE(w.items));
        assert_int_equal(diag_list_init(&diags, name), 0);
        for (int turn = 0; turn < 2; turn++) {
                _cleanup_plan_ struct plan *p = NULL;

                assert_int_equal(plan_make(&(struct plan_input){ .old_spec = turn ? stack.spec : NULL,
                                                                 .new_spec = stack.spec,
                                                                 .instances = w.pointers,
                                                                 .n_instances = w.n,
                                                                 .revision = 1 },
                                           &diags, &p),
                                 0);
                assert_int_equal(plan_is_empty(p), turn == 1);
                assert_int_equal(turn ? p->n_unchanged : p->n_added, stack.spec->n_containers);
                assert_int_equal(p->n_actions, turn ? 0 : n_instances);
                for (size_t n = 0; turn == 0 && n < stack.spec->n_containers; n++)
                        for (uint32_t k = 1; k <= stack.spec->containers[n].replicas; k++, w.n++) {
                                const struct spec_container *c = stack.spec->containers + n;
                                struct policy policy = policy_of(c);

                                instance_init(w.items + w.n, stack.spec->name, c->name, k, &policy);
                                set_phase(w.items + w.n, c->type == TYPE_JOB ? PHASE_COMPLETED : PHASE_READY, "");
                                w.pointers[w.n] = w.items + w.n;
                        }
        }
        diag_list_done(&diags);
}

static int plan_examples(const char *dir) {
        struct dirent **files = NULL;
        int n = scandir(dir, &files, NULL, alphasort), seen = 0;

        assert_true(n >= 0);
        for (int i = 0; i < n; i++) {
                size_t len = strlen(files[i]->d_name);
                char path[300];

                if (len > 5 && strcmp(files[i]->d_name + len - 5, ".yaml") == 0) {
                        plan_example(dir, files[i]->d_name);
                        seen++;
                } else if (files[i]->d_type == DT_DIR && files[i]->d_name[0] != '.') {
                        (void)snprintf(path, sizeof(path), "%s/%s", dir, files[i]->d_name);
                        seen += plan_examples(path);
                }
                free(files[i]);
        }
        free(files);
        return seen;
}

static void every_example(void **state _unused_) {
        assert_true(plan_examples("examples") >= 6);
}

unit_main(cmocka_unit_test(every_case), cmocka_unit_test(every_example));
