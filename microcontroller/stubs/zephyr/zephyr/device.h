/* Stub: Zephyr 4.0. */
#ifndef ZEPHYR_DEVICE_H_
#define ZEPHYR_DEVICE_H_

#include <stdbool.h>

struct device {
  const char *name;
};

bool device_is_ready(const struct device *dev);

/* In Zephyr the devicetree's node; here one device for any. */
extern const struct device stub_device;
#define DT_ALIAS(alias) DT_ALIAS_##alias
/* 1 or 0; here as a devicetree with the alias has it, unless STUB_NO_ALIAS is defined. */
#ifdef STUB_NO_ALIAS
#define DT_NODE_HAS_STATUS(node_id, status) 0
#else
#define DT_NODE_HAS_STATUS(node_id, status) 1
#endif
#define DEVICE_DT_GET(node_id) (&stub_device)

#endif /* ZEPHYR_DEVICE_H_ */
