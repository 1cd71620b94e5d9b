"""A setting of the C library's allocator that small trainings gain by."""

import ctypes

# Names and numbers of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MEBIBYTE = 2**20


def keep_freed_memory() -> bool:
    """Lets this process keep freed memory for its next request instead of giving it back.

    A training step frees and asks again for the same few megabytes; given back each time, they
    come as about a thousand page faults a step, a tenth of its time. No result changes.

    Returns:
        Whether the C library knows the setting (glibc does; others are left as they are).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {
        _M_TRIM_THRESHOLD: 2**31 - 1,
        _M_TOP_PAD: 64 * _MEBIBYTE,
        _M_MMAP_THRESHOLD: 32 * _MEBIBYTE,
    }
    return all([mallopt(name, value) == 1 for name, value in settings.items()])
