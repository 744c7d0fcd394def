#pragma once
#include <sys/types.h>

/* Kills this process once nobody can read its standard output any more, which is when the process
   that holds the other end of that pipe has ended in whatever way. Returns 0 or a negative errno. */
int shim_end_without_reader(void);

/* Starts `path` with `arguments` (ending in NULL). The child leads a process group of its own, so a
   terminal's Ctrl-C does not reach it. Its standard output is the write end of a new pipe whose read
   end is stored in `output`; standard error is `errors`. Returns the process
   id, or -1 with errno. */
pid_t shim_spawn(const char *path, char *const arguments[], int *output, int errors);
