/* The cells of step.c's table, by the kind of their event: intents.c, adopt.c, facts.c; named after what they do. */
#pragma once

#include "move.h"

void intent_start_now(struct move *m);
void intent_resume(struct move *m);
void intent_start_when_down(struct move *m);
void intent_restart_now(struct move *m);
void intent_stay_up(struct move *m);
void intent_want(struct move *m);
void intent_want_stopped(struct move *m);
void intent_want_when_down(struct move *m);
void intent_go_on_leaving(struct move *m);
void intent_stop_up(struct move *m);
void intent_stop_down(struct move *m);
void intent_stop_completed(struct move *m);
void intent_stop_again(struct move *m);
void intent_hold_up(struct move *m);
void intent_hold_when_down(struct move *m);
void intent_hold_down(struct move *m);
void intent_remove_up(struct move *m);
void intent_remove_down(struct move *m);
void intent_remove_when_down(struct move *m);

void fact_recalled(struct move *m);
void fact_adopted(struct move *m);

void fact_came_up(struct move *m);
void fact_came_up_unwanted(struct move *m);
void fact_did_not_start(struct move *m);
void fact_exited(struct move *m);
void fact_early_ready(struct move *m);
void fact_ready(struct move *m);
void fact_post_start_hooked(struct move *m);
void fact_pre_stop_hooked(struct move *m);
void fact_unhealthy(struct move *m);
void fact_gets_ready_later(struct move *m);
void fact_ends_later(struct move *m);
void fact_unhealthy_from_the_start(struct move *m);
void fact_hit_by_oom(struct move *m);
void fact_await_exit(struct move *m);
void fact_emptied(struct move *m);
void fact_start_emptied(struct move *m);
void fact_exit_overdue(struct move *m);
void fact_readiness_overdue(struct move *m);
void fact_start_overdue(struct move *m);
void fact_grace_over(struct move *m);
void fact_try_again(struct move *m);
