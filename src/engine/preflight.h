/* Looks over a plan before anything starts: programs whose loader or libraries are not
 * there would end with the emulator's complaint and look like failing tests. */
#ifndef XTEST_ENGINE_PREFLIGHT_H
#define XTEST_ENGINE_PREFLIGHT_H

#include "engine/workload.h"

/* Blocks the cases that cannot run, and tells why. Only emulated programs built here are
 * looked at: on this CPU the runner tells a missing loader from a failing test, and an
 * archive was checked when it was written. */
void preflight_check(struct workload *w, struct plan *plan);

#endif
