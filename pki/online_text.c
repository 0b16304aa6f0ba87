#include "config.h"

#include "pki/online_text.h"

#include "common/secret.h"
#include "common/text.h"

json_t *online_text_binary(struct bytes content)
{
    char *text = g_base64_encode(content.ptr, content.len);
    json_t *value = json_pack("{s:s}", "base64", text);

    secret_wipe(text, strlen(text));
    g_free(text);
    return value;
}

json_t *online_text(struct bytes text)
{
    bool plain = text_is_utf8(text) && (text.len == 0 || memchr(text.ptr, 0, text.len) == NULL);

    if (!plain)
        return online_text_binary(text);
    return json_stringn(text.len > 0 ? (const char *)text.ptr : "", text.len);
}

json_t *online_text_string(const char *text)
{
    return text != NULL ? online_text(bytes_str(text)) : json_null();
}

/* GLib skips what is no base64; here that is an answer of another form. */
static bool is_base64(const char *text, size_t len)
{
    size_t end = len;

    while (end > 0 && len - end < 2 && text[end - 1] == '=')
        end--;
    for (size_t i = 0; i < end; i++) {
        if (!g_ascii_isalnum(text[i]) && text[i] != '+' && text[i] != '/')
            return false;
    }
    return len % 4 == 0;
}

GByteArray *online_text_get_binary(const json_t *value)
{
    const json_t *inner = json_object_get(value, "base64");
    gsize len = 0;

    if (json_object_size(value) != 1 || !json_is_string(inner) ||
        !is_base64(json_string_value(inner), json_string_length(inner)))
        return NULL;
    guchar *content = g_base64_decode(json_string_value(inner), &len);
    return g_byte_array_new_take(content, len);
}

char *online_text_get(const json_t *value)
{
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    GByteArray *content = NULL;
    char *out = NULL;

    if (text == NULL) {
        content = online_text_get_binary(value);
        if (content == NULL)
            return NULL;
        text = (const char *)content->data;
        len = content->len;
    }
    if (len == 0 || memchr(text, 0, len) == NULL)
        out = len > 0 ? g_strndup(text, len) : g_strdup("");
    if (content != NULL)
        g_byte_array_unref(content);
    return out;
}

void online_text_wipe(json_t *value)
{
    const char *key;
    json_t *inner;
    size_t i;

    if (value == NULL)
        return;
    switch (json_typeof(value)) {
    case JSON_STRING:
        secret_wipe((char *)json_string_value(value), json_string_length(value));
        break;
    case JSON_OBJECT:
        json_object_foreach(value, key, inner) online_text_wipe(inner);
        break;
    case JSON_ARRAY:
        json_array_foreach(value, i, inner) online_text_wipe(inner);
        break;
    default:
        break;
    }
}
