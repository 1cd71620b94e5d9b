/* Numbers and lines of a report, without stdio. */
#ifndef PSKD_PRINT_REPORT_H_
#define PSKD_PRINT_REPORT_H_

#include <stdint.h>

/* Prints a space and the number. */
void print_integer(int32_t value);

/* Prints a space and the bits of a number: eight hexadecimal digits, exact on every machine. */
void print_bits(float value);

/* Prints the line `name value`. */
void print_number(const char *name, uint32_t value);

/* Instructions of one call, from the ticks of all of them; 0 where they are not counted. */
uint32_t instructions_per_call(uint64_t ticks, uint32_t calls);

#endif /* PSKD_PRINT_REPORT_H_ */
