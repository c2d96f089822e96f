/* A recursive reader of libyaml's events; the depth is bounded, so the stack is too. The first thing that makes the tree
 * meaningless (syntax, a cap, a tag) ends the reading; a duplicate key does not. libyaml never sees deep nesting: its scanner
 * looks at most 1024 characters ahead of the event at which we stop. */
#include <ctrsup/text/yaml.h>

#include "source.h"
#include "utf8.h"

#include <search.h>
#include <string.h>
#include <yaml.h>

struct anchor {
        char *name;
        const struct node *node; /* NULL: not complete yet, so that an alias to it would be a cycle */
};

struct reader {
        yaml_parser_t parser;
        struct arena *arena;
        struct diag_list *diags;
        void *anchors; /* tsearch tree */
        size_t nodes;
        /* How far the text has been looked at for tabs: the same place as characters and as bytes. */
        const char *text;
        size_t len, byte, character;
        struct mark here;
};

static int read_node(struct reader *r, yaml_event_t *event, const struct path *path, unsigned depth, struct node **ret);

static struct mark mark_of(const yaml_mark_t *start, const yaml_mark_t *end) {
        return (struct mark){ (uint32_t)start->line + 1, (uint32_t)start->column + 1, (uint32_t)end->line + 1,
                              (uint32_t)end->column + 1 };
}

static struct diag *complain(struct reader *r, enum diag_id id, struct mark mark, const struct path *path, const char *words) {
        _cleanup_buf_ struct buf where = BUF_NULL;
        char shown[256];

        (void)snprintf(shown, sizeof(shown), "%s", words);
        utf8_disarm(shown);
        path_put(path, &where);
        return diag_add(r->diags, id, mark, buf_text(&where), "%s", shown);
}

static int refuse(struct reader *r, enum diag_id id, struct mark mark, const struct path *path, const char *words,
                  const char *hint) {
        struct diag *d = complain(r, id, mark, path, words);

        if (hint)
                diag_hint(r->diags, d, "%s", hint);
        return -EBADMSG;
}

static const char tab_words[] = "a tab is used as white space",
                  tab_hint[] = "use spaces; a tab belongs into a quoted value, as \"\\t\"";

/* What libyaml says, and what usually causes it. */
static const struct {
        const char *problem, *hint;
} causes[] = {
        { "mapping values are not allowed in this context",
          "a value with \": \" inside needs quotes; a key needs a line of its own" },
        { "did not find expected key", "check the indentation and the brackets of this line and the one above" },
        { "could not find expected ':'", "write KEY: VALUE, with a space behind the colon" },
        { "found character that cannot start any token", "a value that starts with @, ` or % needs quotes" },
        { "did not find expected ',' or ']'", "a list that was opened with [ is not closed" },
        { "did not find expected ',' or '}'", "a mapping that was opened with { is not closed" },
        { "found unexpected end of stream", "a quote or a bracket is not closed" },
        { "found undefined alias", "define it first, with &NAME" },
        { "found unknown escape character", "write \\\\ for a backslash, or use single quotes" },
};

/* The bytes from the start of mark's line up to and with its column. */
static bool tab_before(const struct reader *r, const yaml_mark_t *mark) {
        const char *p = r->text, *end = r->text + r->len;

        for (size_t line = 0; line < mark->line && p < end; p++)
                line += *p == '\n';
        for (size_t column = 0; column <= mark->column && p < end && *p != '\n'; p++, column++)
                if (*p == '\t')
                        return true;
        return false;
}

static int syntax_error(struct reader *r) {
        const yaml_parser_t *p = &r->parser;
        struct mark mark = mark_of(&p->problem_mark, &p->problem_mark), context = mark_of(&p->context_mark, &p->context_mark);
        const char *problem = p->problem ? p->problem : "cannot be read";

        if (p->error == YAML_MEMORY_ERROR)
                return -ENOMEM;
        if (p->error == YAML_READER_ERROR)
                return refuse(r, DIAG_YAML_UNSAFE, MARK_NULL, NULL, problem, NULL);
        mark.end_column++;
        if (tab_before(r, &p->problem_mark))
                return refuse(r, DIAG_YAML_SYNTAX, mark, NULL, tab_words, tab_hint);
        struct diag *d = complain(r, DIAG_YAML_SYNTAX, mark, NULL, problem);
        for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
                if (strcmp(causes[i].problem, problem) == 0)
                        diag_hint(r->diags, d, "%s", causes[i].hint);
        if (p->context && (context.line != mark.line || context.column != mark.column))
                diag_note(r->diags, d, context, "%s", p->context);
        return -EBADMSG;
}

