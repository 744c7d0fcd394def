#include <curl/curl.h>

// Swift cannot call C variadics, so each kind of option has a function of its own.
static inline CURLcode shim_curl_set_long(CURL *handle, CURLoption option, long value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_set_size(CURL *handle, CURLoption option, curl_off_t value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_set_text(CURL *handle, CURLoption option, const char *value) {
  return curl_easy_setopt(handle, option, value);
}
static inline CURLcode shim_curl_set_pointer(CURL *handle, CURLoption option, void *value) {
  return curl_easy_setopt(handle, option, value);
}
typedef size_t (*shim_curl_data)(char *bytes, size_t size, size_t count, void *context);
static inline CURLcode shim_curl_set_data(CURL *handle, CURLoption option, shim_curl_data value) {
  return curl_easy_setopt(handle, option, value);
}
typedef int (*shim_curl_progress)(void *context, curl_off_t down_total, curl_off_t down,
                                  curl_off_t up_total, curl_off_t up);
static inline CURLcode shim_curl_set_progress(CURL *handle, shim_curl_progress value) {
  return curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, value);
}
static inline long shim_curl_status(CURL *handle) {
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  return status;
}
