/* probe WORD [ARG...] [and WORD [ARG...]]...: a static program that runs inside containers under test and tells, or does, one
 * thing after the other. What it tells is one "key=value" a line, made for comparing. Exit 0, or 1 when a word failed.
 *
 *   ids caps session limits fds env dir cwd mounts ns NAME          facts about itself
 *   stat PATH  read PATH  readlink PATH  list PATH  write PATH TEXT  mkdir PATH  open PATH (for writing)
 *   lo  clock  shm NAME  mq NAME  seccomp
 *   calls NR,NR...  call NR,ARG...  call32 NR      what system calls answer, with arguments that do nothing
 *   exit N  signal N  sleep  trap (waits for SIGTERM, exits 7)  eat MIB  fork N  spin MSEC  out TEXT  reopen
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int complain(const char *word, const char *what) {
        printf("%s %s: %s\n", word, what, strerror(errno));
        return 1;
}

static int copy_file(const char *path) {
        char buffer[65536];
        int fd = open(path, O_RDONLY);
        ssize_t n;

        if (fd < 0)
                return complain("read", path);
        while ((n = read(fd, buffer, sizeof(buffer))) > 0)
                (void)fwrite(buffer, 1, (size_t)n, stdout);
        close(fd);
        return n < 0 ? complain("read", path) : 0;
}

static int do_ids(char **a) {
        gid_t groups[128];
        int n = getgroups(128, groups);
        struct utsname u;

        (void)a;
        (void)uname(&u);
        printf("uid=%u\ngid=%u\neuid=%u\negid=%u\npid=%d\nppid=%d\nhost=%s\ndomain=%s\ngroups=", getuid(), getgid(), geteuid(),
               getegid(), getpid(), getppid(), u.nodename, u.domainname);
        for (int i = 0; i < n; i++)
                printf("%s%u", i ? "," : "", groups[i]);
        printf("\n");
        return 0;
}

static int status_lines(const char *const *names) {
        FILE *f = fopen("/proc/self/status", "re");
        char line[512];

        if (!f)
                return complain("read", "/proc/self/status");
        while (fgets(line, sizeof(line), f))
                for (const char *const *n = names; *n; n++)
                        if (strncmp(line, *n, strlen(*n)) == 0 && line[strlen(*n)] == ':') {
                                char *value = line + strlen(*n) + 1;
                                printf("%s=%s", *n, value + strspn(value, " \t"));
                        }
        fclose(f);
        return 0;
}

static int do_caps(char **a) {
        (void)a;
        return status_lines((const char *const[]){ "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", NULL });
}

static int do_session(char **a) {
        char score[16] = "?";
        int fd = open("/proc/self/oom_score_adj", O_RDONLY), death = 0;
        mode_t mask = umask(0);

        (void)a;
        if (fd >= 0) {
                ssize_t n = read(fd, score, sizeof(score) - 1);
                score[n > 0 ? n - 1 : 0] = '\0';
                close(fd);
        }
        (void)prctl(PR_GET_PDEATHSIG, &death);
        printf("sid_is_pid=%d\npgrp_is_pid=%d\numask=%04o\noom_score_adj=%s\ndumpable=%d\npdeathsig=%d\ntty=%d\n",
               getsid(0) == getpid(), getpgrp() == getpid(), mask, score, prctl(PR_GET_DUMPABLE), death, isatty(0));
        return status_lines((const char *const[]){ "SigBlk", "SigIgn", "SigCgt", NULL });
}

static int do_limits(char **a) {
        static const struct {
                const char *name;
                int which;
        } all[] = { { "nofile", RLIMIT_NOFILE },
                    { "core", RLIMIT_CORE },
                    { "nproc", RLIMIT_NPROC },
                    { "memlock", RLIMIT_MEMLOCK },
                    { "fsize", RLIMIT_FSIZE } };

        (void)a;
        for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
                struct rlimit l;
                (void)getrlimit((__rlimit_resource_t)all[i].which, &l);
                printf("%s=%lld:%lld\n", all[i].name, (long long)l.rlim_cur, (long long)l.rlim_max);
        }
        return 0;
}

static int compare(const void *x, const void *y) {
        return strcmp(*(char *const *)x, *(char *const *)y);
}

static int do_list(char **a) {
        DIR *d = opendir(a[0]);
        char *names[4096];
        size_t n = 0;

        if (!d)
                return complain("list", a[0]);
        for (struct dirent *e; (e = readdir(d)) && n < 4096;)
                if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
                    (strcmp(a[0], "/proc/self/fd") != 0 || atoi(e->d_name) != dirfd(d)))
                        names[n++] = strdup(e->d_name);
        closedir(d);
        qsort(names, n, sizeof(*names), compare);
        for (size_t i = 0; i < n; i++)
                printf("%s%s", i ? " " : "", names[i]);
        printf("\n");
        return 0;
}

static int do_fds(char **a) {
        (void)a;
        return do_list((char *[]){ "/proc/self/fd", NULL });
}

static int do_env(char **a) {
        (void)a;
        for (char **e = environ; *e; e++)
                printf("%s\n", *e);
        return 0;
}

static int do_cwd(char **a) {
        char text[4096];

        (void)a;
        printf("cwd=%s\n", getcwd(text, sizeof(text)) ? text : strerror(errno));
        return 0;
}

static int do_mounts(char **a) {
        (void)a;
        return copy_file("/proc/self/mountinfo");
}

static int do_ns(char **a) {
        char path[64], text[128];

        (void)snprintf(path, sizeof(path), "/proc/self/ns/%s", a[0]);
        ssize_t n = readlink(path, text, sizeof(text) - 1);
        if (n < 0)
                return complain("ns", a[0]);
        text[n] = '\0';
        printf("%s\n", text);
        return 0;
}

static int do_stat(char **a) {
        struct stat st;
        struct statvfs fs;

        if (lstat(a[0], &st) < 0)
                return complain("stat", a[0]);
        (void)statvfs(a[0], &fs);
        printf("%s %c%04o %u:%u", a[0],
               S_ISDIR(st.st_mode)    ? 'd'
               : S_ISLNK(st.st_mode)  ? 'l'
               : S_ISCHR(st.st_mode)  ? 'c'
               : S_ISFIFO(st.st_mode) ? 'p'
                                      : 'f',
               st.st_mode & 07777, st.st_uid, st.st_gid);
        if (S_ISCHR(st.st_mode))
                printf(" %u:%u", major(st.st_rdev), minor(st.st_rdev));
        printf("%s%s%s%s\n", fs.f_flag & ST_RDONLY ? " ro" : "", fs.f_flag & ST_NOSUID ? " nosuid" : "",
               fs.f_flag & ST_NODEV ? " nodev" : "", fs.f_flag & ST_NOEXEC ? " noexec" : "");
        return 0;
}

static int do_read(char **a) {
        return copy_file(a[0]);
}

static int do_readlink(char **a) {
        char text[4096];
        ssize_t n = readlink(a[0], text, sizeof(text) - 1);

        if (n < 0)
                return complain("readlink", a[0]);
        text[n] = '\0';
        printf("%s\n", text);
        return 0;
}

static int do_write(char **a) {
        int fd = open(a[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        if (fd < 0 || write(fd, a[1], strlen(a[1])) < 0)
                return complain("write", a[0]);
        close(fd);
        return 0;
}

static int do_open(char **a) {
        int fd = open(a[0], O_WRONLY | O_CLOEXEC);

        if (fd < 0)
                return complain("open", a[0]);
        printf("open %s: ok\n", a[0]);
        close(fd);
        return 0;
}

static int do_mkdir(char **a) {
        return mkdir(a[0], 0755) < 0 ? complain("mkdir", a[0]) : 0;
}

static int do_lo(char **a) {
        struct ifreq r = { 0 };
        int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        (void)a;
        strcpy(r.ifr_name, "lo");
        if (s < 0 || ioctl(s, SIOCGIFFLAGS, &r) < 0)
                return complain("lo", "flags");
        printf("lo_up=%d\n", (r.ifr_flags & IFF_UP) != 0);
        close(s);
        return 0;
}

static int do_clock(char **a) {
        struct timespec m, b;

        (void)a;
        (void)clock_gettime(CLOCK_MONOTONIC, &m);
        (void)clock_gettime(CLOCK_BOOTTIME, &b);
        printf("monotonic=%lld\nboottime=%lld\n", (long long)m.tv_sec, (long long)b.tv_sec);
        return 0;
}

/* Makes the segment or queue when it is not there, tells which: so two containers find out whether they share. */
static int do_shm(char **a) {
        int fd = shm_open(a[0], O_RDWR, 0666);
        bool found = fd >= 0;

        if (!found)
                fd = shm_open(a[0], O_RDWR | O_CREAT | O_EXCL, 0666);
        if (fd < 0)
                return complain("shm", a[0]);
        (void)fchmod(fd, 0666); /* for containers with other ids */
        printf("shm=%s\n", found ? "found" : "made");
        return 0;
}

