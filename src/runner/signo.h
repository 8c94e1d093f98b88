/*
 * The runner's own signals, and their numbers on the wire: those of x86, which most
 * architectures share. MIPS differs in the upper ones.
 */
#ifndef XTEST_RUNNER_SIGNO_H
#define XTEST_RUNNER_SIGNO_H

#include <stdbool.h>
#include <stdint.h>

/* 0 for a number that no host sends. */
int signo_native(uint32_t x86);
/* A number that x86 has no name for stays as it is. */
uint32_t signo_x86(int native);
/* Puts all signals back to what they are for, and gives a descriptor from which those are
 * read that the serving loop takes: what a first process is told of too, if `machine`.
 * Negative with errno set. */
int signo_open(bool machine);

#endif
