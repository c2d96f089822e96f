/* The keeper's end of things: what it tells becomes events of members and of exec sessions. */
#pragma once

#include "manager.h"

/* Connects to the keeper that lives, or starts one. */
int keeper_link_open(struct manager *m, struct err *err);
/* Reads its table (a supervisor that comes back): launches wait until that is done. */
int keeper_link_adopt(struct manager *m, struct err *err);
/* Now and then: a keeper that could not be started is tried again. */
void keeper_link_tend(struct manager *m);
/* What waitid(2) told the keeper. */
struct exit_info keeper_exit_info(const struct keeper_exit *e);