static int do_mq(char **a) {
        mqd_t q = mq_open(a[0], O_RDWR);
        bool found = q != (mqd_t)-1;
        char path[256];

        if (!found)
                q = mq_open(a[0], O_RDWR | O_CREAT | O_EXCL, 0666, NULL);
        if (q == (mqd_t)-1)
                return complain("mq", a[0]);
        (void)fchmod((int)q, 0666);
        (void)snprintf(path, sizeof(path), "/dev/mqueue%s", a[0]);
        printf("mq=%s visible=%d\n", found ? "found" : "made", access(path, F_OK) == 0);
        return 0;
}

static int do_exit(char **a) {
        (void)fflush(stdout);
        _exit(atoi(a[0]));
}

static int do_signal(char **a) {
        (void)fflush(stdout);
        (void)signal(atoi(a[0]), SIG_DFL);
        (void)raise(atoi(a[0]));
        return 0;
}

static int do_sleep(char **a) {
        (void)a;
        (void)fflush(stdout);
        for (;;)
                (void)pause();
        return 0;
}

static void end_by_7(int sig) {
        (void)sig;
        _exit(7);
}

static int do_trap(char **a) {
        (void)signal(SIGTERM, end_by_7);
        printf("trapped\n");
        return do_sleep(a);
}

static int do_eat(char **a) {
        size_t size = (size_t)atol(a[0]) << 20;
        char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (p == MAP_FAILED)
                return complain("eat", a[0]);
        for (size_t i = 0; i < size; i += 4096)
                p[i] = 1;
        printf("ate=%s\n", a[0]);
        return 0;
}

