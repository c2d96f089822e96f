/* Prints the message catalog, which the table of events writes; used while building, not installed. */
#include <ctrsup/report/event.h>

int main(void) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        report_catalog(&out);
        return buf_failed(&out) || fputs(buf_text(&out), stdout) < 0 || fflush(stdout) != 0;
}
