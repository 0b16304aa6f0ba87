#include "config.h"

#include "mfa/change.h"

#include <stdlib.h>

struct collection {
    struct token_info *infos;
    size_t n, cap;
    bool short_of_memory;
};

static bool collect(void *context, struct bytes user, const struct store_token *token)
{
    struct collection *c = context;

    if (c->n == c->cap) {
        size_t cap = c->cap == 0 ? 16 : 2 * c->cap;
        struct token_info *infos = reallocarray(c->infos, cap, sizeof *infos);
        if (infos == NULL) {
            c->short_of_memory = true;
            return false;
        }
        c->infos = infos;
        c->cap = cap;
    }
    change_fill_info(&c->infos[c->n++], user, token);
    return true;
}

static enum mfa_result list_one(struct mfa *mfa, struct bytes name, struct collection *c)
{
    struct store_user user;
    struct store_token tokens[MFA_TOKENS_PER_USER];
    size_t n;

    enum mfa_result result = change_find_user(mfa, name, &user, tokens, &n);
    for (size_t i = 0; i < n; i++)
        if (!collect(c, name, &tokens[i]))
            break;
    return result == MFA_OK && n == 0 ? MFA_NOT_FOUND : result;
}

enum mfa_result mfa_list(struct mfa *mfa, struct bytes user, struct token_info **infos, size_t *n)
{
    struct collection c = {0};

    *infos = NULL;
    *n = 0;
    if (user.len > 0 && !change_good_user(user))
        return MFA_BAD_NAME;
    enum mfa_result result = change_begin(mfa, STORE_READ);
    if (result != MFA_OK)
        return result;
    if (user.len > 0)
        result = list_one(mfa, user, &c);
    else if (mfa->store->engine->token_scan(mfa->store, collect, &c) != STORE_OK)
        result = MFA_STORE;
    result = change_end(mfa, result);
    if (result == MFA_OK && c.short_of_memory) {
        mfa_note(mfa, "cannot list tokens: memory is short");
        result = MFA_STORE;
    }
    if (result != MFA_OK) {
        free(c.infos);
        return result;
    }
    *infos = c.infos;
    *n = c.n;
    return MFA_OK;
}
