/* Who may do what on the control socket: root everything, the settings' groups as they say. */
#pragma once

#include "manager.h"

/* Looks the groups up once, so that a client never makes the loop wait for a name service. */
int rights_load(struct manager *m, struct err *err);
enum control_right rights_of(const struct control_peer *peer, void *manager);
/* The group the socket belongs to; (gid_t)-1: none. */
gid_t rights_socket_group(const struct manager *m);
