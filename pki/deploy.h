/*
 * deploy.h - inside of `deploy`: what goes where, what the server is told, and the lines of its configuration.
 */
#ifndef PGSIGNET_PKI_DEPLOY_H
#define PGSIGNET_PKI_DEPLOY_H

#include "pki/session.h"

/* --- files --- */

/* The names in the folder that --to names, which are what ssl_cert_file, ssl_key_file, ssl_ca_file and ssl_crl_file get. */
enum deploy_name { DEPLOY_CA, DEPLOY_KEY, DEPLOY_CERTIFICATE, DEPLOY_CRL, DEPLOY_FILES };
extern const char *const deploy_names[DEPLOY_FILES];
extern const char *const deploy_settings[DEPLOY_FILES]; /* "ssl_ca_file" */

struct deploy_file {
    char *path; /* owned; absolute */
    GByteArray *
        content; /* owned; wiped; NULL: stays as it is (a key that was made there), or is the CRL */
    mode_t mode;
    uid_t uid;
    gid_t gid;
    bool changes; /* is missing, or differs in content, mode or owner */
};

struct deploy {
    struct session *session;
    struct ledger_row row; /* owned; of the certificate */
    char
        *folder; /* owned; absolute, as it was given: for messages, and for the server's settings */
    int folder_fd;  /* -1 = not open */
    bool set_owner; /* we are root */
    struct deploy_file files[DEPLOY_FILES];
    GArray *servers; /* owned: of struct deploy_server */
};

/*
 * Finds the certificate, opens the folder, and makes up what the files shall be: everything that can be judged before
 * something is written (the key fits, the certificate is valid, a file of the place is regular).  False after a message.
 */
bool deploy_prepare(struct deploy *deploy, struct session *session, const char *name,
                    const char *folder);
/* A part of it: row, owners and contents.  The folder is open. */
bool deploy_make(struct deploy *deploy, const char *name);
#define DEPLOY_FILE_MAX (1024 * 1024) /* bytes of a file with certificates or a key */
/* Writes what changes, the CRL first.  False after a message; *changed is whether anything did. */
bool deploy_write(struct deploy *deploy, bool *changed);
void deploy_clear(struct deploy *deploy);

/* --- the server --- */

enum deploy_proof {
    PROOF_NONE,  /* nobody was asked */
    PROOF_GIVEN, /* a handshake got the certificate that was put there */
    PROOF_OTHER, /* a handshake got another one */
    PROOF_FAILED /* there was no handshake */
};
struct deploy_server {
    char *label; /* owned; "127.0.0.1:5432" */
    bool remote; /* of ca.postgres, on another machine: not what is deployed to */
    bool unreachable;
    bool reloaded;
    enum deploy_proof proof;
    GPtrArray
        *statements; /* owned, of char *: ALTER SYSTEM that the server needs for these files */
};
/*
 * Reloads the servers that --postgres, --pid-file or else ca.postgres name, and proves by a handshake with each, and with
 * each --probe, that the certificate is served.  False after messages when that could not be done or is not so.
 */
bool deploy_reload(struct deploy *deploy);
/* Would do nothing of it, but says what settings the servers lack. */
bool deploy_look(struct deploy *deploy);
/* After deploy_reload: the CRL that is there is in force, so no reload is due for it any more.  False after a message. */
bool deploy_settle(struct deploy *deploy);

/* --- lines of pg_hba.conf and pg_ident.conf: pure --- */

#define DEPLOY_MAP       "pgsignet"
#define DEPLOY_TOKEN_MAX 255 /* bytes of a word, up to PostgreSQL 15 */

/* Appends a token in quotation marks, as both files read it. */
void deploy_quote(const char *text, GString *out);
/* NULL, or why no line of these files can name such a role (static). */
const char *deploy_role_fault(const char *role);
/* Appends a line for the role, NULL = all: by certificate alone, or by certificate and code. */
void deploy_hba(const char *role, bool with_code, GString *out);
/*
 * Appends the line that admits the subject dn (as deploy_dn has it) as that role, and nothing but that subject.  role NULL:
 * every subject that is one plain CN, as the role of that name; dn is not looked at then.
 */
void deploy_ident(const char *dn, const char *role, GString *out);
/* The subject as PostgreSQL compares it with clientname=DN: RFC 2253.  g_free; NULL when memory is short. */
char *deploy_dn(X509 *certificate);
/* Of a certificate that would have this CN and nothing else; NULL also when it is not UTF-8. */
char *deploy_dn_of_name(const char *common_name);
/* Does the line for all, deploy_ident(NULL, NULL), admit this subject as this role? */
bool deploy_dn_is_plain(const char *dn, const char *role);

#endif
