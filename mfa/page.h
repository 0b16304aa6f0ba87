/*
 * page.h - what one person is handed: a QR code and the few sentences that go with it.
 *
 * Either one SVG document, or a text beside a PNG of the code.  Pure: bytes in, bytes out.  A
 * user's name is bytes from an attacker; it becomes a file name, text and XML here, each in its own
 * way.
 */
#ifndef PGSIGNET_MFA_PAGE_H
#define PGSIGNET_MFA_PAGE_H

#include "common/settings.h"
#include "mfa/tokens.h"

#define PAGE_NAME_MAX 244 /* bytes of a file name, NUL included: room for ".part" up to NAME_MAX */
#define PAGE_HEAD     512 /* bytes from the start of a page within which its token's number is */

/* What is typed at the password prompt. */
enum page_login { PAGE_PASSWORD_CODE, PAGE_CODE_PASSWORD, PAGE_CODE_ALONE, PAGE_ASK };

struct page {
    const struct token_info *info; /* a TOTP token with its user */
    const char *issuer;            /* bytes of any kind; not empty, no ':' */
    struct bytes secret;           /* raw */
    enum page_login login;
};

/*
 * How the policies that ask for a code want it, if all of them agree; else PAGE_ASK: the page
 * cannot know which one a person will meet.
 */
enum page_login page_login_of(const struct settings *settings);

/*
 * The name of the file for one token: the user's name, then for a token not called "default" a '+'
 * and its name, then suffix.  Bytes other than lower-case letters, digits, '-', '_', and '.' not in
 * front, are %XX: so two tokens never share a name, also where file names have no case, and none
 * begins with '-' or '.' or holds a '/'.  False when it is longer than PAGE_NAME_MAX - 1 (a token's
 * long name).
 */
bool page_file_name(struct bytes user, const char *token, const char *suffix,
                    char out[PAGE_NAME_MAX]);

/*
 * The page as an SVG document (A4); as text; and the picture that goes with the text, as a PNG.  *out is
 * the caller's to free.  False, with *out empty, when a field breaks its rule or memory is short.
 */
bool page_svg(const struct page *page, struct secret *out);
bool page_text(const struct page *page, struct secret *out);
bool page_png(const struct page *page, struct secret *out);

#define PAGE_SVG_END  "</g>\n</svg>\n" /* the last bytes of every one */
#define PAGE_TEXT_END "\nEnd of the page.\n"

/*
 * The number (token_info.id) of the token that a page was made for, from the first PAGE_HEAD bytes
 * of an SVG or text page.  False when it has none.  The number is no secret.
 */
bool page_token(struct bytes head, int64_t *id);

#endif
