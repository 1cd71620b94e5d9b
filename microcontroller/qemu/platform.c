/* platform.h in QEMU: the command line is the path of a file, instructions are counted.
 *
 * A RISC-V core counts them itself. On a Cortex-M with -icount shift=0 an instruction takes one
 * nanosecond, so a tick of SysTick is a fixed number of instructions. They are not cycles.
 */
#include "platform.h"

#include "semihosting.h"

#if defined(__riscv)

const uint32_t platform_ticks_mask = 0xFFFFFFFFu;
const uint32_t platform_instructions_per_four_ticks = 4u;

static void start_counter(void) {}

uint32_t platform_ticks(void) {
  uint32_t instructions;
  __asm__ volatile(".option push\n\t.option arch, +zicsr\n\tcsrr %0, minstret\n\t.option pop"
                   : "=r"(instructions));
  return instructions;
}

#else

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010u)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014u)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018u)

const uint32_t platform_ticks_mask = 0xFFFFFFu;
/* From the clock of the machine. */
const uint32_t platform_instructions_per_four_ticks = 4000000000u / SYSTICK_HZ;

static void start_counter(void) {
  SYSTICK_RELOAD = platform_ticks_mask;
  SYSTICK_VALUE = 0u;
  SYSTICK_CONTROL = 5u; /* the core's clock, counting, no interrupt */
}

uint32_t platform_ticks(void) { return platform_ticks_mask - SYSTICK_VALUE; }

#endif

#define MARK 0x5A5A5A5Au
/* Left alone below the function that marks; well above what it needs itself. */
#define OWN_WORDS 16

extern uint32_t stack_limit[];

static int32_t handle;
static uint32_t *marked_start, *marked_end;

int platform_open(int argc, char **argv) {
  static char path[512];
  (void)argc;
  (void)argv;
  if (!semihosting_command_line(path, sizeof(path))) return 0;
  handle = semihosting_open(path);
  start_counter();
  return handle >= 0;
}

int platform_read(void *bytes, uint32_t size) { return semihosting_read(handle, bytes, size); }

void platform_print(const char *text) { semihosting_print(text); }

/* Both take the address of their own frame for the caller's stack pointer, up to a few words. */
__attribute__((noinline)) void platform_mark_stack(void) {
  uint32_t *const top = (uint32_t *)__builtin_frame_address(0);
  uint32_t *word;
  marked_end = top;
  marked_start = top - PLATFORM_MARKED_STACK / sizeof(*word);
  if (marked_start < stack_limit) marked_start = stack_limit;
  for (word = marked_start; word < top - OWN_WORDS; ++word) *word = MARK;
}

__attribute__((noinline)) uint32_t platform_used_stack(void) {
  const uint32_t *word = marked_start;
  while (word < marked_end && *word == MARK) ++word;
  return (uint32_t)(marked_end - word) * 4u;
}
