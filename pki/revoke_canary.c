/*
 * A proof where we do not hold the private key (it was made elsewhere, or given away): a canary is revoked in the same
 * CRL.  A server uses one CRL for a CA, so who refuses the canary as revoked has all of that CRL in force.
 */
#include "config.h"

#include "pki/revoke.h"

static bool has_canary(const struct revoke *revoke, int64_t authority)
{
    for (guint i = 0; i < revoke->canaries->len; i++)
        if (g_array_index(revoke->canaries, struct canary, i).authority == authority)
            return true;
    return false;
}

bool revoke_make_canaries(struct revoke *revoke)
{
    bool all = true;

    if (!revoke_has_doors(revoke))
        return true;
    for (guint i = 0; i < revoke->ones->len; i++) {
        const struct revoke_one *one = &g_array_index(revoke->ones, struct revoke_one, i);
        struct authority *authority = session_authority(revoke->session, one->row.authority);
        struct canary canary = {0};
        if (one->pair.certificate != NULL || authority == NULL ||
            revoke_is_out_of_trust(revoke, one) || has_canary(revoke, one->row.authority))
            continue;
        bool done = canary_make(revoke->session, authority, true, &canary);
        if (done)
            g_array_append_val(revoke->canaries, canary);
        else
            canary_clear(&canary);
        all = all && done;
    }
    return all;
}
