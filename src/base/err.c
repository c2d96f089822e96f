/* See err.h. Nothing here allocates: an out-of-memory error must be sayable. */
#include <ctrsup/base/err.h>

#include <stdarg.h>
#include <string.h>

static void put(char *to, size_t size, const char *format, va_list ap) _printf_(3, 0);

static void put(char *to, size_t size, const char *format, va_list ap) {
        int n = vsnprintf(to, size, format, ap);

        if (n >= 0 && (size_t)n >= size)
                memcpy(to + size - sizeof("..."), "...", sizeof("..."));
}

int err_set(struct err *err, int code, const char *format, ...) {
        if (err) {
                va_list ap;

                va_start(ap, format);
                put(err->text, sizeof(err->text), format, ap);
                va_end(ap);
                err->code = code;
                err->hint[0] = '\0';
        }
        return -code;
}

int err_sys(struct err *err, int code, const char *format, ...) {
        if (err) {
                char words[ERR_TEXT_MAX], reason[128];
                va_list ap;

                va_start(ap, format);
                put(words, sizeof(words), format, ap);
                va_end(ap);
                return err_set(err, code, "%s: %s", words, strerror_r(code, reason, sizeof(reason)));
        }
        return -code;
}

int err_wrap(struct err *err, const char *format, ...) {
        if (!err)
                return -EINVAL;

        char inner[ERR_TEXT_MAX], outer[ERR_TEXT_MAX];
        va_list ap;

        memcpy(inner, err->text, sizeof(inner));
        va_start(ap, format);
        put(outer, sizeof(outer), format, ap);
        va_end(ap);
        int n = snprintf(err->text, sizeof(err->text), "%s: %s", outer, inner);
        if (n >= 0 && (size_t)n >= sizeof(err->text))
                memcpy(err->text + sizeof(err->text) - sizeof("..."), "...", sizeof("..."));
        return -err->code;
}

int err_hint(struct err *err, const char *format, ...) {
        if (!err)
                return -EINVAL;
        if (err->hint[0] == '\0') {
                va_list ap;

                va_start(ap, format);
                put(err->hint, sizeof(err->hint), format, ap);
                va_end(ap);
        }
        return -err->code;
}

int err_oom(struct err *err) {
        return err_set(err, ENOMEM, "out of memory");
}
