/* Vector table and start of a Cortex-M4F, M33 or M55 in QEMU. */
#include <stdint.h>

#include "semihosting.h"

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[], stack_top[];

int main(int argc, char **argv);
void reset_handler(void);

/* Coprocessor access: the floating point unit, and Helium where there is one. */
#define CPACR (*(volatile uint32_t *)0xE000ED88u)

void reset_handler(void) {
  static char program[] = "firmware";
  static char *arguments[] = {program, 0};
  uint32_t *word;
  const uint32_t *source = data_load;
  CPACR |= 0xFu << 20;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  for (word = data_start; word != data_end; ++word) *word = *source++;
  for (word = bss_start; word != bss_end; ++word) *word = 0;
  semihosting_exit(main(1, arguments));
}

static void fault_handler(void) {
  semihosting_print("error: fault\n");
  semihosting_exit(3);
}

/* A program may have a timer. */
void systick_handler(void) __attribute__((weak, alias("fault_handler")));

typedef union {
  uint32_t *stack;
  void (*handler)(void);
} Vector;

/* Initial stack, reset, then every exception of the system. */
const Vector vectors[16] __attribute__((section(".vectors"), used)) = {
    {.stack = stack_top},       {.handler = reset_handler}, {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = fault_handler}, {.handler = fault_handler}, {.handler = fault_handler},
    {.handler = systick_handler},
};
