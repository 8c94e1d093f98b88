/*
 * `xtest-runner exec`: enters the private view and becomes the program, so that exit
 * status, signals, streams and terminal are the program's own. What `xtest exec` stands
 * on.
 */
#ifndef XTEST_RUNNER_DIRECT_H
#define XTEST_RUNNER_DIRECT_H

/* Arguments after the word "exec". Returns only on failure: 126 found but not executable,
 * 127 not found, 2 usage. */
int direct_main(int argc, char **argv);

#endif
