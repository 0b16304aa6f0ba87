/*
 * clock.h - the only place that reads clocks.  Everything that decides takes the time as a value.
 */
#ifndef PGSIGNET_CLOCK_H
#define PGSIGNET_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_mono_ms(void); /* CLOCK_MONOTONIC, milliseconds; what deadlines are made of */
int64_t clock_mono_us(void); /* the same in microseconds, for the durations in events */
int64_t clock_since_boot_ms(void); /* CLOCK_BOOTTIME, milliseconds: goes on while a machine is suspended */
int64_t clock_wall_ms(void); /* Unix time, milliseconds */

/*
 * Unix time (seconds) at which this machine started, as the present wall clock reckons it:
 * CLOCK_REALTIME - CLOCK_BOOTTIME.  The floor below which no TOTP step may begin (docs/architecture.md, the token
 * store).
 */
int64_t clock_boot_s(void);

#define CLOCK_TEXT_MAX 32 /* bytes, NUL included */

/* "2026-11-21T20:58:10.123Z" for a Unix time in milliseconds. */
void clock_text(int64_t wall_ms, char out[CLOCK_TEXT_MAX]);

#endif
