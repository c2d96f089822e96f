/* The keeper's end of things: what it tells becomes events of members and of exec sessions. */
#pragma once

#include "manager.h"

/* Connects to the keeper that lives, or starts one. */
int keeper_link_open(struct manager *m, struct err *err);
/* Now and then: a keeper that could not be started is tried again. */
void keeper_link_tend(struct manager *m);
/* How a start of b ended, or that it did not come about. */
void keeper_link_exited(struct member *b, const struct keeper_exit *exit);
void keeper_link_failed(struct member *b, const struct keeper_failure *failure);
/* One that nobody wants: killed, or forgotten when it has ended. */
void keeper_link_end_stranger(struct manager *m, struct keeper_event *e);
/* What waitid(2) told the keeper. */
struct exit_info keeper_exit_info(const struct keeper_exit *e);
