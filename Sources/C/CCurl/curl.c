#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

// The library of the headers this was compiled with (curl's ABI 4, unchanged since 2006).
static const char library_name[] = "libcurl.so.4";

static struct {
  CURLcode (*global_init)(long);
  CURL *(*easy_init)(void);
  void (*easy_cleanup)(CURL *);
  CURLcode (*easy_perform)(CURL *);
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
  const char *(*easy_strerror)(CURLcode);
  struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
  void (*slist_free_all)(struct curl_slist *);
} curl;

static _Bool is_loaded;

static _Bool find(void *library, const char *name, void **function) {
  *function = dlsym(library, name);
  return *function != NULL;
}

static void load(void) {
  void *library = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return;
  is_loaded = find(library, "curl_global_init", (void **)&curl.global_init) &&
              find(library, "curl_easy_init", (void **)&curl.easy_init) &&
              find(library, "curl_easy_cleanup", (void **)&curl.easy_cleanup) &&
              find(library, "curl_easy_perform", (void **)&curl.easy_perform) &&
              find(library, "curl_easy_setopt", (void **)&curl.easy_setopt) &&
              find(library, "curl_easy_getinfo", (void **)&curl.easy_getinfo) &&
              find(library, "curl_easy_strerror", (void **)&curl.easy_strerror) &&
              find(library, "curl_slist_append", (void **)&curl.slist_append) &&
              find(library, "curl_slist_free_all", (void **)&curl.slist_free_all) &&
              curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

_Bool shim_curl_load(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  return is_loaded;
}

CURL *shim_curl_begin(void) { return curl.easy_init(); }
void shim_curl_end(CURL *handle) { curl.easy_cleanup(handle); }
CURLcode shim_curl_perform(CURL *handle) { return curl.easy_perform(handle); }
const char *shim_curl_reason(CURLcode code) { return curl.easy_strerror(code); }

long shim_curl_status(CURL *handle) {
  long status = 0;
  curl.easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

struct curl_slist *shim_curl_append(struct curl_slist *list, const char *text) {
  return curl.slist_append(list, text);
}

void shim_curl_free(struct curl_slist *list) { curl.slist_free_all(list); }

CURLcode shim_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl.easy_setopt(handle, option, value);
}

CURLcode shim_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
  return curl.easy_setopt(handle, option, value);
}

CURLcode shim_curl_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl.easy_setopt(handle, option, value);
}

CURLcode shim_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl.easy_setopt(handle, option, value);
}

CURLcode shim_curl_set_data(CURL *handle, CURLoption option, shim_curl_data value) {
  return curl.easy_setopt(handle, option, value);
}

CURLcode shim_curl_set_progress(CURL *handle, shim_curl_progress value) {
  return curl.easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, value);
}
