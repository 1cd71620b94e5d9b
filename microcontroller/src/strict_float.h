/* Keeps the compiler from fusing a multiplication with an addition, which would move features by a
 * step of int8. For builds that cannot pass -ffp-contract=off: include it before any function.
 */
#ifndef PSKD_STRICT_FLOAT_H_
#define PSKD_STRICT_FLOAT_H_

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#endif /* PSKD_STRICT_FLOAT_H_ */