static int do_fork(char **a) {
        int n = atoi(a[0]), made = 0;

        (void)fflush(stdout);
        for (int i = 0; i < n; i++) {
                pid_t pid = fork();
                if (pid == 0) {
                        (void)pause();
                        _exit(0);
                }
                if (pid < 0)
                        break;
                made++;
        }
        printf("forked=%d\n", made);
        return 0;
}

static int do_spin(char **a) {
        struct timespec start, now;
        long msec = atol(a[0]);

        (void)clock_gettime(CLOCK_MONOTONIC, &start);
        do
                (void)clock_gettime(CLOCK_MONOTONIC, &now);
        while ((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000 < msec);
        struct rusage u;
        (void)getrusage(RUSAGE_SELF, &u);
        printf("cpu_msec=%ld\n",
               u.ru_utime.tv_sec * 1000 + u.ru_utime.tv_usec / 1000 + u.ru_stime.tv_sec * 1000 + u.ru_stime.tv_usec / 1000);
        return 0;
}

static int do_out(char **a) {
        printf("%s\n", a[0]);
        return 0;
}

/* What nginx's images do: log to /dev/stdout and /dev/stderr, opened anew. */
static int do_reopen(char **a) {
        (void)a;
        for (int i = 1; i <= 2; i++) {
                const char *path = i == 1 ? "/dev/stdout" : "/dev/stderr";
                int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
                if (fd < 0)
                        return complain("reopen", path);
                close(fd);
        }
        printf("reopen=ok\n");
        return 0;
}

static int do_seccomp(char **a) {
        (void)a;
        return status_lines((const char *const[]){ "NoNewPrivs", "Seccomp", NULL });
}

static void print_answer(const char *what, long answer) {
        if (answer < 0)
                printf("%s=%s\n", what, strerrorname_np((int)-answer) ? strerrorname_np((int)-answer) : "?");
        else
                printf("%s=ok\n", what);
}

/* Each with arguments that no call can do anything with. Only for calls that are refused. */
static int do_calls(char **a) {
        for (char *nr = strtok(a[0], ","); nr; nr = strtok(NULL, ",")) {
                long r = syscall(strtol(nr, NULL, 0), -1L, -1L, -1L, -1L, -1L, -1L);
                print_answer(nr, r < 0 ? -errno : r);
        }
        return 0;
}

static int do_call(char **a) {
        char *text = strdup(a[0]);
        long n[7] = { 0 };
        int i = 0;

        for (char *p = strtok(a[0], ","); p && i < 7; p = strtok(NULL, ","))
                n[i++] = (long)strtoul(p, NULL, 0);
        long r = syscall(n[0], n[1], n[2], n[3], n[4], n[5], n[6]);
        print_answer(text, r < 0 ? -errno : r);
        free(text);
        return 0;
}

/* As a 32-bit program would: int 0x80, the number in eax. */
static int do_call32(char **a) {
        long r = -ENOSYS;

#ifdef __x86_64__
        r = strtol(a[0], NULL, 0);
        __asm__ volatile("int $0x80" : "+a"(r) : "b"(0), "c"(0), "d"(0) : "memory", "r8", "r9", "r10", "r11");
        r = (int)r;
#endif
        print_answer(a[0], r);
        return 0;
}

static const struct {
        const char *word;
        int args;
        int (*run)(char **a);
} words[] = {
        { "ids", 0, do_ids },       { "caps", 0, do_caps },       { "session", 0, do_session }, { "limits", 0, do_limits },
        { "fds", 0, do_fds },       { "env", 0, do_env },         { "cwd", 0, do_cwd },         { "mounts", 0, do_mounts },
        { "ns", 1, do_ns },         { "stat", 1, do_stat },       { "read", 1, do_read },       { "readlink", 1, do_readlink },
        { "list", 1, do_list },     { "write", 2, do_write },     { "open", 1, do_open },       { "mkdir", 1, do_mkdir },
        { "lo", 0, do_lo },         { "clock", 0, do_clock },     { "shm", 1, do_shm },         { "mq", 1, do_mq },
        { "exit", 1, do_exit },     { "signal", 1, do_signal },   { "sleep", 0, do_sleep },     { "trap", 0, do_trap },
        { "eat", 1, do_eat },       { "fork", 1, do_fork },       { "spin", 1, do_spin },       { "out", 1, do_out },
        { "reopen", 0, do_reopen }, { "seccomp", 0, do_seccomp }, { "calls", 1, do_calls },     { "call", 1, do_call },
        { "call32", 1, do_call32 },
};

int main(int argc, char **argv) {
        int failed = 0;

        for (int i = 1; i < argc;) {
                size_t w = 0;
                while (w < sizeof(words) / sizeof(*words) && strcmp(words[w].word, argv[i]) != 0)
                        w++;
                if (w == sizeof(words) / sizeof(*words) || i + words[w].args >= argc) {
                        fprintf(stderr, "probe: what is %s?\n", argv[i]);
                        return 64;
                }
                failed |= words[w].run(argv + i + 1);
                i += 1 + words[w].args;
                if (i < argc && strcmp(argv[i], "and") == 0)
                        i++;
        }
        (void)fflush(stdout);
        return failed;
}
