/* From {stage, errno, operation, detail} back to words. Each cure that is known is one row; the first that fits is taken. */
#include "recipe_plan.h"

#include <signal.h>
#include <string.h>

enum argument { NOTHING, PATH, USER }; /* what stands for %s in a hint */

enum { ANY = -1 };

struct cure {
        int kind, error, detail;
        const char *reason; /* instead of strerror(); NULL: strerror() */
        const char *hint;
        enum argument hint_argument;
};

/* clang-format off */
static const struct cure cures[] = {
        { RECIPE_COMMAND, ENOENT, KEEPER_DETAIL_INTERPRETER, "its interpreter or dynamic loader is not in the layers",
          "a script needs the program of its #! line, a dynamic program its ld-linux and libraries: add the layer that has them" },
        { RECIPE_COMMAND, EACCES, KEEPER_DETAIL_INTERPRETER, "its interpreter cannot be executed", "look at the mode of the program its first line names" },
        { RECIPE_COMMAND, EACCES, KEEPER_DETAIL_NOT_EXECUTABLE, "it is not executable", "chmod a+x it in the layer, and see that its directories can be entered by the container's user" },
        { RECIPE_COMMAND, EACCES, KEEPER_DETAIL_NOEXEC_MOUNT, "it is on a mount that is noexec", "take noexec away from the volume, or keep programs elsewhere" },
        { RECIPE_COMMAND, ENOEXEC, ANY, "it is not a program", "a script needs a first line like #!/bin/sh; a binary must be of this machine's kind" },
        { RECIPE_COMMAND, ENOENT, ANY, "no such command", "looked in %s of the container", PATH },
        { RECIPE_COMMAND, E2BIG, ANY, NULL, "arguments and environment together are too long for execve(2)" },
        { RECIPE_COMMAND, EAGAIN, ANY, NULL, "the user has as many processes as ulimits.nproc allows" },
        { RECIPE_IDENTITY, ANY, KEEPER_DETAIL_NO_USER, "no such user in the container's /etc/passwd", "write a number, or a name that the layers know" },
        { RECIPE_IDENTITY, ANY, KEEPER_DETAIL_NO_GROUP, "no such group in the container's /etc/group", "write a number, or a name that the layers know" },
        { RECIPE_IDENTITY, ANY, KEEPER_DETAIL_BAD_USER, "neither a name nor a number from 0 to 65534", "write \"uid\", \"name\", \"uid:gid\" or \"name:group\"" },
        { RECIPE_IDENTITY, ANY, KEEPER_DETAIL_UNMAPPED, "the id is not in the container's user_mapping", "map it, or take a smaller one" },
        { RECIPE_CHDIR, ENOENT, ANY, "no such directory in the container", "make it in a layer, or mount a volume there" },
        { RECIPE_CHDIR, EACCES, ANY, NULL, "user %s of the container cannot enter it", USER },
        { RECIPE_CHDIR, ANY, KEEPER_DETAIL_ESCAPE, "it leads out of the container", NULL },
        { RECIPE_LAYER, ENOENT, ANY, "no such directory", "layers are directories of this host; check the path, relative ones start at the stack file" },
        { RECIPE_LAYER, ANY, KEEPER_DETAIL_NOT_DIRECTORY, "it is not a directory", "unpack it, or name the directory" },
        { RECIPE_LAYER, ANY, KEEPER_DETAIL_IDMAP, "its file system has no idmapped mounts",
          "move the layer to ext4, xfs, btrfs, erofs or (from Linux 6.3) tmpfs, or write namespaces: {user: host}" },
        { RECIPE_BIND, ANY, KEEPER_DETAIL_IDMAP, "its file system has no idmapped mounts", "write bind: {idmap: false}; its files then belong to nobody or everybody inside" },
        { RECIPE_BIND, ENOENT, ANY, "no such file or directory on this host", "make it, or write bind: {create_host_path: true} for an empty directory" },
        { RECIPE_BIND, EXDEV, ANY, "the subpath leaves the volume", NULL },
        { RECIPE_BIND, ELOOP, ANY, "the subpath goes through a symbolic link", NULL },
        { RECIPE_ATTACH, ANY, KEEPER_DETAIL_NOT_DIRECTORY, "a directory is to be mounted, in the container there is a file", "choose another target" },
        { RECIPE_ATTACH, ANY, KEEPER_DETAIL_NOT_FILE, "a file is to be mounted, in the container there is a directory", "choose another target" },
        { RECIPE_ATTACH, ANY, KEEPER_DETAIL_SYMLINK, "it is a symbolic link in the layers", "/proc, /sys and /dev of a root must be real directories" },
        { RECIPE_ATTACH, EROFS, ANY, NULL, "make the mount point in the volume or layer that is mounted read-only there" },
        { RECIPE_OVERLAY, ELOOP, ANY, "the same directory is there twice", "name each layer once" },
        { RECIPE_OVERLAY, ENOTEMPTY, ANY, "the writable layer is not empty", NULL },
        { RECIPE_OVERLAY, EINVAL, ANY, NULL, "a layer must not lie in another or on an overlay whose upper layer cannot nest; see dmesg" },
        { RECIPE_OVERLAY, ENODEV, ANY, "the kernel has no overlayfs", "modprobe overlay" },
        { RECIPE_RLIMIT, EPERM, ANY, "the host does not let us raise its hard limit", "ctrsup lacks CAP_SYS_RESOURCE here: lower the ulimit, or raise LimitNOFILE= and its kin of the service" },
        { RECIPE_OOM_SCORE, EACCES, ANY, "the host does not let us lower it", "ctrsup lacks CAP_SYS_RESOURCE here: take 0 or more" },
        { RECIPE_SPAWN, EAGAIN, ANY, NULL, "limits.pids must leave room for 2 processes at the start; or the host is at its own limit" },
        { RECIPE_SPAWN, ENOSPC, ANY, NULL, "raise the sysctls user.max_*_namespaces" },
        { RECIPE_JOIN, ESRCH, ANY, "it does not run", NULL },
        { RECIPE_SECCOMP, EINVAL, ANY, "the kernel refuses the filter", NULL },
        { RECIPE_SYSCTL, ENOENT, ANY, "the kernel has no such sysctl here", NULL },
        { RECIPE_SYSCTL, EINVAL, ANY, "the kernel refuses the value", NULL },
        { RECIPE_MOUNT, EPERM, ANY, NULL, "/proc or /sys of this host may be masked (ProtectKernelTunables=, a container around us): the kernel then forbids new ones" },
        { ANY, ENOSPC, ANY, NULL, "make room on the file system, or (ulimits, tmpfs) raise the size" },
        { ANY, EDQUOT, ANY, NULL, "make room in the quota" },
        { ANY, ENOMEM, ANY, NULL, "raise limits.memory, or the host is out of memory" },
        { ANY, EMFILE, ANY, NULL, "raise the open files limit (LimitNOFILE=) of ctrsup's services" },
        { ANY, EACCES, ANY, NULL, "look at the owner and mode of it and of the directories above" },
};
/* clang-format on */

