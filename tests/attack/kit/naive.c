/* naive [OPTION...] ROOT CMD [ARG...]: a plain launcher, clone and chroot, as one writes it in an afternoon. The attacks of
 * tests/attack are run against it too: one that fails even here would prove nothing.
 *
 *   -b SRC:DST  bind, after a look that no link is in the way     -m DST   hide DST behind the root's own /dev/null
 *   -c          a console at /dev/console                         -o N     oom_score_adj, written to the root's own /proc
 *   -s KEY=V    a sysctl, the same way                            -u USER  a name or a number
 *   -w DIR      working directory                                 -C DIR   the cgroup, mounted for the container too
 *   -p          the host's process and mount namespaces           -e PID   into a container that runs; ROOT is then its root
 *   -a NAME     a helper of its own, at an abstract socket
 */
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX = 16 };

struct naive {
        const char *root, *binds[MAX], *masks[MAX], *sysctl, *score, *user, *dir, *cgroup, *helper;
        int n_binds, n_masks, pid;
        bool console, plain;
        char **command;
};

static void in_root(const struct naive *n, const char *path, char out[PATH_MAX]) {
        if (snprintf(out, PATH_MAX, "%s/%s", n->root, path) >= PATH_MAX)
                exit(64);
}

static void put(const char *path, const char *text) {
        int fd = open(path, O_WRONLY);

        if (fd >= 0) {
                (void)!write(fd, text, strlen(text));
                (void)close(fd);
        }
}

static void make_directories(char *path) {
        for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
                *at = '\0';
                (void)mkdir(path, 0755);
                *at = '/';
        }
        (void)mkdir(path, 0755);
}

/* Looks first, mounts then: what is between belongs to whoever is quicker. */
static void bind_one(const struct naive *n, const char *bind) {
        char from[PATH_MAX], to[PATH_MAX], parent[PATH_MAX];
        const char *colon = strchr(bind, ':');
        struct stat st;

        (void)snprintf(from, sizeof(from), "%.*s", (int)(colon - bind), bind);
        in_root(n, colon + 1, to);
        (void)strcpy(parent, to);
        *strrchr(parent, '/') = '\0';
        if (lstat(parent, &st) == 0 && S_ISLNK(st.st_mode)) {
                fprintf(stderr, "naive: %s is a link\n", parent);
                exit(1);
        }
        make_directories(to);
        (void)mount(from, to, NULL, MS_BIND, NULL);
}

static void build_root(const struct naive *n) {
        char path[PATH_MAX], null[PATH_MAX];

        (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
        in_root(n, "proc", path);
        (void)mkdir(path, 0755);
        (void)mount("proc", path, "proc", 0, NULL);
        if (n->cgroup) {
                in_root(n, "sys/fs/cgroup", path);
                make_directories(path);
                (void)mount(n->cgroup, path, NULL, MS_BIND, NULL);
        }
        in_root(n, "dev/null", null);
        (void)mknod(null, S_IFCHR | 0666, 1 << 8 | 3);
        for (int i = 0; i < n->n_binds; i++)
                bind_one(n, n->binds[i]);
        for (int i = 0; i < n->n_masks; i++) {
                in_root(n, n->masks[i], path);
                (void)mount(null, path, NULL, MS_BIND, NULL);
        }
        if (n->console) {
                in_root(n, "dev/console", path);
                int fd = open(path, O_WRONLY | O_CREAT, 0620);
                (void)close(fd);
                (void)mount("/dev/null", path, NULL, MS_BIND, NULL);
        }
}

static void become_user(const char *user) {
        struct passwd *p = getpwnam(user);
        uid_t uid = p ? p->pw_uid : (uid_t)strtoul(user, NULL, 0);

        (void)!setgid(p ? p->pw_gid : uid);
        (void)!setuid(uid);
}

static void tune(const struct naive *n) {
        char path[PATH_MAX];

        if (n->score) {
                in_root(n, "proc/self/oom_score_adj", path);
                put(path, n->score);
        }
        if (n->sysctl) {
                char key[PATH_MAX];
                const char *equals = strchr(n->sysctl, '=');
                (void)snprintf(key, sizeof(key), "proc/sys/%.*s", (int)(equals - n->sysctl), n->sysctl);
                in_root(n, key, path);
                put(path, equals + 1);
        }
}

static void run(const struct naive *n) {
        if (!n->plain && n->pid == 0)
                build_root(n);
        tune(n);
        if (n->cgroup) {
                char path[PATH_MAX];
                (void)snprintf(path, sizeof(path), "%s/cgroup.procs", n->cgroup);
                put(path, "0");
        }
        if (chroot(n->root) < 0 || chdir("/") < 0)
                perror("naive: chroot");
        if (n->user)
                become_user(n->user);
        if (n->dir && chdir(n->dir) < 0) {
                perror("naive: chdir");
                exit(1);
        }
        (void)usleep(n->pid ? 2000 : 0); /* where a real one reads its configuration */
        (void)setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1); /* the image's; the host's may have merged some of them */
        (void)execvp(n->command[0], n->command);
        perror(n->command[0]);
        exit(127);
}

static void join(const struct naive *n) {
        static const char *const names[] = { "ipc", "uts", "pid", "mnt" };
        int fds[4];

        for (int i = 0; i < 4; i++) {
                char path[64];
                (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", n->pid, names[i]);
                fds[i] = open(path, O_RDONLY);
        }
        for (int i = 0; i < 4; i++)
                if (setns(fds[i], 0) < 0)
                        perror("naive: setns");
}

static void serve_abstract(const char *name) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };
        int s = socket(AF_UNIX, SOCK_STREAM, 0);

        (void)snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "%s", name);
        (void)bind(s, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name)));
        (void)listen(s, 8);
}

static int child(void *n) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(n);
        return 127;
}

static void parse(int argc, char **argv, struct naive *n) {
        for (int c; (c = getopt(argc, argv, "+b:m:co:s:u:w:C:pe:a:")) >= 0;) {
                if (c == 'b' && n->n_binds < MAX)
                        n->binds[n->n_binds++] = optarg;
                else if (c == 'm' && n->n_masks < MAX)
                        n->masks[n->n_masks++] = optarg;
                else if (c == 'c')
                        n->console = true;
                else if (c == 'p')
                        n->plain = true;
                else if (c == 'o')
                        n->score = optarg;
                else if (c == 's')
                        n->sysctl = optarg;
                else if (c == 'u')
                        n->user = optarg;
                else if (c == 'w')
                        n->dir = optarg;
                else if (c == 'C')
                        n->cgroup = optarg;
                else if (c == 'a')
                        n->helper = optarg;
                else if (c == 'e')
                        n->pid = atoi(optarg);
        }
        if (optind + 2 > argc) {
                fprintf(stderr, "usage: naive [OPTION...] ROOT CMD [ARG...]\n");
                exit(64);
        }
        n->root = argv[optind];
        n->command = argv + optind + 1;
}

int main(int argc, char **argv) {
        static char stack[1 << 20];
        struct naive n = { 0 };
        int status;

        parse(argc, argv, &n);
        int host = open("/", O_RDONLY | O_DIRECTORY); /* for later, and forgotten */
        if (n.helper)
                serve_abstract(n.helper);
        if (n.pid)
                join(&n);
        int flags = n.pid || n.plain ? SIGCHLD : CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD;
        pid_t pid = clone(child, stack + sizeof(stack), flags, &n);
        if (pid < 0 || waitpid(pid, &status, 0) < 0) {
                perror("naive");
                return 125;
        }
        (void)close(host);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