/* Looks for tabs up to the character with that index; what is a token (skip) or a comment may have some. */
static int look_for_tabs(struct reader *r, size_t character, bool skip) {
        bool comment = false;

        for (; r->character < character && r->byte < r->len; r->character++) {
                char c = r->text[r->byte++];

                while (r->byte < r->len && ((unsigned char)r->text[r->byte] & 0xc0) == 0x80)
                        r->byte++;
                if (c == '#')
                        comment = true;
                if (c == '\t' && !comment && !skip)
                        return refuse(r, DIAG_YAML_SYNTAX,
                                      (struct mark){ r->here.line, r->here.column, r->here.line, r->here.column + 1 }, NULL,
                                      tab_words, tab_hint);
                r->here.column++;
                if (c == '\n') {
                        comment = false;
                        r->here.line++;
                        r->here.column = 1;
                }
        }
        return 0;
}

static int next_event(struct reader *r, yaml_event_t *event) {
        yaml_event_delete(event);
        if (!yaml_parser_parse(&r->parser, event)) {
                *event = (yaml_event_t){ 0 };
                return syntax_error(r);
        }
        int e = look_for_tabs(r, event->start_mark.index, false);
        return e < 0 ? e : look_for_tabs(r, event->end_mark.index, true);
}

static int compare_anchors(const void *a, const void *b) {
        return strcmp(((const struct anchor *)a)->name, ((const struct anchor *)b)->name);
}

/* The anchor of that name, made when it is new; NULL: out of memory. */
static struct anchor *anchor_of(struct reader *r, const char *name) {
        struct anchor *anchor = arena_new_of(r->arena, struct anchor);

        if (!anchor || !(anchor->name = arena_strdup(r->arena, name)))
                return NULL;
        struct anchor **slot = tsearch(anchor, &r->anchors, compare_anchors);
        return slot ? *slot : NULL;
}

static int count_nodes(struct reader *r, size_t more, struct mark mark, const struct path *path) {
        r->nodes += more;
        return r->nodes <= YAML_MAX_NODES
                       ? 0
                       : refuse(r, DIAG_YAML_UNSAFE, mark, path, "more than 100000 values, aliases expanded", NULL);
}

static int read_alias(struct reader *r, const yaml_event_t *event, const struct path *path, unsigned depth, struct node **ret) {
        struct mark mark = mark_of(&event->start_mark, &event->end_mark);
        struct anchor key = { .name = (char *)event->data.alias.anchor }, **slot = tfind(&key, &r->anchors, compare_anchors);
        char words[160];

        (void)snprintf(words, sizeof(words),
                       slot ? "alias *%.64s stands inside the value it names" : "alias *%.64s: there is no anchor &%.64s",
                       key.name, key.name);
        if (!slot)
                return refuse(r, DIAG_YAML_SYNTAX, mark, path, words, "anchors have to come before their aliases");
        if (!(*slot)->node)
                return refuse(r, DIAG_YAML_UNSAFE, mark, path, words, NULL);
        int e = count_nodes(r, node_count((*slot)->node), mark, path);
        if (e < 0)
                return e;
        *ret = node_copy(r->arena, (*slot)->node, NULL);
        if (!*ret)
                return -ENOMEM;
        return depth + node_depth(*ret) <= YAML_MAX_DEPTH
                       ? 0
                       : refuse(r, DIAG_YAML_UNSAFE, mark, path, "nested deeper than 32 levels", NULL);
}

static int read_scalar(struct reader *r, const yaml_event_t *event, struct mark mark, const struct path *path,
                       struct node **ret) {
        const char *value = (const char *)event->data.scalar.value;
        size_t len = event->data.scalar.length;

        if (memchr(value, 0, len))
                return refuse(r, DIAG_YAML_UNSAFE, mark, path, "a NUL character inside a value", "no program can be given one");
        char *text = arena_strndup(r->arena, value, len);
        if (!text)
                return -ENOMEM;
        *ret = node_scalar(r->arena, text, event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? 0 : NODE_QUOTED, mark);
        return *ret ? 0 : -ENOMEM;
}

