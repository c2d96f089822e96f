/* /etc/passwd and /etc/group of an image: foreign text, so a parser of our own over a bounded buffer. Never the libc's: that
 * would load the image's NSS modules into a root process. The host's /etc/group is read here too, where a name service must not
 * be waited for.
 *
 * A line that is not exactly of the format (fields, ids from 0 to 65534 in plain decimal) does not count; the first that
 * matches wins. text need not end with a NUL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PASSWD_FILE_MAX = 128 * 1024, PASSWD_NAME_MAX = 64, PASSWD_ID_MAX = 65534 };

struct passwd_user {
        char name[PASSWD_NAME_MAX]; /* "" when the file has none */
        uid_t uid;
        gid_t gid;
};

/* Decimal digits, no sign, no leading zero, at most PASSWD_ID_MAX. */
bool passwd_parse_id(const char *text, size_t len, unsigned *ret);
/* As useradd(8) allows, and a first letter that no number has. */
bool passwd_name_is_valid(const char *text, size_t len);

/* 0 or -ENOENT. */
int passwd_find_name(const char *text, size_t len, const char *name, struct passwd_user *ret);
int passwd_find_uid(const char *text, size_t len, uid_t uid, struct passwd_user *ret);
int group_find_name(const char *text, size_t len, const char *name, gid_t *ret);
/* Appends the groups that list the user as a member; what does not fit is dropped. */
void group_collect(const char *text, size_t len, const char *user, gid_t *gids, size_t max, size_t *n);

/* The host's: any name, ids up to 2^32-2. */
bool group_parse_host_id(const char *text, gid_t *ret);
int group_find_on_host(const char *text, size_t len, const char *name, gid_t *ret);
