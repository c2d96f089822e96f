/* Any text as a value: written out it reads back as itself, and what the number readers take they print again. The first byte
 * chooses; env files and documents of a client have their turn here too. */
#include <ctrsup/base/num.h>
#include <ctrsup/spec/load.h>
#include <ctrsup/text/envfile.h>
#include <ctrsup/text/render.h>
#include <ctrsup/text/suggest.h>
#include <ctrsup/text/yaml.h>

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
        if (!condition)
                __builtin_trap();
}

static void reads_back(const char *text) {
        _cleanup_arena_ struct arena *a = arena_new();
        _cleanup_buf_ struct buf out = BUF_NULL;
        struct diag_list diags;
        struct node *root;

        buf_puts(&out, "[");
        render_scalar(text, &out);
        buf_puts(&out, "]");
        require(diag_list_init(&diags, "f") == 0);
        /* Bytes that are no UTF-8 come out as escapes of Latin-1 characters: readable, not the same. */
        int r = yaml_read(buf_text(&out), out.len, a, &diags, &root);
        require(r == 0 && root->n == 1 && root->entries[0].value->kind == NODE_SCALAR);
        diag_list_done(&diags);
}

static void numbers(const char *text) {
        char shown[NUM_TEXT_MAX];
        uint64_t n, again;

        if (num_parse_size(text, &n) == 0)
                require(num_parse_size(num_format_size(shown, n), &again) == 0 && again == n);
        if (num_parse_duration(text, &n) == 0)
                require(num_parse_duration(num_format_duration(shown, n), &again) == 0 && again == n);
        if (num_parse_milli(text, &n) == 0)
                require(num_parse_milli(num_format_milli(shown, n), &again) == 0 && again == n);
}

static void document(const char *text) {
        json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
        struct diag_list diags;
        struct spec *spec = NULL;

        if (!json)
                return;
        require(diag_list_init(&diags, "f") == 0);
        int r = spec_from_document(json, &diags, &spec);
        require(r == 0 || r == -EBADMSG);
        spec_free(spec);
        diag_list_done(&diags);
        json_decref(json);
}

static void envfile(const char *text, size_t len) {
        _cleanup_arena_ struct arena *a = arena_new();
        struct envfile file;

        if (envfile_read(text, len, a, &file, NULL) == 0)
                for (size_t i = 0; i < file.n; i++)
                        require(*file.items[i].key && file.items[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        if (size == 0)
                return 0;
        _cleanup_free_ char *text = strndup((const char *)data + 1, size - 1);
        if (!text)
                return 0;
        switch (data[0] % 4) {
        case 0:
                reads_back(text);
                break;
        case 1:
                numbers(text);
                require(suggest_distance(text, "environment", 2) <= 3);
                break;
        case 2:
                document(text);
                break;
        default:
                envfile((const char *)data + 1, size - 1);
                break;
        }
        return 0;
}
