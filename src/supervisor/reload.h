/* A reload: ctrsup.conf is read again, and the stacks that the client read from stacks.d are applied where they differ.
 *
 * All or nothing as far as words go: settings and documents are checked first, and any complaint leaves everything as it was. At
 * start there is one exception: what is right among the files of stacks.d is applied, the rest is said.
 */
#pragma once

#include "manager.h"

/* The method io.ctrsup.Manager.Reload. */
int reload_method(struct control_call *call, json_t *parameters, void *manager);
/* SIGHUP: the settings only. */
void reload_on_signal(struct manager *m);
/* Starts our client with what is in stacks.d, when there is anything. */
void reload_stacks_d(struct manager *m);
void reload_done(struct manager *m);
/* One entry for a wrong configuration; also at the start, with no manager yet. */
struct report_event reload_complaint(const struct config_complaints *c, char words[ERR_TEXT_MAX]);
