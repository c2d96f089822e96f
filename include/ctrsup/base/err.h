/* One failure on its way up, in words.
 *
 * A function that can fail returns 0 or -errno and takes `struct err *err` last. The struct lives on the caller's stack,
 * is untouched on success, and grows outwards: the function that knows the system call sets it, each caller that knows
 * more wraps it ("start shop/web: mount overlay: Invalid argument"). Only supervisor, report and cli print it.
 * err may be NULL everywhere: the caller only wants the number.
 */
#pragma once

#include <ctrsup/base/cleanup.h>

enum { ERR_TEXT_MAX = 768, ERR_HINT_MAX = 384 };

struct err {
        int code;                   /* errno, positive; 0: nothing happened */
        char text[ERR_TEXT_MAX];    /* lower case, no trailing dot; cut with "..." when longer */
        char hint[ERR_HINT_MAX];    /* what to do about it; "" when nobody knows */
};

/* All three return -code, so that a caller writes `return err_set(err, EINVAL, "…")`. code is a positive errno. */
int err_set(struct err *err, int code, const char *format, ...) _printf_(3, 4);
/* As err_set, with ": <strerror(code)>" behind the words. Read errno on the line after the call. */
int err_sys(struct err *err, int code, const char *format, ...) _printf_(3, 4);
/* Puts "words: " in front of what is there; returns -err->code. */
int err_wrap(struct err *err, const char *format, ...) _printf_(2, 3);
/* Sets the hint when there is none yet (the innermost one knows best); returns -err->code. */
int err_hint(struct err *err, const char *format, ...) _printf_(2, 3);
/* -ENOMEM, with the words "out of memory". */
int err_oom(struct err *err);
