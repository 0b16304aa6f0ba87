/*
 * rekey_scene.h - a store of its own with one user, alice, who has an active TOTP token.
 */
#ifndef PGSIGNET_TESTS_REKEY_SCENE_H
#define PGSIGNET_TESTS_REKEY_SCENE_H

#include "mfa/fsck.h"
#include "tests/unit/engine_fixture.h"

extern const struct settings_token usual;

struct scene {
    struct fixture f;
    struct secret secret;
};

/* cmocka's setup and teardown. */
int scene_begin(void **state);
int scene_end(void **state);

/* A login of alice through this handle; each takes the next step. */
enum reason log_in(struct scene *s, struct mfa *mfa);
/* Alice enters by the configured key as it is now. */
void expect_opens(struct scene *s);

extern char kinds[512]; /* of the faults that the last check found: a word and a space each */
/* Runs fsck; how many faults there are. */
int64_t check(struct scene *s, struct fsck_count *count);
void expect_clean(struct scene *s);

#endif