static int read_sequence(struct reader *r, yaml_event_t *event, struct node *n, const struct path *path, unsigned depth) {
        for (;;) {
                struct path here = { .up = path, .index = n->n };
                struct node *item;
                int e = next_event(r, event);

                if (e < 0)
                        return e;
                if (event->type == YAML_SEQUENCE_END_EVENT)
                        return 0;
                e = read_node(r, event, &here, depth + 1, &item);
                if (e == 0)
                        e = node_add(r->arena, n, NULL, item);
                if (e < 0)
                        return e;
        }
}

struct duplicate {
        struct reader *reader;
        const struct path *path;
};

static void complain_duplicate(void *userdata, const struct node *first, const struct node *again) {
        struct duplicate *dup = userdata;
        struct path here = { .up = dup->path, .key = again->text };
        struct diag *d = complain(dup->reader, DIAG_DUPLICATE_KEY, again->mark, &here, "key given twice");

        diag_note(dup->reader->diags, d, first->mark, "first given here");
}

/* "<<": adds the keys of the merged mapping that n does not have; value is a mapping, or a list of them of which the earlier
 * wins. */
static int merge(struct reader *r, struct node *n, struct node *value, const struct path *path) {
        if (value->kind == NODE_SEQUENCE) {
                for (uint32_t i = 0; i < value->n; i++) {
                        int e = value->entries[i].value->kind == NODE_MAPPING ? merge(r, n, value->entries[i].value, path)
                                                                              : -EINVAL;

                        if (e == -EINVAL)
                                return refuse(r, DIAG_WRONG_TYPE, value->entries[i].value->mark, path,
                                              "<< takes a mapping or a list of mappings", NULL);
                        if (e < 0)
                                return e;
                }
                return 0;
        }
        if (value->kind != NODE_MAPPING)
                return refuse(r, DIAG_WRONG_TYPE, value->mark, path, "<< takes a mapping or a list of mappings",
                              "write <<: *NAME");
        for (uint32_t i = 0; i < value->n; i++)
                if (node_add(r->arena, n, value->entries[i].key, value->entries[i].value) < 0)
                        return -ENOMEM;
        return 0;
}

static int read_key(struct reader *r, yaml_event_t *event, const struct path *path, struct node **ret) {
        struct mark mark = mark_of(&event->start_mark, &event->end_mark);

        if (event->type == YAML_SCALAR_EVENT)
                return read_node(r, event, path, 0, ret);
        return refuse(r, DIAG_YAML_SYNTAX, mark, path, "a key has to be plain text",
                      event->type == YAML_ALIAS_EVENT ? NULL : "text with { or [ at its start needs quotes");
}

static int read_mapping(struct reader *r, yaml_event_t *event, struct node *n, const struct path *path, unsigned depth) {
        struct node *merges = node_new(r->arena, NODE_SEQUENCE, n->mark);

        if (!merges)
                return -ENOMEM;
        for (;;) {
                struct node *key, *value;
                int e = next_event(r, event);

                if (e < 0)
                        return e;
                if (event->type == YAML_MAPPING_END_EVENT)
                        break;
                e = read_key(r, event, path, &key);
                if (e < 0)
                        return e;
                struct path here = { .up = path, .key = key->text };
                e = next_event(r, event);
                if (e == 0)
                        e = read_node(r, event, &here, depth + 1, &value);
                if (e == 0)
                        e = node_is_bare(key) && strcmp(key->text, "<<") == 0 ? node_add(r->arena, merges, NULL, value)
                                                                              : node_add(r->arena, n, key, value);
                if (e < 0)
                        return e;
        }
        int e = node_dedupe(r->arena, n, complain_duplicate, &(struct duplicate){ r, path });
        if (e < 0 || merges->n == 0)
                return e;
        for (uint32_t i = 0; i < merges->n; i++) {
                e = merge(r, n, merges->entries[i].value, path);
                if (e < 0)
                        return e;
        }
        return node_dedupe(r->arena, n, NULL, NULL);
}

static const char *tag_of(const yaml_event_t *event) {
        const yaml_char_t *tag = event->type == YAML_SCALAR_EVENT          ? event->data.scalar.tag
                                 : event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.tag
                                                                           : event->data.sequence_start.tag;
        return (const char *)tag;
}

