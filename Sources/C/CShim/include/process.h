#pragma once
#include <sys/types.h>

/* Asks the kernel to kill this process when its parent ends; prctl is variadic. */
int shim_end_with_parent(void);

/* Starts `path` with `arguments` (ending in NULL). Standard output of the child is the write end of
   a new pipe whose read end is stored in `output`; standard error is `errors`. Returns the process
   id, or -1 with errno. */
pid_t shim_spawn(const char *path, char *const arguments[], int *output, int errors);
