// A pool of threads that park in the kernel (futex) when there is nothing to do. The clock only
// decides how long a thread looks before it parks.
//
// One 64-bit word holds the run's number and the parts not yet begun; a thread takes a part by
// comparing and swapping it. So a thread that wakes too late finds nothing and touches nothing, and
// a run never waits for a thread that the system does not schedule: the caller does its parts.
#if defined(__linux__)
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "CKernels.h"

enum {
  /// More threads than any machine of ours has cores is a mistake of the caller.
  threads_max = 256,
  /// Nanoseconds that a thread looks before it parks: about what parking costs itself.
  patience_least = 2000,
  /// The same if its last wait was shorter than this: about what waking a thread costs both sides.
  /// On a machine with more to do than processors waits are longer, so that nobody looks this long.
  patience_most = 50000,
  /// Pauses between two looks at the clock.
  pauses = 8,
};

typedef struct {
  mk_pool *pool;
  pthread_t thread;
  int64_t index;
} worker;

struct mk_pool {
  /// Number of the run in the high half, parts not yet begun in the low half.
  _Alignas(64) _Atomic uint64_t open;
  /// Changes with every run and at the end: what idle workers sleep on.
  _Atomic uint32_t bell;
  _Atomic uint32_t sleepers;
  /// Parts not yet done: what the caller sleeps on.
  _Alignas(64) _Atomic uint32_t undone;
  _Atomic uint32_t caller_sleeps;
  /// Written by the caller between runs only.
  _Alignas(64) mk_part_function function;
  void *context;
  _Atomic int stop;
  uint32_t run;
  /// Whether every thread can have a processor.
  int may_look;
  int64_t caller_patience;
  int64_t threads;
  worker workers[];
};

static void futex_wait(_Atomic uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word, int count) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

static int64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/// 1 as soon as `word` is not `value` any more, 0 if that is not so until `end`.
static int changes_until(_Atomic uint32_t *word, uint32_t value, int64_t end) {
  do {
    for (int i = 0; i < pauses; i++) {
      if (atomic_load_explicit(word, memory_order_acquire) != value) return 1;
      pause_briefly();
    }
  } while (nanoseconds() < end);
  return 0;
}

/// Returns when `word` is not `value` any more or the kernel wakes this thread for another reason.
/// While it sleeps it is counted in `sleepers`.
static void await_change(mk_pool *pool, _Atomic uint32_t *word, uint32_t value,
                         _Atomic uint32_t *sleepers, int64_t *patience) {
  int64_t start = nanoseconds();
  if (!pool->may_look || !changes_until(word, value, start + *patience)) {
    atomic_fetch_add(sleepers, 1);
    futex_wait(word, value);
    atomic_fetch_sub(sleepers, 1);
  }
  *patience = nanoseconds() - start < patience_most ? patience_most : patience_least;
}

/// Takes the last part not yet begun; -1 if there is none.
static int64_t take_part(mk_pool *pool) {
  uint64_t open = atomic_load_explicit(&pool->open, memory_order_acquire);
  while ((uint32_t)open) {
    if (atomic_compare_exchange_weak_explicit(&pool->open, &open, open - 1, memory_order_acq_rel,
                                              memory_order_acquire))
      return (int64_t)(uint32_t)open - 1;
  }
  return -1;
}

/// Does parts until none is left to begin.
static void do_parts(mk_pool *pool, int64_t thread) {
  for (int64_t part; (part = take_part(pool)) >= 0;) {
    // The run cannot end before this part, so these are its function and context.
    pool->function(pool->context, part, thread);
    if (atomic_fetch_sub(&pool->undone, 1) == 1 && atomic_load(&pool->caller_sleeps))
      futex_wake(&pool->undone, 1);
  }
}

static void *work(void *argument) {
  worker *self = argument;
  mk_pool *pool = self->pool;
  int64_t patience = patience_least;
  // A thread begins with the state of the one that made it.
  mk_float_begin();
  for (;;) {
    uint32_t heard = atomic_load(&pool->bell);
    do_parts(pool, self->index);
    if (atomic_load(&pool->stop)) return NULL;
    await_change(pool, &pool->bell, heard, &pool->sleepers, &patience);
  }
}

/// Wakes up to `count` sleeping workers.
static void ring(mk_pool *pool, int64_t count) {
  atomic_fetch_add(&pool->bell, 1);
  if (atomic_load(&pool->sleepers)) futex_wake(&pool->bell, (int)count);
}

void mk_pool_run(mk_pool *pool, mk_part_function function, void *context, int64_t parts) {
  if (parts <= 0) return;
  pool->function = function;
  pool->context = context;
  pool->run++;
  atomic_store(&pool->undone, (uint32_t)parts);
  atomic_store(&pool->open, (uint64_t)pool->run << 32 | (uint64_t)parts);
  if (parts > 1 && pool->threads > 1)
    ring(pool, parts < pool->threads ? parts - 1 : pool->threads - 1);
  do_parts(pool, 0);
  for (uint32_t left; (left = atomic_load(&pool->undone)) != 0;)
    await_change(pool, &pool->undone, left, &pool->caller_sleeps, &pool->caller_patience);
}

int64_t mk_pool_threads(const mk_pool *pool) { return pool ? pool->threads : 1; }

/// Processors that this process may use: a thread that looks beyond them only takes time away.
static int64_t processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

/// Starts the workers with all signals blocked: handlers run on the program's own threads.
static int start(mk_pool *pool, int64_t threads) {
  sigset_t all, before;
  sigfillset(&all);
  if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return 0;
  for (pool->threads = 1; pool->threads < threads; pool->threads++) {
    worker *self = &pool->workers[pool->threads - 1];
    *self = (worker){.pool = pool, .index = pool->threads};
    if (pthread_create(&self->thread, NULL, work, self) != 0) break;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return pool->threads == threads;
}

mk_pool *mk_pool_create(int64_t threads) {
  if (threads < 1 || threads > threads_max) return NULL;
  size_t size = sizeof(mk_pool) + sizeof(worker) * (size_t)(threads - 1);
  mk_pool *pool = aligned_alloc(64, (size + 63) / 64 * 64);
  if (!pool) return NULL;
  *pool = (mk_pool){.may_look = threads <= processors(), .caller_patience = patience_least};
  if (start(pool, threads)) return pool;
  mk_pool_destroy(pool);
  return NULL;
}

void mk_pool_destroy(mk_pool *pool) {
  if (!pool) return;
  atomic_store(&pool->stop, 1);
  atomic_fetch_add(&pool->bell, 1);
  futex_wake(&pool->bell, threads_max);
  for (int64_t i = 1; i < pool->threads; i++) pthread_join(pool->workers[i - 1].thread, NULL);
  free(pool);
}
#endif