static const char *anchor_name(const yaml_event_t *event) {
        const yaml_char_t *anchor = event->type == YAML_SCALAR_EVENT          ? event->data.scalar.anchor
                                    : event->type == YAML_MAPPING_START_EVENT ? event->data.mapping_start.anchor
                                                                              : event->data.sequence_start.anchor;
        return (const char *)anchor;
}

static int refuse_tag(struct reader *r, const char *tag, struct mark mark, const struct path *path) {
        static const char yaml_prefix[] = "tag:yaml.org,2002:";
        size_t prefix = strlen(yaml_prefix);
        char words[120];

        if (strncmp(tag, yaml_prefix, prefix) == 0)
                (void)snprintf(words, sizeof(words), "tags are not allowed, found !!%.64s", tag + prefix);
        else
                (void)snprintf(words, sizeof(words), "tags are not allowed, found %.64s", tag);
        return refuse(r, DIAG_YAML_UNSAFE, mark, path, words, "remove it; a value that starts with ! needs quotes");
}

static int read_node(struct reader *r, yaml_event_t *event, const struct path *path, unsigned depth, struct node **ret) {
        struct mark mark = mark_of(&event->start_mark, &event->end_mark);
        struct anchor *anchor = NULL;

        if (event->type == YAML_ALIAS_EVENT)
                return read_alias(r, event, path, depth, ret);
        if (depth >= YAML_MAX_DEPTH && event->type != YAML_SCALAR_EVENT)
                return refuse(r, DIAG_YAML_UNSAFE, mark, path, "nested deeper than 32 levels", NULL);
        if (tag_of(event))
                return refuse_tag(r, tag_of(event), mark, path);
        int e = count_nodes(r, 1, mark, path);
        if (e < 0)
                return e;
        if (anchor_name(event)) {
                anchor = anchor_of(r, anchor_name(event));
                if (!anchor)
                        return -ENOMEM;
                anchor->node = NULL;
        }
        if (event->type == YAML_SCALAR_EVENT)
                e = read_scalar(r, event, mark, path, ret);
        else {
                bool mapping = event->type == YAML_MAPPING_START_EVENT;

                *ret = node_new(r->arena, mapping ? NODE_MAPPING : NODE_SEQUENCE, mark);
                e = !*ret     ? -ENOMEM
                    : mapping ? read_mapping(r, event, *ret, path, depth)
                              : read_sequence(r, event, *ret, path, depth);
        }
        if (e == 0 && anchor)
                anchor->node = *ret;
        return e;
}

/* stream start, document start, the root, document end, stream end */
static int read_stream(struct reader *r, yaml_event_t *event, struct node **ret) {
        int e = next_event(r, event);

        if (e == 0)
                e = next_event(r, event);
        if (e < 0)
                return e;
        if (event->type == YAML_STREAM_END_EVENT) {
                *ret = node_scalar(r->arena, "", 0, (struct mark){ 1, 1, 1, 1 });
                return *ret ? 0 : -ENOMEM;
        }
        if (event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
                return refuse(r, DIAG_YAML_UNSAFE, mark_of(&event->start_mark, &event->end_mark), NULL,
                              "tags are not allowed, found %TAG", NULL);
        e = next_event(r, event);
        if (e == 0)
                e = read_node(r, event, NULL, 0, ret);
        if (e == 0)
                e = next_event(r, event);
        if (e == 0)
                e = next_event(r, event);
        if (e == 0 && event->type != YAML_STREAM_END_EVENT)
                e = refuse(r, DIAG_YAML_SYNTAX, mark_of(&event->start_mark, &event->end_mark), NULL,
                           "a second document starts here", "one file is one stack; remove the --- line");
        return e;
}

static void keep(void *node) {
        (void)node; /* the anchors are the arena's */
}

int yaml_read(const char *text, size_t len, struct arena *a, struct diag_list *diags, struct node **ret) {
        struct reader r = { .arena = a, .diags = diags, .text = text, .len = len, .here = { .line = 1, .column = 1 } };
        yaml_event_t event = { 0 };
        struct node *root = NULL;
        int e = source_check(text, len, YAML_MAX_SIZE, diags);

        if (e < 0)
                return e;
        if (!yaml_parser_initialize(&r.parser))
                return -ENOMEM;
        yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
        e = read_stream(&r, &event, &root);
        yaml_event_delete(&event);
        yaml_parser_delete(&r.parser);
        tdestroy(r.anchors, keep);
        if (e == 0)
                *ret = root;
        return e;
}
