/* The notify socket of one start: what it says to it waits there until somebody reads it, whoever dies meanwhile.
 *
 *     <runtime>/notify/            root only: nobody on the host but us reaches what is below
 *     <runtime>/notify/<id>/       of one start, read-only in its container at RECIPE_NOTIFY_DIR
 *     <runtime>/notify/<id>/notify the socket, 0666: whoever is in the container may send
 *
 * One for each start, so that what a process of the last one sent cannot be taken for the new one's. The keeper holds the socket, and
 * systemd's store, and we have it open; only when all three are lost it is bound anew: the folder, not the socket, is what the container
 * has mounted, so it sees the new one. What was unread is lost then, what is sent afterwards is not.
 *
 * It takes net.unix.max_dgram_qlen messages (10; 512 where systemd has set it): who says more while nobody reads waits until somebody does.
 */
#pragma once

#include <ctrsup/act/instance.h>

#define ACT_NOTIFY_FOLDER "notify"

/* Binds it and gives it to the keeper. A failure leaves nothing. */
int act_notify_open(struct act_host *h, struct act_instance *i, struct err *err);
/* Of a start that an earlier supervisor made: fd is its socket, which is taken, or -EBADF: nobody had it. 0; 1: it was bound anew; -ENOENT:
 * the start has none. */
int act_notify_adopt(struct act_host *h, struct act_instance *i, int fd, struct err *err);
/* A keeper that does not have it gets it. */
void act_notify_hold(struct act_host *h, const struct act_instance *i);
/* The start is over. */
void act_notify_release(struct act_host *h, struct act_instance *i);
/* The folder of the start, as the recipe names it. Returns buf. */
enum { ACT_NOTIFY_PATH_MAX = 4096 };
const char *act_notify_path(const struct act_host *h, const struct act_instance *i, char buf[ACT_NOTIFY_PATH_MAX]);

/* Name under which the keeper holds it: "notify.<id>". Parse: -EINVAL when it is none. */
void act_notify_name_held(char buf[KEEPER_NAME_MAX], const struct act_instance *i);
int act_notify_parse_held(const char *name, char id_text[ACT_ID_TEXT_SIZE]);
/* Folders of starts that nobody knows: is_known says of an id whether somebody does. */
void act_notify_sweep(struct act_host *h, bool (*is_known)(const char *id_text, void *userdata), void *userdata);
