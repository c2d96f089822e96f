/* Inside of a recipe plan: shared by the files that make one and the one that explains it. */
#pragma once

#include <ctrsup/act/recipe_make.h>

struct recipe_step {
        const char *words; /* "mount overlay" */
        const char *key;   /* below the container: "rootfs.layers[1].dir"; "" for the container itself */
        enum recipe_op_kind kind;
};

struct recipe_plan {
        struct arena *arena; /* the plan itself is in it */
        struct recipe *recipe; /* NULL once sent */
        const struct spec *spec;
        const struct spec_container *container;
        const char *label;
        const char *command, *path, *user; /* for the words about them */
        bool exec;
        struct recipe_step steps[RECIPE_OPS_MAX];
        size_t n_steps;
        bool failed; /* out of memory */
};

struct recipe_plan *recipe_plan_new(const struct spec *spec, const struct spec_container *c, unsigned replica, const struct recipe_head *head);
/* Adds an operation with its words; key and words are copied. */
void recipe_plan_step(struct recipe_plan *p, const struct recipe_args *args, const char *key, const char *words, ...) _printf_(4, 5);
/* The operation of recipe_plan_step(): OP(LAYER, .str = { dir }, .num = { slot }); OP_FD where one belongs to it. */
#define OP_FD(name, which, ...) (&(struct recipe_args){ .kind = RECIPE_##name, .fd = (which), __VA_ARGS__ })
#define OP(name, ...) OP_FD(name, -EBADF, __VA_ARGS__)
/* Was the key written in the file, or is its value a default? path: from the top; key: below the container. */
bool recipe_path_is_written(const struct recipe_plan *p, const char *path);
bool recipe_key_is_written(const struct recipe_plan *p, const char *key);

/* -- recipe_env.c -- */
struct recipe_env {
        const struct spec *spec;
        const struct spec_container *container;
        unsigned replica;
        const uint8_t *id;
        const struct spec_pair *more; /* win over all */
        size_t n_more;
        bool notifies; /* it has a notify socket */
};
/* Puts the environment into the plan's recipe and its PATH into plan->path. */
void recipe_plan_env(struct recipe_plan *p, const struct recipe_env *env);
const char *recipe_hostname(struct recipe_plan *p, unsigned replica); /* NULL: the host's */

/* -- recipe_mounts.c -- */
enum { RECIPE_NO_SLOT = -1 };
struct recipe_slots {
        uint32_t next;
        uint32_t first_layer, upper, overlay, dev, shm, notify;
        uint32_t proc, sysfs, cgroup, mqueue; /* of those made in the preparer; UINT32_MAX: the payload makes it */
        uint32_t *volumes;                    /* one for each of the container's */
};
/* What of /proc and /sys every container sees read-only or not at all, where the kernel has it; NULL ends them. */
extern const char *const recipe_read_only_paths[], *const recipe_masked_paths[];
/* Operations of the preparer, then of the payload. */
int recipe_plan_open_mounts(struct recipe_plan *p, const struct recipe_input *in, struct recipe_slots *slots, struct err *err);
void recipe_plan_join_mounts(struct recipe_plan *p, const struct recipe_input *in, struct recipe_slots *slots);
void recipe_plan_attach_mounts(struct recipe_plan *p, const struct recipe_input *in, struct recipe_slots *slots);

/* -- recipe_process.c: what a start and an exec have in common -- */
struct recipe_process {
        const struct spec_container *container;
        const char *user, *working_dir, *user_key, *dir_key, *command_key;
        const struct recipe_stream *stdio;
        int pty_socket;
        unsigned rows, columns;
        unsigned command_flags;
        int filter_fd; /* -EBADF: none */
};
void recipe_plan_cgroups(struct recipe_plan *p, const int *tasks_fds, size_t n);
void recipe_plan_prepare_process(struct recipe_plan *p, const struct recipe_process *process);
void recipe_plan_become_process(struct recipe_plan *p, const struct recipe_process *process);
