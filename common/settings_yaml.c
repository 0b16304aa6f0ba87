#include "config.h"

#include "common/settings_yaml.h"

#include "common/settings.h"
#include "common/text.h"

#define BYTE_FAULTS_MAX 20 /* a binary file need not be described in full */

static size_t line_of(const yaml_mark_t *mark)
{
    return mark->line + 1;
}

/* Every byte that YAML could not hold, once per line; libyaml would tell an offset and the first. */
static bool check_bytes(struct settings_notes *notes, struct bytes text)
{
    size_t line = 1, said_on = 0, faults = 0;

    for (size_t i = 0, n; i < text.len && faults < BYTE_FAULTS_MAX; i += n) {
        struct bytes rest = bytes_of(text.ptr + i, text.len - i);
        uint8_t byte = text.ptr[i];
        const char *wrong = NULL;

        n = text_utf8_length(rest);
        if (n == 0) {
            wrong = "is not UTF-8; save the file as UTF-8";
            n = 1;
        } else if (byte == '\0') {
            wrong = "is a NUL byte; remove it";
        } else if (byte != '\n' && byte != '\r' && byte != '\t' &&
                   !text_is_plain(bytes_of(rest.ptr, n), false)) {
            wrong = "starts a control character; remove it";
        }
        if (wrong != NULL && said_on != line) {
            notes_fault(notes, line, "byte 0x%02x %s", byte, wrong);
            said_on = line;
            faults++;
        }
        if (byte == '\n' || (byte == '\r' && !(n < rest.len && rest.ptr[n] == '\n')))
            line++;
    }
    return faults == 0;
}

static bool line_has_tab(struct bytes text, size_t line)
{
    size_t at = 1;

    for (size_t i = 0; i < text.len && at <= line; i++) {
        if (at == line && text.ptr[i] == '\t')
            return true;
        if (text.ptr[i] == '\n')
            at++;
    }
    return false;
}

static void note_syntax(struct settings_notes *notes, struct bytes text,
                        const yaml_parser_t *parser)
{
    size_t line = line_of(&parser->problem_mark);

    if (parser->error == YAML_MEMORY_ERROR) {
        notes->memory_short = true;
        return;
    }
    notes_fault(notes, line, "not YAML: %s%s%s; %s",
                parser->problem != NULL ? parser->problem : "unreadable",
                parser->context != NULL ? " " : "", parser->context != NULL ? parser->context : "",
                line_has_tab(text, line)
                    ? "indent with blanks, never with tabs"
                    : "look at indentation, quotes and brackets here and above");
}

static void note_ornaments(struct settings_notes *notes, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    size_t line = line_of(&event->start_mark);

    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    } else if (event->type == YAML_ALIAS_EVENT) {
        notes_fault(notes, line, "alias *%s; aliases are not read, write the value out",
                    (const char *)event->data.alias.anchor);
    }
    if (anchor != NULL)
        notes_fault(notes, line, "anchor &%s; anchors are not read, remove it",
                    (const char *)anchor);
    if (tag != NULL)
        notes_fault(notes, line,
                    "tag %s; tags are not read, remove it (quote a value that starts with !)",
                    (const char *)tag);
}

/* Reads the events once, without building anything.  False when the tree must not be built. */
static bool check_events(struct settings_notes *notes, struct bytes text)
{
    yaml_parser_t parser;
    yaml_event_t event;
    size_t documents = 0, depth = 0;
    bool going = true;

    if (!yaml_parser_initialize(&parser)) {
        notes->memory_short = true;
        return false;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, text.ptr, text.len);
    while (going) {
        if (!yaml_parser_parse(&parser, &event)) {
            note_syntax(notes, text, &parser);
            break;
        }
        note_ornaments(notes, &event);
        if (event.type == YAML_DOCUMENT_START_EVENT && ++documents == 2) {
            notes_fault(notes, line_of(&event.start_mark),
                        "a second document starts; keep one, remove the line \"---\"");
            going = false;
        } else if (event.type == YAML_SEQUENCE_START_EVENT ||
                   event.type == YAML_MAPPING_START_EVENT) {
            if (++depth > SETTINGS_DEPTH_MAX) {
                notes_fault(
                    notes, line_of(&event.start_mark),
                    "nested more than %d levels deep; no key needs that, look at the brackets",
                    SETTINGS_DEPTH_MAX);
                going = false;
            }
        } else if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT) {
            depth--;
        } else if (event.type == YAML_STREAM_END_EVENT) {
            going = false;
        }
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    if (notes_clean(notes) && documents == 0)
        notes_fault(notes, 1,
                    "the file says nothing; start from an example, at least \"policies:\"");
    return notes_clean(notes);
}

bool settings_yaml_load(struct settings_notes *notes, const char *text, size_t len,
                        yaml_document_t *document)
{
    struct bytes input = bytes_of(text, len);
    yaml_parser_t parser;
    bool loaded;

    if (len > SETTINGS_FILE_MAX) {
        notes_fault(notes, 0, "larger than %d bytes; this is no configuration", SETTINGS_FILE_MAX);
        return false;
    }
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        input = bytes_of(text + 3, len - 3);
    if (!check_bytes(notes, input) || !check_events(notes, input))
        return false;
    if (!yaml_parser_initialize(&parser)) {
        notes->memory_short = true;
        return false;
    }
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, input.ptr, input.len);
    loaded = yaml_parser_load(&parser, document);
    if (!loaded)
        note_syntax(notes, input, &parser);
    yaml_parser_delete(&parser);
    return loaded;
}
