/* The methods of io.ctrsup.Manager. */
#pragma once

#include "manager.h"

extern const struct control_method manager_methods[];
extern const size_t n_manager_methods;
