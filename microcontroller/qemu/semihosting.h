/* Files, text and exit status through the emulator (semihosting of Arm and RISC-V), without newlib's stdio. */
#ifndef PSKD_SEMIHOSTING_H_
#define PSKD_SEMIHOSTING_H_

#include <stdint.h>

/* Opens a file of the host for reading. Returns a handle, negative if there is none. */
int32_t semihosting_open(const char *path);

/* Returns 1 if all bytes were read. */
int semihosting_read(int32_t handle, void *bytes, uint32_t size);

/* Copies the emulator's command line. Returns 1 if it fitted. */
int semihosting_command_line(char *text, uint32_t size);

void semihosting_print(const char *text);

/* Ends the emulator with this exit status. */
void semihosting_exit(int status) __attribute__((noreturn));

#endif /* PSKD_SEMIHOSTING_H_ */
