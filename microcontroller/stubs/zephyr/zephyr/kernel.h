/* Stub: Zephyr 4.0. */
#ifndef ZEPHYR_KERNEL_H_
#define ZEPHYR_KERNEL_H_

#include <stddef.h>
#include <stdint.h>

#define ARG_UNUSED(x) (void)(x)

typedef struct {
  int64_t ticks;
} k_timeout_t;

/* In Zephyr a compound literal of ticks. */
#define K_USEC(t) ((k_timeout_t){(int64_t)(t)})

struct k_timer {
  int64_t period;
};

typedef void (*k_timer_expiry_t)(struct k_timer *timer);
typedef void (*k_timer_stop_t)(struct k_timer *timer);

#define K_TIMER_DEFINE(name, expiry_fn, stop_fn)        \
  k_timer_expiry_t name##_expiry_fn = (expiry_fn);      \
  k_timer_stop_t name##_stop_fn = (stop_fn);            \
  struct k_timer name

void k_timer_start(struct k_timer *timer, k_timeout_t duration, k_timeout_t period);
uint32_t k_timer_status_sync(struct k_timer *timer);

typedef void (*k_thread_entry_t)(void *p1, void *p2, void *p3);

/* Of 16 priorities: coop ones are negative. In Zephyr the kernel calls the entry. */
#define K_PRIO_COOP(x) (-16 + (x))
#define K_THREAD_DEFINE(name, stack_size, entry, p1, p2, p3, prio, options, delay) \
  const k_thread_entry_t name##_entry = (entry);                                    \
  const int name##_prio = (prio) + (options) + (delay) + 0 * (stack_size);          \
  void *const name##_arguments[] = {(p1), (p2), (p3)}

unsigned int irq_lock(void);
void irq_unlock(unsigned int key);
uint32_t k_cycle_get_32(void);
uint64_t k_cyc_to_us_floor64(uint64_t t);
int32_t k_usleep(int32_t us);

#endif /* ZEPHYR_KERNEL_H_ */
