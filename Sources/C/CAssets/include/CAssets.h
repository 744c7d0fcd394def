/* The dashboard's files, inside the binary. */
#ifndef MARTLET_ASSETS_H
#define MARTLET_ASSETS_H

#include <stddef.h>

/* One file of Web/, and how to serve it. */
typedef struct {
  const char *path;         /* as in the request, such as "/app.js" */
  const char *content_type; /* for the response's header */
  const unsigned char *bytes;
  size_t length;
} martlet_asset;

/* Returns how many files there are. */
size_t martlet_asset_count(void);

/* Returns file `index`, or NULL when there is none. It lives as long as the process. */
const martlet_asset *martlet_asset_at(size_t index);

#endif
