/* platform.h on a host: nothing is counted. */
#include "platform.h"

#include <stdio.h>

const uint32_t platform_ticks_mask = 0;
const uint32_t platform_instructions_per_four_ticks = 0;

static FILE *file;

int platform_open(int argc, char **argv) {
  if (argc != 2) return 0;
  file = fopen(argv[1], "rb");
  return file != NULL;
}

int platform_read(void *bytes, uint32_t size) { return fread(bytes, 1, size, file) == size; }

void platform_print(const char *text) { fputs(text, stdout); }

uint32_t platform_ticks(void) { return 0; }

void platform_mark_stack(void) {}

uint32_t platform_used_stack(void) { return 0; }
