/* The host's zone database: the one place of this layer that opens a file. A constant of the host like libc's own tables, so the
 * layers above stay free of the clock and the environment. */
#include "zone.h"

#include <ctrsup/calendar/calendar.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define DATABASE "/usr/share/zoneinfo/"
#define LOCAL "/etc/localtime"

/* Letters, digits, "-", "_", "+", with single slashes between: no dot, so nothing that leads out of the database. */
bool zone_is_name(const char *name) {
        char last = '/';

        for (const char *p = name; *p; last = *p++) {
                bool letter = (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z');

                if (!letter && (last == '/' || !strchr("0123456789-_+/", *p)))
                        return false;
        }
        return last != '/' && strlen(name) < CALENDAR_ZONE_MAX;
}

static int read_file(const char *path, struct zone *ret) {
        uint8_t data[ZONE_FILE_MAX];
        size_t len = 0;
        struct stat st;
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        for (;;) {
                ssize_t n = read(fd, data + len, sizeof(data) - len);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return zone_parse(data, len, ret);
                len += (size_t)n;
                if (len == sizeof(data))
                        return -EFBIG;
        }
}

int zone_read(const char *name, struct zone *ret, struct err *err) {
        char path[sizeof(DATABASE) + CALENDAR_ZONE_MAX] = LOCAL;
        bool local = *name == '\0';

        if (strcasecmp(name, "UTC") == 0) {
                ret->offset = 0;
                ret->n = 0;
                ret->rule = (struct zone_rule){ 0 };
                return 0;
        }
        if (!local) {
                if (!zone_is_name(name))
                        return err_set(err, EINVAL,
                                       "expected the name of a time zone: letters, digits, \"-\", \"_\", \"+\" and \"/\"");
                (void)snprintf(path, sizeof(path), "%s%s", DATABASE, name);
        }
        int r = read_file(path, ret);
        if (r == -ENOENT && local)
                return zone_read("UTC", ret, err);
        if (!local && (r == -ENOENT || r == -ENOTDIR || r == -EBADMSG))
                return err_set(err, EINVAL, "no time zone \"%s\" in " DATABASE, name);
        if (r == -EOPNOTSUPP)
                return err_set(err, EINVAL, "time zone \"%s\" counts leap seconds, which the system clock does not", name);
        return r < 0 ? err_sys(err, -r, "read %s", path) : 0;
}

/* The third field of each line, but of those that begin with "#". */
void calendar_each_zone(void (*see)(void *userdata, const char *zone), void *userdata) {
        FILE *f = fopen(DATABASE "zone.tab", "re");
        char line[512], name[CALENDAR_ZONE_MAX];

        while (f && fgets(line, sizeof(line), f))
                if (line[0] != '#' && sscanf(line, "%*[^\t]\t%*[^\t]\t%63[^\t\n]", name) == 1)
                        see(userdata, name);
        if (f)
                (void)fclose(f);
}
