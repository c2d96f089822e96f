/* See wire.h. */
#include "wire.h"

#include <ctrsup/base/cleanup.h>

#include <string.h>

enum { NO_STRING = 0xffff };

static const size_t longest[_WIRE_STRING_MAX] = {
        [WIRE_STACK] = LOGGER_NAME_MAX, [WIRE_CONTAINER] = LOGGER_NAME_MAX, [WIRE_INSTANCE] = LOGGER_NAME_MAX,
        [WIRE_TAG] = LOGGER_TAG_MAX,    [WIRE_IMAGE] = LOGGER_NAME_MAX,
};

/* The strings become fields of journal entries and words of log lines: a line break would make two of one. */
static bool is_plain(const char *s, size_t len) {
        for (size_t i = 0; i < len; i++)
                if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
                        return false;
        return true;
}

int wire_encode(char buf[WIRE_MAX], const struct wire_head *head, const char *const strings[_WIRE_STRING_MAX], size_t *ret_len) {
        struct wire_head h = *head;
        size_t n = sizeof(h);

        h.version = WIRE_VERSION;
        for (enum wire_string i = 0; i < _WIRE_STRING_MAX; i++) {
                size_t len = strings[i] ? strlen(strings[i]) : 0;

                h.lengths[i] = strings[i] ? (uint16_t)len : NO_STRING;
                if (len > longest[i])
                        return -EMSGSIZE;
                if (!is_plain(strings[i] ?: "", len))
                        return -EINVAL;
                memcpy(buf + n, strings[i] ?: "", len);
                n += len;
        }
        memcpy(buf, &h, sizeof(h));
        *ret_len = n;
        return 0;
}

int wire_decode(struct wire_request *ret, const void *data, size_t len) {
        const char *at = (const char *)data + sizeof(ret->head);
        char *to = ret->text;

        if (len < sizeof(ret->head) || len > WIRE_MAX)
                return -EBADMSG;
        memcpy(&ret->head, data, sizeof(ret->head));
        if (ret->head.version != WIRE_VERSION)
                return -EPROTO;
        len -= sizeof(ret->head);
        for (enum wire_string i = 0; i < _WIRE_STRING_MAX; i++) {
                size_t n = ret->head.lengths[i];

                ret->strings[i] = NULL;
                if (n == NO_STRING)
                        continue;
                if (n > len || n > longest[i] || !is_plain(at, n))
                        return -EBADMSG;
                ret->strings[i] = to;
                memcpy(to, at, n);
                to[n] = '\0';
                to += n + 1;
                at += n;
                len -= n;
        }
        return len == 0 ? 0 : -EBADMSG;
}
