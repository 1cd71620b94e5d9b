/* Stub: Zephyr 4.0. */
#ifndef ZEPHYR_SYS_PRINTK_H_
#define ZEPHYR_SYS_PRINTK_H_

__attribute__((format(printf, 1, 2))) void printk(const char *fmt, ...);

#endif /* ZEPHYR_SYS_PRINTK_H_ */
