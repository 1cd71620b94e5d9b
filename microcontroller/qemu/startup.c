/* Start of a Cortex-M or of a RISC-V core in QEMU. */
#include <stdint.h>

#include "semihosting.h"

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[], stack_top[];

int main(int argc, char **argv);
void reset_handler(void);

static void run_program(void) {
  static char program[] = "firmware";
  static char *arguments[] = {program, 0};
  uint32_t *word;
  const uint32_t *source = data_load;
  for (word = data_start; word != data_end; ++word) *word = *source++;
  for (word = bss_start; word != bss_end; ++word) *word = 0;
  semihosting_exit(main(1, arguments));
}

/* A RISC-V core wants its address to be a multiple of four. */
__attribute__((aligned(4))) static void fault_handler(void) {
  semihosting_print("error: fault\n");
  semihosting_exit(3);
}

#if defined(__riscv)

void start(void);

/* The first instructions; from here on C. */
__asm__(
    ".pushsection .vectors, \"ax\"\n"
    ".globl reset_handler\n"
    "reset_handler:\n"
    ".option push\n.option norelax\n\tla gp, __global_pointer$\n.option pop\n"
    "\tla sp, stack_top\n"
    "\tj start\n"
    ".popsection\n");

/* Floating point registers may be used, where there are some. */
#define MSTATUS_FS (1u << 13)

void start(void) {
  __asm__ volatile(
      ".option push\n\t.option arch, +zicsr\n\t"
      "csrw mtvec, %0\n\tcsrs mstatus, %1\n\t.option pop" ::"r"(fault_handler),
      "r"(MSTATUS_FS));
  run_program();
}

#else

/* Coprocessor access: the floating point unit, and Helium where there is one. */
#define CPACR (*(volatile uint32_t *)0xE000ED88u)

void reset_handler(void) {
  CPACR |= 0xFu << 20;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  run_program();
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

#endif
