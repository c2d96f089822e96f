/* The builder's side of a recipe; see recipe.h. recipe_check.c is the reader's. */
#include <ctrsup/keeper/recipe.h>

#include <string.h>

struct recipe {
        struct recipe_header header;
        struct buf ops, strings, argv, envp;
        int fds[RECIPE_FDS_MAX];
        size_t n_fds;
        int error; /* the first thing that went wrong, -errno */
};

static void recipe_fail(struct recipe *r, int error) {
        if (r->error == 0)
                r->error = error;
}

/* The index of fd among those that are passed; each is passed once. */
static uint32_t put_fd(struct recipe *r, int fd) {
        if (fd < 0)
                return RECIPE_NONE;
        for (size_t i = 0; i < r->n_fds; i++)
                if (r->fds[i] == fd)
                        return (uint32_t)i;
        if (r->n_fds == RECIPE_FDS_MAX) {
                recipe_fail(r, -E2BIG);
                return RECIPE_NONE;
        }
        r->fds[r->n_fds] = fd;
        return (uint32_t)r->n_fds++;
}

static uint32_t put_string(struct recipe *r, const char *text) {
        if (!text)
                return RECIPE_NONE;
        size_t offset = r->strings.len, size = strlen(text) + 1;
        if (size > RECIPE_STRING_MAX || offset + size > RECIPE_SIZE_MAX) {
                recipe_fail(r, -E2BIG);
                return RECIPE_NONE;
        }
        buf_put(&r->strings, text, size);
        return (uint32_t)offset;
}

struct recipe *recipe_new(const struct recipe_head *head) {
        struct recipe *r = calloc(1, sizeof(*r));

        if (!r)
                return NULL;
        r->header.magic = RECIPE_MAGIC;
        r->header.version = RECIPE_VERSION;
        r->header.kind = head->kind;
        r->header.root_uid = head->root_uid;
        r->header.root_gid = head->root_gid;
        r->header.cgroup_fd = put_fd(r, head->cgroup_fd);
        r->header.kill_fd = put_fd(r, head->kill_fd);
        r->header.userns_fd = put_fd(r, head->userns_fd);
        return r;
}

struct recipe *recipe_free(struct recipe *r) {
        if (r) {
                buf_done(&r->ops);
                buf_done(&r->strings);
                buf_done(&r->argv);
                buf_done(&r->envp);
                free(r);
        }
        return NULL;
}

void recipe_add(struct recipe *r, const struct recipe_args *args) {
        struct recipe_op op = {
                .kind = (uint16_t)args->kind,
                .flags = (uint16_t)args->flags,
                .str = { put_string(r, args->str[0]), put_string(r, args->str[1]) },
                .fd = put_fd(r, args->fd),
        };

        memcpy(op.num, args->num, sizeof(op.num));
        if (r->header.n_ops == RECIPE_OPS_MAX) {
                recipe_fail(r, -E2BIG);
                return;
        }
        buf_put(&r->ops, &op, sizeof(op));
        r->header.n_ops++;
}

static void put_vector(struct recipe *r, struct buf *vector, uint32_t *n, uint32_t string) {
        if (*n == RECIPE_ARGV_MAX) {
                recipe_fail(r, -E2BIG);
                return;
        }
        buf_put(vector, &string, sizeof(string));
        ++*n;
}

void recipe_arg(struct recipe *r, const char *arg) {
        put_vector(r, &r->argv, &r->header.n_argv, put_string(r, arg));
}

void recipe_env(struct recipe *r, const char *name, const char *value) {
        _cleanup_buf_ struct buf pair = BUF_NULL;

        buf_printf(&pair, "%s=%s", name, value);
        if (buf_failed(&pair))
                recipe_fail(r, -ENOMEM);
        else
                put_vector(r, &r->envp, &r->header.n_envp, put_string(r, buf_text(&pair)));
}

size_t recipe_n_ops(const struct recipe *r) {
        return r->header.n_ops;
}

const int *recipe_fds(const struct recipe *r, size_t *ret_n) {
        *ret_n = r->n_fds;
        return r->fds;
}

int recipe_finish(const struct recipe *r, struct buf *out) {
        struct recipe_header h = r->header;

        if (r->error < 0)
                return r->error;
        if (buf_failed(&r->ops) || buf_failed(&r->strings) || buf_failed(&r->argv) || buf_failed(&r->envp))
                return -ENOMEM;

        size_t ops = sizeof(h), argv = ops + r->ops.len, envp = argv + r->argv.len, strings = envp + r->envp.len;
        size_t size = strings + r->strings.len;
        if (size > RECIPE_SIZE_MAX)
                return -E2BIG;
        h.size = (uint32_t)size;
        h.n_fds = (uint32_t)r->n_fds;
        h.ops = (uint32_t)ops;
        h.argv = (uint32_t)argv;
        h.envp = (uint32_t)envp;
        h.strings = (uint32_t)strings;
        h.strings_size = (uint32_t)r->strings.len;
        buf_put(out, &h, sizeof(h));
        buf_put(out, r->ops.data, r->ops.len);
        buf_put(out, r->argv.data, r->argv.len);
        buf_put(out, r->envp.data, r->envp.len);
        buf_put(out, r->strings.data, r->strings.len);
        return buf_failed(out) ? -ENOMEM : 0;
}
