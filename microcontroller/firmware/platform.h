/* What the check programs need of where they run: the host or an emulated board. */
#ifndef PSKD_PLATFORM_H_
#define PSKD_PLATFORM_H_

#include <stdint.h>

/* Opens the file that the command line names. Returns 0 if there is none. */
int platform_open(int argc, char **argv);

/* Reads the next bytes of the file. Returns 0 unless there are so many. */
int platform_read(void *bytes, uint32_t size);

/* Reads the next words of four bytes; the file holds them least byte first. */
static inline int platform_read_words(void *words, uint32_t count) {
  const int is_read = platform_read(words, 4u * count);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  uint8_t *word = (uint8_t *)words;
  for (; count > 0u; --count, word += 4) {
    const uint8_t first = word[0], second = word[1];
    word[0] = word[3];
    word[1] = word[2];
    word[2] = second;
    word[3] = first;
  }
#endif
  return is_read;
}

void platform_print(const char *text);

/* A counter that goes up with the instructions run, or stays 0; wraps to 0 after its mask. */
uint32_t platform_ticks(void);
extern const uint32_t platform_ticks_mask;

/* Instructions of four ticks; 0 if they are not counted. */
extern const uint32_t platform_instructions_per_four_ticks;

/* Marks so much of the stack below the caller; then tells how many bytes of it were used since,
 * where PLATFORM_MARKED_STACK means: all of them, perhaps more. */
#define PLATFORM_MARKED_STACK 4096u
void platform_mark_stack(void);
uint32_t platform_used_stack(void);

#endif /* PSKD_PLATFORM_H_ */