static const struct cure *find_cure(enum recipe_op_kind kind, const struct keeper_failure *f) {
        for (size_t i = 0; i < ARRAY_SIZE(cures); i++) {
                const struct cure *c = &cures[i];
                if ((c->kind == ANY || c->kind == (int)kind) && (c->error == ANY || c->error == (int)f->error) &&
                    (c->detail == ANY || c->detail == (int)f->detail))
                        return c;
        }
        return NULL;
}

static const char *argument(const struct recipe_plan *p, enum argument a) {
        const char *text = !p ? NULL : a == PATH ? p->path : a == USER ? p->user : NULL;

        return text ? text : "it";
}

/* The hint with its %s, if it has one, filled in. */
static int give_hint(const struct recipe_plan *p, const struct cure *cure, struct err *err) {
        const char *place = strstr(cure->hint, "%s");

        if (!place)
                return err_hint(err, "%s", cure->hint);
        return err_hint(err, "%.*s%s%s", (int)(place - cure->hint), cure->hint, argument(p, cure->hint_argument), place + 2);
}

static int explain_keeper(const struct recipe_plan *p, const struct keeper_failure *f, struct err *err) {
        switch (f->error) {
        case ENOSPC:
                err_set(err, ENOSPC, "the keeper has no room for more than %d containers and execs", KEEPER_ENTRIES_MAX);
                break;
        case EBADMSG:
                if (p && f->op < p->n_steps)
                        err_set(err, EBADMSG, "the keeper refuses the recipe at \"%s\"", p->steps[f->op].words);
                else
                        err_set(err, EBADMSG, "the keeper refuses the recipe");
                err_hint(err, "keeper and supervisor may be of different versions");
                break;
        case EEXIST:
                err_set(err, EEXIST, "the keeper has an instance of this id already");
                break;
        case EAGAIN:
                err_sys(err, EAGAIN, "create a process");
                err_hint(err, "limits.pids, or the host's own limit, leaves no room for a process");
                break;
        case EMFILE:
                err_sys(err, EMFILE, "keep the container's files");
                err_hint(err, "raise LimitNOFILE= of the service that runs the keeper");
                break;
        default:
                err_sys(err, (int)f->error, "create a process");
        }
        return -(int)f->error;
}

