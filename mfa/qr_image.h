/*
 * qr_image.h - a QR code (ISO/IEC 18004) as a picture in a file: SVG or PNG.
 *
 * Error correction is level M (15 %), one more than in a terminal: these are printed and folded.
 * The quiet zone of QR_QUIET modules belongs to the picture, so it reads on any background.
 * libqrencode and libpng keep copies of the text in memory that they free: call these in a process
 * that ends at once, or in one whose freed memory is wiped (secret_wipe_freed).
 *
 * Each returns false, with *out empty, when the text is too long for a QR code or memory is short;
 * *out is the caller's to free, and holds what the text holds: a secret.
 */
#ifndef PGSIGNET_MFA_QR_IMAGE_H
#define PGSIGNET_MFA_QR_IMAGE_H

#include "common/secret.h"

#define QR_IMAGE_SCALE 8 /* pixels a module in a PNG */

/*
 * The dark modules as the path data of an SVG (rectangles one module high), in modules from the
 * upper left of the quiet zone.  *side: modules of the whole square, quiet zone included.
 */
bool qr_path(const char *text, struct secret *out, unsigned *side);

/* A whole SVG document: black on a white ground, QR_IMAGE_SCALE pixels a module unless scaled. */
bool qr_svg(const char *text, struct secret *out);

/* A whole PNG file: one bit a pixel, black on white. */
bool qr_png(const char *text, struct secret *out);

#endif
