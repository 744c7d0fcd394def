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
  void (*easy_reset)(CURL *);
  CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
  CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
  const char *(*easy_strerror)(CURLcode);
  CURLM *(*multi_init)(void);
  CURLMcode (*multi_cleanup)(CURLM *);
  CURLMcode (*multi_add_handle)(CURLM *, CURL *);
  CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
  CURLMcode (*multi_setopt)(CURLM *, CURLMoption, ...);
  CURLMcode (*multi_perform)(CURLM *, int *);
  CURLMcode (*multi_poll)(CURLM *, struct curl_waitfd[], unsigned int, int, int *);
  CURLMcode (*multi_wakeup)(CURLM *);
  CURLMsg *(*multi_info_read)(CURLM *, int *);
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
              find(library, "curl_easy_reset", (void **)&curl.easy_reset) &&
              find(library, "curl_easy_setopt", (void **)&curl.easy_setopt) &&
              find(library, "curl_easy_getinfo", (void **)&curl.easy_getinfo) &&
              find(library, "curl_easy_strerror", (void **)&curl.easy_strerror) &&
              find(library, "curl_multi_init", (void **)&curl.multi_init) &&
              find(library, "curl_multi_cleanup", (void **)&curl.multi_cleanup) &&
              find(library, "curl_multi_add_handle", (void **)&curl.multi_add_handle) &&
              find(library, "curl_multi_remove_handle", (void **)&curl.multi_remove_handle) &&
              find(library, "curl_multi_setopt", (void **)&curl.multi_setopt) &&
              find(library, "curl_multi_perform", (void **)&curl.multi_perform) &&
              find(library, "curl_multi_poll", (void **)&curl.multi_poll) &&
              find(library, "curl_multi_wakeup", (void **)&curl.multi_wakeup) &&
              find(library, "curl_multi_info_read", (void **)&curl.multi_info_read) &&
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
void shim_curl_reset(CURL *handle) { curl.easy_reset(handle); }

CURLM *shim_curl_multi_begin(void) {
  CURLM *multi = curl.multi_init();
  // One transfer at a time, so one connection to keep.
  if (multi != NULL) curl.multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L);
  return multi;
}

void shim_curl_multi_end(CURLM *multi) { curl.multi_cleanup(multi); }

_Bool shim_curl_multi_add(CURLM *multi, CURL *handle) {
  return curl.multi_add_handle(multi, handle) == CURLM_OK;
}

void shim_curl_multi_remove(CURLM *multi, CURL *handle) {
  curl.multi_remove_handle(multi, handle);
}

int shim_curl_multi_step(CURLM *multi, int wait_milliseconds) {
  int running = 0;
  if (curl.multi_perform(multi, &running) != CURLM_OK) return -1;
  if (running > 0 && curl.multi_poll(multi, NULL, 0, wait_milliseconds, NULL) != CURLM_OK)
    return -1;
  return running;
}

void shim_curl_multi_wake(CURLM *multi) { curl.multi_wakeup(multi); }

CURLcode shim_curl_multi_result(CURLM *multi) {
  int left = 0;
  CURLMsg *message = curl.multi_info_read(multi, &left);
  if (message == NULL || message->msg != CURLMSG_DONE) return CURLE_FAILED_INIT;
  return message->data.result;
}

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