static int explain_killed(const struct keeper_failure *f, struct err *err) {
        err_set(err, ECANCELED, "killed by signal %u (%s) before its command ran", f->error, strsignal((int)f->error));
        return f->error == SIGKILL ? err_hint(err, "it was stopped meanwhile, or limits.memory is too small to start in")
                                   : -ECANCELED;
}

static int explain_step(const struct recipe_plan *p, const struct keeper_failure *f, struct err *err) {
        const struct recipe_step *step = p && f->op < p->n_steps ? &p->steps[f->op] : NULL;
        char reason[256], words[1100];

        if (f->stage == KEEPER_STAGE_INIT && p) /* init's own exec of the command */
                step = &p->steps[p->n_steps - 1];
        const struct cure *cure = step ? find_cure(step->kind, f) : NULL;
        if (cure && cure->reason)
                (void)snprintf(reason, sizeof(reason), "%s", cure->reason);
        else
                (void)snprintf(reason, sizeof(reason), "%s",
                               strerrordesc_np((int)f->error) ? strerrordesc_np((int)f->error) : "unknown error");
        if (step)
                (void)snprintf(words, sizeof(words), "%s", step->words);
        else
                (void)snprintf(words, sizeof(words), "step %u of the launch", f->op);
        err_set(err, (int)f->error, "%s: %s", words, reason);
        return cure && cure->hint ? give_hint(p, cure, err) : -(int)f->error;
}

static void find_mark(const struct recipe_plan *p, const struct keeper_failure *f, struct mark *ret) {
        char path[512];
        uint32_t op = f->stage == KEEPER_STAGE_INIT && p ? (uint32_t)p->n_steps - 1 : f->op;

        *ret = MARK_NULL;
        if (!p)
                return;
        const char *key = op < p->n_steps ? p->steps[op].key : "";
        if (p->exec && p->steps[op < p->n_steps ? op : 0].kind == RECIPE_COMMAND)
                return; /* the command line is to blame, not the file */
        (void)snprintf(path, sizeof(path), "containers.%s%s%s", p->container->name, key[0] ? "." : "", key);
        *ret = spec_mark(p->spec, path);
        if (ret->line == 0)
                *ret = p->container->mark;
}

int recipe_explain(const struct recipe_plan *plan, const struct keeper_failure *failure, struct mark *ret_mark, struct err *err) {
        struct err own;

        if (!err)
                err = &own;
        if (ret_mark)
                find_mark(plan, failure, ret_mark);
        if (failure->detail == KEEPER_DETAIL_KILLED)
                explain_killed(failure, err);
        else if (failure->stage == KEEPER_STAGE_KEEPER)
                explain_keeper(plan, failure, err);
        else
                explain_step(plan, failure, err);
        return plan ? err_wrap(err, "%s %s/%s", plan->exec ? "execute in" : "start", plan->spec->name, plan->container->name)
                    : -err->code;
}
