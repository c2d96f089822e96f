/* The log pipes of an instance: made at launch, read ends held by the keeper (so that none is lost, whoever dies) and pumped by
 * the logger. */
#pragma once

#include <ctrsup/act/instance.h>

/* The write ends for stdout and stderr; -EBADF where nothing is to be made. */
struct act_log_ends {
        int out, err;
};

/* Which driver an instance gets on this host. */
enum act_log act_log_choose(const struct act_host *h, const struct spec_container *c);
const char *act_log_name(enum act_log log); /* "journald"; "caller" */
/* Opens what i->log says; for pipes: held by the keeper, added to the logger when it is up. The caller closes both ends. */
int act_log_open(struct act_host *h, struct act_instance *i, const struct spec_container *c, struct act_log_ends *ret, struct err *err);
/* The write ends of a running one once more, for what joins it. -EAGAIN: its pipes are still with the keeper. The caller closes both. */
int act_log_join(const struct act_instance *i, const struct spec_container *c, struct act_log_ends *ret, struct err *err);
/* Adds the pipes to a logger (again): out and err are the read ends, taken from the keeper. */
int act_log_add(struct act_host *h, struct act_instance *i, const struct spec_container *c, int out_fd, int err_fd, struct err *err);
/* Name under which the keeper holds a read end: "log.<id>.out". Parse: -EINVAL when it is none. */
void act_log_name_held(char buf[KEEPER_NAME_MAX], const struct act_instance *i, bool is_err);
int act_log_parse_held(const char *name, char id_text[ACT_ID_TEXT_SIZE], bool *ret_is_err);
/* Of its stream at the logger: the same for every supervisor, another for each start. */
uint64_t act_log_stream_id(const struct act_instance *i);
/* Nobody is left to write: the logger reads what there is, and tells that it has come to the end. */
int act_log_end(struct act_host *h, const struct act_instance *i, struct err *err);
/* Gives them to a keeper that does not have them. */
int act_log_hold(struct act_host *h, struct act_instance *i);
/* The keeper lets go of them, and so do we. */
void act_log_release(struct act_host *h, struct act_instance *i);
/* Lives in rate limits and file sizes of a running one. */
int act_log_update(struct act_host *h, struct act_instance *i, const struct spec_container *c, struct err *err);
