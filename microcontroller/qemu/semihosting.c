#include "semihosting.h"

#include <string.h>

enum {
  SYS_OPEN = 0x01,
  SYS_WRITE0 = 0x04,
  SYS_READ = 0x06,
  SYS_GET_CMDLINE = 0x15,
  SYS_EXIT_EXTENDED = 0x20
};

#define APPLICATION_EXIT 0x20026u
#define READ_BINARY 1u

static int32_t call(uint32_t operation, const void *argument) {
#if defined(__riscv)
  register uint32_t a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = argument;
  /* Shifts of nothing tell the call from a breakpoint; all three must lie in one page. */
  __asm__ volatile(
      ".balign 16\n\t.option push\n\t.option norvc\n\t"
      "slli zero, zero, 0x1f\n\tebreak\n\tsrai zero, zero, 7\n\t.option pop"
      : "+r"(a0)
      : "r"(a1)
      : "memory");
  return (int32_t)a0;
#else
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return (int32_t)r0;
#endif
}

int32_t semihosting_open(const char *path) {
  const uint32_t block[3] = {(uint32_t)path, READ_BINARY, (uint32_t)strlen(path)};
  return call(SYS_OPEN, block);
}

int semihosting_read(int32_t handle, void *bytes, uint32_t size) {
  const uint32_t block[3] = {(uint32_t)handle, (uint32_t)bytes, size};
  /* The call returns how many bytes are missing. */
  return size == 0u || call(SYS_READ, block) == 0;
}

int semihosting_command_line(char *text, uint32_t size) {
  const uint32_t block[2] = {(uint32_t)text, size};
  return call(SYS_GET_CMDLINE, block) == 0;
}

void semihosting_print(const char *text) { (void)call(SYS_WRITE0, text); }

void semihosting_exit(int status) {
  const uint32_t block[2] = {APPLICATION_EXIT, (uint32_t)status};
  (void)call(SYS_EXIT_EXTENDED, block);
  for (;;) {
  }
}
