/* Targets as people name them: STACK, STACK/CONTAINER, STACK/CONTAINER.N. */
#pragma once

#include <ctrsup/base/err.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { TARGET_NAME_SIZE = 64, TARGET_TEXT_SIZE = 2 * TARGET_NAME_SIZE + 12 };

struct target {
        char stack[TARGET_NAME_SIZE], container[TARGET_NAME_SIZE]; /* container "": the whole stack */
        uint32_t replica;                                          /* 0: all */
};

/* -EINVAL with words. */
int target_parse(const char *text, struct target *ret, struct err *err);
/* The part before "/", cut to what fits. */
void target_stack(const char *text, char ret[TARGET_NAME_SIZE]);
/* Whether the instance is meant. */
bool target_covers(const struct target *t, const char *stack, const char *container, json_int_t replica);
/* "shop/api.2", and "shop/api" for replica 1 of only one (or 0: none). Returns buf. */
const char *target_text(const char *stack, const char *container, json_int_t replica, bool only_one, char buf[TARGET_TEXT_SIZE]);
/* Whether containers (Container of the interface) has only one replica of that container. */
bool target_is_only(const json_t *containers, const char *stack, const char *container);
/* The words of a command line, checked: a new array, or NULL with words in err. */
json_t *targets_json(char **words, int n, struct err *err);
