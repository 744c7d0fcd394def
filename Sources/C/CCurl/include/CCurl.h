// libcurl, loaded when the first transfer needs it: with the twenty libraries beneath it, it would
// be a tenth of the memory of a worker, which never makes a request.
#ifndef MARTLET_CCURL_H
#define MARTLET_CCURL_H

#include <curl/curl.h>

// Loads libcurl once; false when it is not installed. Everything else may be called after that.
_Bool shim_curl_load(void);

CURL *shim_curl_begin(void);
void shim_curl_end(CURL *handle);
// Forgets all options; connections, names and TLS sessions are kept.
void shim_curl_reset(CURL *handle);
const char *shim_curl_reason(CURLcode code);
long shim_curl_status(CURL *handle);

// A multi handle drives one transfer, so that another thread can wake it.
CURLM *shim_curl_multi_begin(void);
void shim_curl_multi_end(CURLM *multi);
_Bool shim_curl_multi_add(CURLM *multi, CURL *handle);
void shim_curl_multi_remove(CURLM *multi, CURL *handle);
// Does what can be done and waits for more; returns the transfers that still run, -1 on failure.
int shim_curl_multi_step(CURLM *multi, int wait_milliseconds);
// The only function here that any thread may call.
void shim_curl_multi_wake(CURLM *multi);
// How the transfer ended, once none runs.
CURLcode shim_curl_multi_result(CURLM *multi);

struct curl_slist *shim_curl_append(struct curl_slist *list, const char *text);
void shim_curl_free(struct curl_slist *list);

// Swift cannot call C variadics, so each kind of option has a function of its own.
CURLcode shim_curl_set_long(CURL *handle, CURLoption option, long value);
CURLcode shim_curl_set_size(CURL *handle, CURLoption option, curl_off_t value);
CURLcode shim_curl_set_text(CURL *handle, CURLoption option, const char *value);
CURLcode shim_curl_set_pointer(CURL *handle, CURLoption option, void *value);
typedef size_t (*shim_curl_data)(char *bytes, size_t size, size_t count, void *context);
CURLcode shim_curl_set_data(CURL *handle, CURLoption option, shim_curl_data value);

#endif
