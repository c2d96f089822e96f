/* What of the host's files, programs and services ctrsup builds on. */
#include "doctor.h"
#include "programs.h"

#include <ctrsup/base/num.h>
#include <ctrsup/calendar/calendar.h>
#include <ctrsup/kernel/readfile.h>

#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { TEXT_MAX = 4 * 1024 * 1024 };

static char *text_of(const char *path) {
        char *text = NULL;
        size_t len;

        return read_file(path, TEXT_MAX, &text, &len, NULL) < 0 ? NULL : text;
}

/* What it prints on both streams goes to out; its status, 128 + n for a signal; -errno. */
static int run_program(char *const argv[], struct buf *out) {
        int ends[2], status;
        char bytes[4096];
        ssize_t n;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        pid_t pid = fork();
        if (pid == 0) {
                (void)dup2(ends[1], STDOUT_FILENO);
                (void)dup2(ends[1], STDERR_FILENO);
                (void)execv(argv[0], argv);
                _exit(127);
        }
        (void)close(ends[1]);
        while (pid > 0 && (n = read(ends[0], bytes, sizeof(bytes))) != 0)
                if (n > 0)
                        buf_put(out, bytes, (size_t)n);
                else if (errno != EINTR)
                        break;
        (void)close(ends[0]);
        if (pid < 0 || waitpid(pid, &status, 0) < 0)
                return -errno;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void look_settings(struct doctor *d) {
        _cleanup_free_ char *daemon = NULL;
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct err err = { 0 };

        if (programs_find_daemon(&daemon, &err) < 0) {
                doctor_say(d, FINDING_FAILURE, err.hint, "%s", err.text);
                return;
        }
        char *argv[] = { daemon, (char *)(uintptr_t) "--check-config", NULL, NULL, NULL };
        if (d->config) {
                argv[2] = (char *)(uintptr_t) "--config";
                argv[3] = (char *)(uintptr_t)d->config;
        }
        int r = run_program(argv, &out);
        if (r == 0) {
                doctor_read_settings(buf_text(&out), &d->settings);
                doctor_say(d, FINDING_OK, NULL, "ctrsupd is there, and its settings are right");
        } else {
                char cure[160];

                (void)snprintf(cure, sizeof(cure), "ctrsupd --check-config%s%.100s says all of it", d->config ? " --config " : "", d->config ? d->config : "");
                doctor_say(d, FINDING_FAILURE, cure, "%.*s",
                           (int)strcspn(buf_text(&out), "\n"), out.len ? buf_text(&out) : "ctrsupd --check-config failed");
        }
}

static bool unit_is_there(const char *name) {
        static const char *const folders[] = { "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                                               "/usr/lib/systemd/system", "/lib/systemd/system" };
        char path[128];

        for (size_t n = 0; n < ARRAY_SIZE(folders); n++) {
                (void)snprintf(path, sizeof(path), "%s/%s", folders[n], name);
                if (access(path, F_OK) == 0)
                        return true;
        }
        return false;
}

static void look_systemd(struct doctor *d) {
        static const char *const units[] = { "ctrsup.service", "ctrsup-payload.service", "ctrsup-stacks.service" };
        size_t n = 0;

        while (n < ARRAY_SIZE(units) && unit_is_there(units[n]))
                n++;
        if (access("/run/systemd/system", F_OK) < 0)
                doctor_say(d, FINDING_WARNING,
                           "start ctrsupd by what runs instead, or use a stack in the foreground: ctrsup apply FILE",
                           "systemd does not run this host");
        else if (n < ARRAY_SIZE(units))
                doctor_say(d, FINDING_WARNING, "install the units (make install), then systemctl daemon-reload",
                           "systemd has no %s", units[n]);
        else
                doctor_say(d, FINDING_OK, NULL, "systemd runs, and has the units");
}

static int connect_to(int type, const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        _cleanup_fd_ int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        (void)strcpy(address.sun_path, path);
        return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

static void look_daemon(struct doctor *d) {
        int r = connect_to(SOCK_STREAM, d->socket);

        if (r == 0)
                doctor_say(d, FINDING_OK, NULL, "a supervisor serves at %s", d->socket);
        else
                doctor_say(d, FINDING_WARNING,
                           r == -EACCES ? "run as root, or as a member of group ctrsup" : "systemctl enable --now ctrsup, or start ctrsupd",
                           "no supervisor at %s: %s", d->socket, strerror(-r));
}

static void look_journal(struct doctor *d) {
        int r = connect_to(SOCK_DGRAM, "/run/systemd/journal/socket");

        if (r == 0)
                doctor_say(d, FINDING_OK, NULL, "journald takes lines");
        else
                doctor_say(d, FINDING_WARNING, "start systemd-journald; else lines go to files in paths.logs", "no journal: %s",
                           strerror(-r));
}

/* A container's ids must be nobody else's. */
static void look_ids(struct doctor *d) {
        static const struct {
                const char *path;
                bool (*overlaps)(const char *text, uint64_t first, uint64_t count, char what[64]);
        } files[] = {
                { "/etc/subuid", doctor_subid_overlaps },
                { "/etc/subgid", doctor_subid_overlaps },
                { "/etc/passwd", doctor_passwd_overlaps },
                { "/etc/group", doctor_passwd_overlaps },
        };
        static const char *const maps[] = { "/proc/self/uid_map", "/proc/self/gid_map" };
        uint64_t first = d->settings.base, count = d->settings.count;
        size_t fine = 0;

        for (size_t n = 0; n < ARRAY_SIZE(files); n++) {
                _cleanup_free_ char *text = text_of(files[n].path);
                char what[64];

                if (text && files[n].overlaps(text, first, count, what))
                        doctor_say(d, FINDING_FAILURE, "change it, or userns.base in ctrsup.conf, before there are containers",
                                   "%s of %s is among the ids of containers, %ju to %ju", what, files[n].path, (uintmax_t)first,
                                   (uintmax_t)(first + count - 1));
                else
                        fine++;
        }
        for (size_t n = 0; n < ARRAY_SIZE(maps); n++) {
                _cleanup_free_ char *text = text_of(maps[n]);

                if (text && !doctor_map_covers(text, first, count))
                        doctor_say(d, FINDING_FAILURE, "run on the host, or set userns.base to what is mapped here",
                                   "ids %ju to %ju are not mapped in %s", (uintmax_t)first, (uintmax_t)(first + count - 1),
                                   maps[n]);
                else
                        fine++;
        }
        if (fine == ARRAY_SIZE(files) + ARRAY_SIZE(maps))
                doctor_say(d, FINDING_OK, NULL, "ids %ju to %ju are nobody else's", (uintmax_t)first,
                           (uintmax_t)(first + count - 1));
}

static void look_clock(struct doctor *d) {
        struct timex t = { 0 };
        int r = adjtimex(&t);

        if (r < 0)
                doctor_say(d, FINDING_WARNING, NULL, "the clock cannot be asked: %s", strerror(errno));
        else if (r == TIME_ERROR || t.status & STA_UNSYNC)
                doctor_say(d, FINDING_WARNING, "timedatectl set-ntp true, or start chrony: schedules go by the clock",
                           "the clock is not synchronised");
        else
                doctor_say(d, FINDING_OK, NULL, "the clock is synchronised");
}

static void look_zones(struct doctor *d) {
        struct calendar c;
        struct err err = { 0 };
        uint64_t next;

        if (calendar_parse("2100-01-01 00:00:00 Europe/Berlin", &c, NULL, &err) == 0 && calendar_next(&c, 0, &next, &err) >= 0)
                doctor_say(d, FINDING_OK, NULL, "time zones are known");
        else
                doctor_say(d, FINDING_WARNING, "install tzdata, for schedules with a time zone", "%s", err.text);
}

static void look_space(struct doctor *d, const char *setting, const char *folder) {
        enum { NONE = 64, LITTLE = 1024 }; /* MiB */
        char path[256], words[NUM_TEXT_MAX];
        struct statvfs fs;

        (void)snprintf(path, sizeof(path), "%s", folder);
        int r = statvfs(path, &fs);
        while (r < 0 && errno == ENOENT && strrchr(path, '/') > path) {
                *strrchr(path, '/') = '\0';
                r = statvfs(path, &fs);
        }
        if (r < 0) {
                doctor_say(d, FINDING_WARNING, NULL, "%s: %s", path, strerror(errno));
                return;
        }
        uint64_t bytes = (uint64_t)fs.f_bavail * fs.f_frsize, mib = bytes >> 20;
        bool inodes = fs.f_files > 0 && fs.f_favail < 1000, small = strcmp(setting, "runtime") == 0; /* a tmpfs mostly */
        (void)num_human_size(words, bytes);
        if (fs.f_flag & ST_RDONLY)
                doctor_say(d, FINDING_FAILURE, "mount it writable, or set the path in ctrsup.conf", "%s (paths.%s) is read-only",
                           folder, setting);
        else if (mib < (small ? 8 : NONE) || inodes)
                doctor_say(d, FINDING_FAILURE, "make room, or set the path in ctrsup.conf", "%s (paths.%s) has %s%s free", folder,
                           setting, inodes ? "no inodes, and " : "only ", words);
        else if (mib < LITTLE && !small)
                doctor_say(d, FINDING_WARNING, "make room, or set the path in ctrsup.conf", "%s (paths.%s) has only %s free",
                           folder, setting, words);
        else
                doctor_say(d, FINDING_OK, NULL, "%s free for %s", words, folder);
}

static void look_spaces(struct doctor *d) {
        look_space(d, "state", d->settings.state);
        look_space(d, "runtime", d->settings.runtime);
        look_space(d, "logs", d->settings.logs);
}

static bool is_in_path(const char *program) {
        static const char *const folders[] = { "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin" };
        char path[64];

        for (size_t n = 0; n < ARRAY_SIZE(folders); n++) {
                (void)snprintf(path, sizeof(path), "%s/%s", folders[n], program);
                if (access(path, X_OK) == 0)
                        return true;
        }
        return false;
}

static void look_nft(struct doctor *d) {
        _cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

        if (fd < 0)
                doctor_say(d, FINDING_WARNING, "modprobe nf_tables; needed for networks later", "no netfilter: %s",
                           strerror(errno));
        else if (!is_in_path("nft"))
                doctor_say(d, FINDING_WARNING, "install nftables; needed for networks later", "there is no nft");
        else
                doctor_say(d, FINDING_OK, NULL, "nft is there (needed for networks later)");
}

static void look_loop(struct doctor *d) {
        _cleanup_fd_ int fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                doctor_say(d, FINDING_WARNING, "modprobe loop; needed for image files as layers later", "no loop devices: %s",
                           strerror(errno));
        else
                doctor_say(d, FINDING_OK, NULL, "loop devices (needed for image files as layers later)");
}

/* The first one reads the settings that others go by. */
const struct doctor_check doctor_host_checks[] = {
        { "settings", look_settings, false },
        { "supervisor", look_daemon, false },
        { "systemd", look_systemd, false },
        { "journal", look_journal, false },
        { "ids", look_ids, false },
        { "space", look_spaces, false },
        { "clock", look_clock, false },
        { "time zones", look_zones, false },
        { "nft", look_nft, true },
        { "loop", look_loop, true },
        { 0 },
};
