/* Who may do what on the control socket: root everything, the settings' groups as they say. A reader sees states, events, ends and log
 * lines; what a declaration says (environment, commands: Document, Plan) is an admin's to see.
 */
#pragma once

#include "manager.h"

/* Looks the groups up once, in /etc/group: no client makes the loop wait for a name service. On failure those there were stay. */
int rights_load(struct manager *m, struct err *err);
void rights_done(struct manager *m);
/* After a load: the socket's group and ACL, and the clients that are there. asking: whose call made it so; NULL. */
void rights_take(struct manager *m, const struct control_call *asking);
enum control_right rights_of(const struct control_peer *peer, void *manager);
/* A refusal is journalled, a few for each uid and minute; those that were not are counted. As control_server_args.refused says. */
void rights_refused(const struct control_peer *peer, const char *method, char hint[ERR_HINT_MAX], void *manager);
void rights_tend(struct manager *m);
/* The group the socket belongs to; (gid_t)-1: none. */
gid_t rights_socket_group(const struct manager *m);
