#include <ctrsup/kernel/passwd.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>

struct span {
        const char *at;
        size_t len;
};

enum { FIELDS_MAX = 7 };
#define HOST_ID_MAX (UINT32_MAX - 1) /* the last one is "no id" for chown(2) and others */

/* Splits the next line at its colons; returns how many fields it has (0: no more lines, FIELDS_MAX + 1: too many). */
static size_t next_line(const char **at, const char *end, struct span fields[FIELDS_MAX]) {
        if (*at == end)
                return 0;

        const char *stop = memchr(*at, '\n', (size_t)(end - *at));
        const char *line_end = stop ? stop : end;
        size_t n = 0;
        for (const char *p = *at;;) {
                const char *colon = memchr(p, ':', (size_t)(line_end - p));
                const char *field_end = colon ? colon : line_end;
                if (n < FIELDS_MAX)
                        fields[n] = (struct span){ p, (size_t)(field_end - p) };
                n++;
                if (!colon || n > FIELDS_MAX)
                        break;
                p = colon + 1;
        }
        *at = stop ? stop + 1 : end;
        return n;
}

static bool span_is(const struct span *s, const char *text) {
        return s->len == strlen(text) && memcmp(s->at, text, s->len) == 0;
}

static bool parse_id(const char *text, size_t len, uint64_t max, unsigned *ret) {
        uint64_t value = 0;

        if (len == 0 || len > 10 || (len > 1 && text[0] == '0'))
                return false;
        for (size_t i = 0; i < len; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return false;
                value = value * 10 + (uint64_t)(text[i] - '0');
        }
        if (value > max)
                return false;
        *ret = (unsigned)value;
        return true;
}

bool passwd_parse_id(const char *text, size_t len, unsigned *ret) {
        return parse_id(text, len, PASSWD_ID_MAX, ret);
}

bool passwd_name_is_valid(const char *text, size_t len) {
        if (len == 0 || len >= PASSWD_NAME_MAX)
                return false;
        for (size_t i = 0; i < len; i++) {
                char c = text[i];
                bool letter = (c >= 'a' && c <= 'z') || c == '_';
                bool more =
                        (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || (c == '$' && i + 1 == len);
                if (!letter && !(more && i > 0))
                        return false;
        }
        return true;
}

/* name:password:uid:gid:gecos:home:shell */
static bool parse_user(const struct span *f, size_t n, struct passwd_user *ret) {
        unsigned uid, gid;

        if (n != FIELDS_MAX || !passwd_name_is_valid(f[0].at, f[0].len))
                return false;
        if (!passwd_parse_id(f[2].at, f[2].len, &uid) || !passwd_parse_id(f[3].at, f[3].len, &gid))
                return false;
        memcpy(ret->name, f[0].at, f[0].len);
        ret->name[f[0].len] = '\0';
        ret->uid = uid;
        ret->gid = gid;
        return true;
}

int passwd_find_name(const char *text, size_t len, const char *name, struct passwd_user *ret) {
        struct span f[FIELDS_MAX];
        struct passwd_user user;
        const char *at = text;

        for (size_t n; (n = next_line(&at, text + len, f)) > 0;)
                if (parse_user(f, n, &user) && strcmp(user.name, name) == 0) {
                        *ret = user;
                        return 0;
                }
        return -ENOENT;
}

int passwd_find_uid(const char *text, size_t len, uid_t uid, struct passwd_user *ret) {
        struct span f[FIELDS_MAX];
        struct passwd_user user;
        const char *at = text;

        for (size_t n; (n = next_line(&at, text + len, f)) > 0;)
                if (parse_user(f, n, &user) && user.uid == uid) {
                        *ret = user;
                        return 0;
                }
        return -ENOENT;
}

/* name:password:gid:member,member */
static bool parse_group(const struct span *f, size_t n, unsigned *ret_gid) {
        return n == 4 && passwd_name_is_valid(f[0].at, f[0].len) && passwd_parse_id(f[2].at, f[2].len, ret_gid);
}

int group_find_name(const char *text, size_t len, const char *name, gid_t *ret) {
        struct span f[FIELDS_MAX];
        const char *at = text;
        unsigned gid;

        for (size_t n; (n = next_line(&at, text + len, f)) > 0;)
                if (parse_group(f, n, &gid) && span_is(&f[0], name)) {
                        *ret = gid;
                        return 0;
                }
        return -ENOENT;
}

bool group_parse_host_id(const char *text, gid_t *ret) {
        return parse_id(text, strlen(text), HOST_ID_MAX, ret);
}

int group_find_on_host(const char *text, size_t len, const char *name, gid_t *ret) {
        struct span f[FIELDS_MAX];
        const char *at = text;

        for (size_t n; (n = next_line(&at, text + len, f)) > 0;)
                if (n == 4 && span_is(&f[0], name) && parse_id(f[2].at, f[2].len, HOST_ID_MAX, ret))
                        return 0;
        return -ENOENT;
}

static bool lists_member(struct span members, const char *user) {
        while (members.len > 0) {
                const char *comma = memchr(members.at, ',', members.len);
                struct span one = { members.at, comma ? (size_t)(comma - members.at) : members.len };
                if (span_is(&one, user))
                        return true;
                size_t skip = comma ? one.len + 1 : one.len;
                members.at += skip;
                members.len -= skip;
        }
        return false;
}

void group_collect(const char *text, size_t len, const char *user, gid_t *gids, size_t max, size_t *n_gids) {
        struct span f[FIELDS_MAX];
        const char *at = text;
        unsigned gid;

        for (size_t n; (n = next_line(&at, text + len, f)) > 0;)
                if (parse_group(f, n, &gid) && *n_gids < max && lists_member(f[3], user))
                        gids[(*n_gids)++] = gid;
}
