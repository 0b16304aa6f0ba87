#include "config.h"

#include "mfa/csv.h"

/* One record being read. */
struct record {
    struct csv *csv;
    size_t used; /* bytes of held */
};

static enum csv_result fault(struct csv *csv, const char *what)
{
    csv->fault = what;
    csv->at = csv->text.len;
    return CSV_FAULT;
}

/* The byte at hand, or -1 at the end. */
static int look(const struct csv *csv)
{
    return csv->at < csv->text.len ? csv->text.ptr[csv->at] : -1;
}

static bool keep(struct record *record, int c)
{
    if (record->used >= CSV_RECORD_MAX)
        return false;
    record->csv->held.ptr[record->used++] = (uint8_t)c;
    return true;
}

/* Steps over a line end.  False when there is none at hand. */
static bool line_end(struct csv *csv)
{
    if (look(csv) == '\r' && csv->at + 1 < csv->text.len && csv->text.ptr[csv->at + 1] == '\n')
        csv->at++;
    if (look(csv) != '\n')
        return false;
    csv->at++;
    csv->next_line++;
    return true;
}

static bool at_line_end(const struct csv *csv)
{
    struct csv copy = *csv;

    return look(csv) < 0 || line_end(&copy);
}

static const char *read_quoted(struct record *record)
{
    struct csv *csv = record->csv;

    for (csv->at++;; csv->at++) {
        int c = look(csv);
        if (c < 0)
            return "a quoted field does not end";
        if (c == '"') {
            csv->at++;
            if (look(csv) != '"')
                return NULL;
        }
        if (c == '\n')
            csv->next_line++;
        if (!keep(record, c))
            return "a record is too long";
    }
}

static const char *read_field(struct record *record)
{
    struct csv *csv = record->csv;

    if (look(csv) == '"') {
        const char *wrong = read_quoted(record);
        if (wrong != NULL)
            return wrong;
        return look(csv) == ',' || at_line_end(csv) ? NULL : "there is text behind a quoted field";
    }
    while (look(csv) != ',' && !at_line_end(csv)) {
        if (look(csv) == '"')
            return "there is a quote in a field that does not begin with one";
        if (!keep(record, look(csv)))
            return "a record is too long";
        csv->at++;
    }
    return NULL;
}

enum csv_result csv_next(struct csv *csv)
{
    struct record record = {.csv = csv};

    if (csv->held.ptr == NULL) {
        if (!secret_alloc(&csv->held, CSV_RECORD_MAX))
            return fault(csv, "memory is short");
        if (csv->text.len >= 3 && memcmp(csv->text.ptr, "\xef\xbb\xbf", 3) == 0)
            csv->at = 3;
    }
    while (line_end(csv))
        ;
    csv->line = csv->next_line + 1;
    csv->n = 0;
    if (look(csv) < 0)
        return CSV_END;
    for (;;) {
        size_t from = record.used;
        if (csv->n == CSV_FIELDS)
            return fault(csv, "a record has too many fields");
        const char *wrong = read_field(&record);
        if (wrong != NULL)
            return fault(csv, wrong);
        csv->fields[csv->n++] = bytes_of(csv->held.ptr + from, record.used - from);
        if (look(csv) != ',')
            break;
        csv->at++;
    }
    line_end(csv);
    return CSV_RECORD;
}

void csv_free(struct csv *csv)
{
    secret_free(&csv->held);
}
