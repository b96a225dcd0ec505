"""Functions that numba has not, or not fast enough, written so that a compiler can vectorise them.

Their text is copied into the kernels that need them; here they are plain Python, so that they can
be read and tested. No branches, no tables: a branch would keep eight points from being computed at
once. Polynomials are minimax (Remez's exchange) for the relative error; what errors remain is
tested against mpmath, in ULP.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["exp", "exp_shifted", "sincos", "sincos_float32", "sinhcosh", "two_to"]


def sincos(x: float) -> tuple[float, float]:
    """Sine and cosine for |x| <= 1e5, to 1 ULP."""
    # x = k*pi/2 + (r + low) with |r| <= pi/4: adding 1.5 * 2**52 rounds to a whole number. pi/2 in
    # three parts of which the first two have 36 bits, so that their products with k are exact.
    shifted = x * 0.6366197723675814 + 6755399441055744.0
    k = shifted - 6755399441055744.0
    head = x - k * 1.5707963267923333
    rest = head - k * 2.5633441515839558e-12
    lost = (head - rest) - k * 2.5633441515839558e-12
    tail = lost - k * 1.0562999066987428e-23
    r = rest + tail
    low = (rest - r) + tail
    # polynomials with a relative error of 2**-58 and 2**-64
    z = r * r
    p = -2.5050747202629613e-08 + z * 1.5896196709270145e-10
    p = -0.00019841269829579957 + z * (2.7557313617925623e-06 + z * p)
    p = -0.1666666666666663 + z * (0.008333333333322108 + z * p)
    s = r + (r * z * p + low)
    q = 2.0875700412093664e-09 - z * 1.135851372271094e-11
    q = 2.4801587288841336e-05 + z * (-2.755731417621534e-07 + z * q)
    q = 0.041666666666666595 + z * (-0.001388888888887304 + z * q)
    half = 0.5 * z
    most = 1.0 - half
    c = most + (((1.0 - most) - half) + (z * z * q - r * low))
    # the last two bits of k say which of the two is the sine, and the signs
    quadrant = np.float64(shifted).view(np.int64)
    sine = np.float64(c if quadrant & 1 else s).view(np.int64) ^ ((quadrant & 2) << 62)
    cosine = np.float64(s if quadrant & 1 else c).view(np.int64) ^ (((quadrant + 1) & 2) << 62)
    return np.int64(sine).view(np.float64), np.int64(cosine).view(np.float64)


def sincos_float32(x: float) -> tuple[Any, Any]:
    """Sine and cosine of a float32 for |x| <= 1e5, to 1 ULP of float32."""
    # the angle is reduced in float64, where two parts of pi/2 are enough
    k = np.floor(x * 0.6366197723675814 + 0.5)
    wide = (x - k * 1.5707963267923333) - k * 2.563344151594519e-12
    r = np.float32(wide)
    low = np.float32(wide - r)
    z = r * r
    p = np.float32(0.008332160292163443) - z * np.float32(0.00019515217679217484)
    s = r + (r * z * (np.float32(-0.16666654602436878) + z * p) + low)
    q = np.float32(-0.0013887315888230789) + z * np.float32(2.443311243873888e-05)
    q = np.float32(0.04166664567529598) + z * q
    half = np.float32(0.5) * z
    most = np.float32(1.0) - half
    c = most + (((np.float32(1.0) - most) - half) + (z * z * q - r * low))
    pair = np.floor(0.5 * k)
    odd = k - 2.0 * pair
    back = pair - 2.0 * np.floor(0.5 * pair)
    sine = c if odd > 0.5 else s
    cosine = s if odd > 0.5 else c
    return (
        sine * np.float32(1.0 - 2.0 * back),
        cosine * np.float32(1.0 - 2.0 * abs(odd - back)),
    )


def two_to(k: Any) -> Any:
    """2**k for a whole number -1022 <= k <= 1023, written into the bits of the exponent."""
    bits = np.float64(k + 6755399441055744.0).view(np.int64)
    return np.int64((bits + 1023) << 52).view(np.float64)


def exp_shifted(x: Any, shift: float) -> Any:
    """Exponential of x times 2**shift, to 1 ULP."""
    # beyond these the result is infinity or 0; NaN stays NaN, which min and max would not grant
    if x > 720.0:
        x = 720.0
    if x < -760.0:
        x = -760.0
    # x = k*log(2) + r; the product with the first part of log(2), of 40 bits, is exact
    k = np.floor(x * 1.4426950408889634 + 0.5)
    r = (x - k * 0.6931471805592082) - k * 7.371002565167799e-13
    # polynomial with a relative error of 2**-64
    p = 2.511214581678278e-08 + r * 2.082664634110707e-09
    p = 2.7557234555260733e-06 + r * (2.7557582395994156e-07 + r * p)
    p = 0.00019841269896684165 + r * (2.4801586925180334e-05 + r * p)
    p = 0.008333333333316916 + r * (0.0013888888889116847 + r * p)
    p = 0.16666666666666682 + r * (0.04166666666666609 + r * p)
    p = 1.0 + (r + r * r * (0.5 + r * p))
    # in two steps, so that the largest and the smallest numbers are reached
    k = k + shift
    half = np.floor(0.5 * k)
    return (p * two_to(half)) * two_to(k - half)


def exp(x: Any) -> Any:
    """Exponential function, to 1 ULP."""
    return exp_shifted(x, 0.0)


def sinhcosh(x: Any) -> tuple[Any, Any]:
    """Hyperbolic sine and cosine, to 2 ULP."""
    size = abs(x)
    large = exp_shifted(size, -1.0)
    small = 0.25 / large
    # near 0, where large - small cancels: a polynomial with a relative error of 2**-63
    z = x * x
    p = 1.605725943305275e-10 + z * 7.758759421576275e-13
    p = 2.75573191570474e-06 + z * (2.5052123140832953e-08 + z * p)
    p = 0.008333333333333148 + z * (0.00019841269841431946 + z * p)
    p = x + x * z * (0.16666666666666669 + z * p)
    far = large - small
    far = -far if x < 0.0 else far
    return (p if size < 1.0 else far), large + small
