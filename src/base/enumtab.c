#include <ctrsup/base/enumtab.h>

#include <errno.h>
#include <string.h>

const char *enumtab_name(const char *const *names, size_t n, int value) {
        return value >= 0 && (size_t)value < n && names[value] ? names[value] : "?";
}

int enumtab_value(const char *const *names, size_t n, const char *word) {
        for (size_t i = 0; i < n; i++)
                if (names[i] && strcmp(names[i], word) == 0)
                        return (int)i;
        return -EINVAL;
}
