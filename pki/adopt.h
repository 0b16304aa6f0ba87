/*
 * adopt.h - what lies in the tree of a CA that somebody else made: its certificates and CRLs, and what is wrong with them.
 *
 * Reads only.  Links are not followed, and neither hidden files nor what is no regular file is looked at.
 */
#ifndef PGSIGNET_PKI_ADOPT_H
#define PGSIGNET_PKI_ADOPT_H

#include "pki/crl.h"
#include "pki/findings.h"
#include "pki/founding.h"

#define ADOPT_FILE_MAX  (64 * 1024 * 1024) /* bytes: a large CRL */
#define ADOPT_DEPTH_MAX 16                 /* folders */

/* A certificate that one of the CAs signed. */
struct adopted {
    X509 *certificate; /* owned */
    GByteArray *der;   /* owned */
    struct certificate_facts facts;
    size_t authority;      /* index of the CA that signed it */
    enum ledger_kind kind; /* by its EKU, else by where it lies and by its names */
    char *file;            /* owned: where it was found, relative to the folder */
    bool has_stem;         /* FILE is STEM.crt, and this is its first certificate */
    bool has_key;          /* STEM.key is there, and fits as far as can be told */
};

/* The newest CRL of one CA. */
struct adopted_crl {
    GByteArray *der; /* owned; NULL = none */
    char *file;      /* owned */
    struct crl_facts facts;
};

struct adopt_tree {
    struct founded founded[FOUNDING_MOST]; /* owned */
    size_t n_founded;
    bool root_is_away; /* its key */
    GPtrArray *leaves; /* owned: of struct adopted *, in the order of their files */
    struct adopted_crl crls[FOUNDING_MOST];
    size_t foreign;    /* certificates that none of the CAs signed */
    size_t expired;    /* of leaves */
    size_t unreadable; /* files that could not be read, each said */
};
void adopt_tree_init(struct adopt_tree *tree);
void adopt_tree_clear(struct adopt_tree *tree);

/*
 * Reads the CAs, and opens their keys: files, or with --pkcs11 in a token.  A root's key may be away: then its CRL is the one
 * that is found.  False after a message.
 */
bool adopt_authorities(struct session *session, enum layout layout, struct adopt_tree *tree);

/* Reads the whole folder; founded is filled.  False after a message. */
bool adopt_read(int folder_fd, const char *folder, struct adopt_tree *tree,
                struct findings *findings);

/*
 * Is it in the ledger already, or can it not be in there?  A phrase (static) why a leaf cannot be recorded, or NULL.
 */
const char *adopt_unfit(const struct adopted *leaf);

/* What is wrong with the CAs and with the leaves that have not expired.  folder_fd: modes of keys. */
void adopt_judge(const struct adopt_tree *tree, int folder_fd, int64_t now_s,
                 struct findings *findings);

/* Parts of it, for `check`: what a renewal or rotation mends, and nothing else in the ledger tells. */
/* Rules of the lint that were broken; files are not owned. */
GArray *adopt_rules_new(void);
/* Adds one finding for each rule, and frees them. */
void adopt_rules_say(GArray *rules, struct findings *findings);
/* issuer: DER of the CA above it; empty = itself. */
void adopt_judge_ca(const struct ledger_authority *ca, X509 *certificate, struct bytes issuer,
                    GArray *rules, struct findings *findings);
/* Read are der, facts, kind and file. */
void adopt_judge_leaf(const struct ledger_authority *ca, const struct adopted *leaf, GArray *rules,
                      struct findings *findings);
/* One key for several.  Read are file, and of the facts key_id and not_after. */
void adopt_judge_keys(const GPtrArray *leaves, int64_t now_s, struct findings *findings);

#endif
