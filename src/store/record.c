#include "record.h"

#include <ctrsup/store/dir.h>

#include <limits.h>
#include <string.h>

static char *record_text(json_t *object) {
        return json_object_set_new(object, "version", json_integer(RECORD_VERSION)) < 0 ? NULL : json_dumps(object, JSON_COMPACT);
}

int record_write(int fd, const char *name, json_t *object, struct err *err) {
        _cleanup_free_ char *text = record_text(object);

        return text ? file_write(fd, name, text, strlen(text), 0600, err) : err_oom(err);
}

int record_write_volatile(int fd, const char *name, json_t *object, struct err *err) {
        _cleanup_free_ char *text = record_text(object);

        return text ? file_write_volatile(fd, name, text, strlen(text), 0600, err) : err_oom(err);
}

int record_read(int fd, const char *name, json_t **ret, struct err *err) {
        _cleanup_free_ char *text = NULL;
        size_t len = 0;
        json_error_t why;
        int r = file_read(fd, name, RECORD_MAX, &text, &len, err);

        if (r == -EINVAL || r == -EFBIG) {
                if (err)
                        err->code = EBADMSG;
                return -EBADMSG;
        }
        if (r < 0)
                return r;
        _cleanup_json_ json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
        if (!j)
                return err_set(err, EBADMSG, "%s: %s (line %d)", name, why.text, why.line);
        json_int_t version = json_integer_value(json_object_get(j, "version"));
        if (version > RECORD_VERSION) {
                (void)err_set(err, EPROTO, "%s was written by a newer ctrsup (format %lld; this one knows %d)", name,
                              (long long)version, RECORD_VERSION);
                (void)err_hint(err, "install that version again, or move the file away");
                return -EPROTO;
        }
        if (version < RECORD_OLDEST)
                return err_set(err, EBADMSG, "%s is no record of ctrsup", name);
        *ret = take_ptr(j);
        return 0;
}

int record_set_aside(int fd, const char *name, struct err *err) {
        char aside[NAME_MAX + 1];

        if ((size_t)snprintf(aside, sizeof(aside), "%s.bad", name) >= sizeof(aside) || renameat(fd, name, fd, aside) < 0)
                return -EBADMSG;
        if (err) {
                size_t len = strlen(err->text);

                (void)snprintf(err->text + len, sizeof(err->text) - len, "; set aside as %s", aside);
        }
        return -EBADMSG;
}
