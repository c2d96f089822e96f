/* Numbers as people write them: sizes, durations, counts, modes. Text -> value and back.
 *
 * Strict: the whole text must be the number, no sign, no blanks, no other base. Returns 0, -EINVAL (not such a number) or
 * -ERANGE (one, but it does not fit). *ret is set only on success.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SIZE_INFINITY UINT64_MAX      /* "max": no limit */
#define USEC_INFINITY UINT64_MAX      /* "infinity" */
#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC UINT64_C(1000000)

/* Decimal digits only; "007" is -EINVAL, "0" is fine. */
int num_parse_u64(const char *text, uint64_t *ret);
/* As above with an optional leading "-". */
int num_parse_i64(const char *text, int64_t *ret);
/* Digits and K M G T P (1024-based) or nothing (bytes). Not "max": the key decides whether that is allowed. */
int num_parse_size(const char *text, uint64_t *ret_bytes);
/* "1m30s": w d h m s ms us in falling order, no blanks; "0s" and "0" are zero, any other bare number is -EINVAL. Not "infinity". */
int num_parse_duration(const char *text, uint64_t *ret_usec);
/* "1.5": decimal with up to three places, in thousandths. */
int num_parse_milli(const char *text, uint64_t *ret_milli);
/* "0755": four octal digits, the first one 0 to 7. */
int num_parse_mode(const char *text, mode_t *ret);

enum { NUM_TEXT_MAX = 64 };
/* Shortest exact form: 512M, 1536 (not 1.5K); "max" for SIZE_INFINITY. Returns buf. */
const char *num_format_size(char buf[NUM_TEXT_MAX], uint64_t bytes);
/* Exact: 1m30s, 100ms, 0s; "infinity" for USEC_INFINITY. */
const char *num_format_duration(char buf[NUM_TEXT_MAX], uint64_t usec);
/* For people: 3d 2h, 12m, 4.1s, 350ms; 812M, 1.5G. */
const char *num_human_duration(char buf[NUM_TEXT_MAX], uint64_t usec);
const char *num_human_size(char buf[NUM_TEXT_MAX], uint64_t bytes);
const char *num_format_milli(char buf[NUM_TEXT_MAX], uint64_t milli);      /* 1500 -> "1.5" */
