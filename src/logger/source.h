/* What an epoll event points at: the first member of the thing itself. */
#pragma once

enum source_kind { SOURCE_CONTROL, SOURCE_SIGNAL, SOURCE_PIPE, SOURCE_JOURNAL, SOURCE_SUBSCRIBER };

struct source {
        enum source_kind kind;
};
