/* Any text as /etc/passwd and /etc/group of an image: ids stay in range, names are names, nothing is read beyond the buffer. */
#include <ctrsup/kernel/passwd.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct passwd_user u = { 0 };
        gid_t gids[8], gid;
        size_t n = 0;
        char *text = malloc(size + 1); /* exact, so that a byte too many is seen; + 1 for size 0 */

        if (!text)
                return 0;
        memcpy(text, data, size);
        if (passwd_find_name(text, size, "app", &u) == 0 &&
            (u.uid > PASSWD_ID_MAX || u.gid > PASSWD_ID_MAX || strcmp(u.name, "app") != 0))
                __builtin_trap();
        if (passwd_find_uid(text, size, 70, &u) == 0 && (u.uid != 70 || !passwd_name_is_valid(u.name, strlen(u.name))))
                __builtin_trap();
        if (group_find_name(text, size, "render", &gid) == 0 && gid > PASSWD_ID_MAX)
                __builtin_trap();
        if (group_find_on_host(text, size, "ctrsup", &gid) == 0 && gid == (gid_t)-1)
                __builtin_trap();
        group_collect(text, size, "app", gids, 8, &n);
        if (n > 8)
                __builtin_trap();
        free(text);
        return 0;
}
