/*
 * page_folder.h - the folder that pages are put into, opened by root and written as the store's
 * owner.
 *
 * It is made, or checked, before root's rights are dropped: it then belongs to daemon.user, mode
 * 0700, and may lie anywhere, also below a folder that daemon.user cannot enter.  A page is written
 * under a name ending in ".part" and gets its own name when it is whole: a folder left by a program
 * that was killed has whole pages only, beside parts that the next run replaces.  One left by a
 * machine that lost power may have others: page_folder_has does not take them for pages.
 */
#ifndef PGSIGNET_MFA_PAGE_FOLDER_H
#define PGSIGNET_MFA_PAGE_FOLDER_H

#include "common/bytes.h"
#include "mfa/owner.h"
#include "mfa/page.h"

struct page_folder {
    int fd;   /* -1 = not open */
    bool png; /* a picture and a text for each page, instead of one SVG */
};

/*
 * Makes the folder, or takes one that is there: 0700, and belonging to owner, or (when root) empty
 * and root's.  It is locked until it is closed, by the processes forked meanwhile as well: one run at
 * a time.  False, with a sentence in why (size bytes), otherwise.
 */
bool page_folder_open(struct page_folder *folder, const char *path, const struct owner *owner,
                      char *why, size_t size);
void page_folder_close(struct page_folder *folder);

/* Names of a page's files: the picture is "" for SVG.  False when too long (page_file_name). */
bool page_folder_names(const struct page_folder *folder, struct bytes user, const char *token,
                       char page[PAGE_NAME_MAX], char picture[PAGE_NAME_MAX]);

/* Whether the page of that token is there, whole: made for the token with that id. */
bool page_folder_has(const struct page_folder *folder, struct bytes user, const char *token,
                     int64_t id);

/* Writes a page's files as parts.  0 or an errno. */
int page_folder_write(const struct page_folder *folder, const struct page *page);

/* Brings all that was written so far to disk.  0 or an errno. */
int page_folder_sync(const struct page_folder *folder);

/* Gives a written page its name, in place of an older page.  0 or an errno. */
int page_folder_finish(const struct page_folder *folder, struct bytes user, const char *token);

#endif
