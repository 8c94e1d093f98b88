/* What the place `system` tells beside its transport. */
#ifndef XTEST_TRANSPORT_SYSTEM_H
#define XTEST_TRANSPORT_SYSTEM_H

#include "transport/transport.h"

/* The QEMU command line of a machine as a shell takes it: for `--verbose`, and to start
 * the same machine by hand. The console is then on the terminal and nobody at the port.
 * The caller's; NULL when QEMU is missing. */
char *system_command_line(const struct place_config *config, struct err *e);

#endif
