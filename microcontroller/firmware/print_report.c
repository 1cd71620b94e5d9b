#include "print_report.h"

#include <string.h>

#include "platform.h"

static void print_digits(const char *before, uint32_t value, uint32_t base, int width) {
  char text[12];
  int at = (int)sizeof(text);
  text[--at] = '\0';
  do {
    text[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (--width > 0 || value != 0u);
  platform_print(before);
  platform_print(text + at);
}

void print_integer(int32_t value) {
  const uint32_t magnitude = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
  print_digits(value < 0 ? " -" : " ", magnitude, 10u, 1);
}

void print_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof(bits));
  print_digits(" ", bits, 16u, 8);
}

void print_number(const char *name, uint32_t value) {
  platform_print(name);
  print_digits(" ", value, 10u, 1);
  platform_print("\n");
}

uint32_t instructions_per_call(uint64_t ticks, uint32_t calls) {
  if (calls == 0u) return 0u;
  return (uint32_t)(ticks * platform_instructions_per_four_ticks / 4u / calls);
}
