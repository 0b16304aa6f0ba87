/*
 * qr.h - a QR code (ISO/IEC 18004) drawn in a terminal.
 */
#ifndef PGSIGNET_MFA_QR_H
#define PGSIGNET_MFA_QR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define QR_QUIET 4 /* modules of margin that the standard asks for */

struct qr_style {
    bool utf8;   /* half blocks, two modules a character; else "##" for a dark module */
    bool colour; /* ANSI colours, so that dark is dark whatever the terminal's own colours are */
};

/* What the locale and this stream can show: colour only on a terminal that is not "dumb". */
struct qr_style qr_style_for(FILE *stream);

/*
 * Draws text.  Without colour the half blocks are the light modules, as most terminals are dark; the
 * signs "##" are the dark ones.  libqrencode keeps copies of the text in memory that it frees
 * unwiped: call this in a process that ends soon.  *lines is how many were drawn.  False when the
 * text is too long for a QR code, memory is short, or the stream fails.
 */
bool qr_draw(FILE *stream, const char *text, struct qr_style style, int *lines);

#endif
