/* Prints ctrsup-stack(5), which the field table writes; used while building, not installed. */
#include <ctrsup/spec/explain.h>

int main(void) {
        _cleanup_buf_ struct buf out = BUF_NULL;

        explain_man(&out);
        return buf_failed(&out) || fputs(buf_text(&out), stdout) < 0 || fflush(stdout) != 0;
}
