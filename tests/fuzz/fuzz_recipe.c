/* Any bytes as a recipe: refused, or such that everything the child follows without looking lies where it must. Half of the
 * inputs are laid over a sound recipe, so that the rules behind the header are reached. */
#include <ctrsup/keeper/recipe.h>

#include <sched.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void build(struct buf *out) {
        struct recipe *r =
                recipe_new(&(struct recipe_head){ .kind = RECIPE_START, .cgroup_fd = 5, .kill_fd = 6, .userns_fd = 7 });
        static const struct recipe_args ops[] = {
                { RECIPE_LAYER, RECIPE_IDMAP, { "/l" }, -1, { 0 } },
                { RECIPE_BIND, 0, { "/s", "b" }, -1, { 3, 1 << 18 } },
                { RECIPE_MOUNT, 0, { NULL }, -1, { 1, RECIPE_FS_TMPFS, 1, 0755 } },
                { RECIPE_OVERLAY, 0, { NULL }, -1, { 2, 0, 1, 1 } },
                { RECIPE_RLIMIT, 0, { NULL }, -1, { 7, 1, 2 } },
                { RECIPE_SPAWN, 0, { NULL }, -1, { CLONE_NEWNS } },
                { RECIPE_ROOT, 0, { NULL }, -1, { 2 } },
                { RECIPE_SEED, 0, { "/d" }, -1, { 3 } },
                { RECIPE_ATTACH, 0, { "/d" }, -1, { 3 } },
                { RECIPE_PIVOT, 0, { NULL }, -1, { 0 } },
                { RECIPE_STREAM, 0, { NULL }, 8, { 1 } },
                { RECIPE_GROUP, 0, { "g" }, -1, { 0 } },
                { RECIPE_IDENTITY, 0, { "0" }, -1, { 0 } },
                { RECIPE_CHDIR, 0, { "/" }, -1, { 0 } },
                { RECIPE_COMMAND, 0, { "/bin" }, -1, { 0 } },
        };

        if (!r)
                __builtin_trap();
        for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
                recipe_add(r, &ops[i]);
        recipe_arg(r, "true");
        recipe_env(r, "A", "b");
        if (recipe_finish(r, out) < 0)
                __builtin_trap();
        recipe_free(r);
}

static void follow(const struct recipe_view *v) {
        volatile size_t sum = 0;

        for (uint32_t i = 0; i < v->header->n_argv; i++)
                sum += strlen(recipe_string(v, v->argv[i]));
        for (uint32_t i = 0; i < v->header->n_envp; i++)
                sum += strlen(recipe_string(v, v->envp[i]));
        for (uint32_t i = 0; i < v->header->n_ops; i++) {
                const struct recipe_op *op = &v->ops[i];
                for (int s = 0; s < 2; s++)
                        if (op->str[s] != RECIPE_NONE)
                                sum += strlen(recipe_string(v, op->str[s]));
                if (op->fd != RECIPE_NONE && op->fd >= v->header->n_fds)
                        __builtin_trap();
                if (op->kind == RECIPE_OVERLAY && (op->num[1] + op->num[2] > RECIPE_SLOTS_MAX || op->num[3] >= RECIPE_SLOTS_MAX))
                        __builtin_trap();
                if ((op->kind == RECIPE_LAYER || op->kind == RECIPE_ATTACH || op->kind == RECIPE_SYSCTL) &&
                    op->num[0] >= RECIPE_SLOTS_MAX)
                        __builtin_trap();
        }
        (void)sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static struct buf sound;
        struct recipe_view v;
        size_t n_fds = 4;

        if (size < 4 || size > 65536)
                return 0;
        if (!sound.data)
                build(&sound);
        size_t len = data[0] & 1 ? sound.len : size - 4, at = data[0] & 1 ? (size_t)(data[1] | data[2] << 8) % sound.len : 0;
        uint8_t *copy = aligned_alloc(16, (len + 16) / 16 * 16);
        if (!copy)
                return 0;
        if (data[0] & 1) {
                memcpy(copy, sound.data, sound.len);
                memcpy(copy + at, data + 4, size - 4 < len - at ? size - 4 : len - at);
        } else {
                memcpy(copy, data + 4, len);
                n_fds = data[3];
        }
        if (recipe_open(copy, len, n_fds, &v, NULL) == 0)
                follow(&v);
        free(copy);
        return 0;
}
