"""Special functions: SciPy's by name, and a few written here; texts that are put into kernels."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["SPECIAL", "SPELLINGS"]

# How a kernel calls a special function.
SPELLINGS: Mapping[str, str] = {
    "erfi": "scipy_erfi({0}, 0)",
    "loggamma": "loggamma({0})",
    "polygamma": "polygamma({0}, {1})",
    "zeta": "1.0 + scipy_zetac({0}, 0)",
    "lambertw": "lambertw({0})",
    "besselj": "besselj({0}, {1})",
    "bessely": "bessely({0}, {1})",
    "besseli": "besseli({0}, {1})",
    "besselk": "besselk({0}, {1})",
    "airyai": "airy({0})[0]",
    "airyaiprime": "airy({0})[1]",
    "airybi": "airy({0})[2]",
    "airybiprime": "airy({0})[3]",
    "expint": "expint({0}, {1})",
    "Ei": "scipy_expi({0}, 0)",
    "Si": "sici({0})[0]",
    "Ci": "sici({0})[1]",
    "fresnels": "fresnel({0})[0]",
    "fresnelc": "fresnel({0})[1]",
    "elliptic_k": "scipy_ellipk({0}, 0)",
    "elliptic_e": "scipy_ellipe({0}, 0)",
}

_FIND = '''def scipy_function(name, *arguments, result=types.float64):
    """A function of SciPy, found by its name when this file is loaded.

    Machine code refers to it by name too, so that it is good in another process.
    """
    symbol = f"scipy_special_{name}"
    add_symbol(symbol, get_cython_function_address("scipy.special.cython_special", name))
    return types.ExternalFunction(symbol, result(*arguments))


real, flag, place = types.float64, types.int32, types.CPointer(types.float64)'''

# Those that SciPy has: the text that finds them.
_SCIPY: Mapping[str, str] = {
    name: f'{name} = scipy_function("{symbol}", {arguments})'
    for name, symbol, arguments in (
        ("scipy_psi", "__pyx_fuse_1psi", "real, flag"),
        ("scipy_erfi", "__pyx_fuse_1erfi", "real, flag"),
        ("scipy_zetac", "zetac", "real, flag"),
        ("scipy_iv", "__pyx_fuse_1iv", "real, real, flag"),
        *(
            row
            for letter in "jyk"
            for row in (
                (f"scipy_{letter}0", f"{letter}0", "real, flag"),
                (f"scipy_{letter}1", f"{letter}1", "real, flag"),
                (f"scipy_{letter}v", f"__pyx_fuse_1{letter}v", "real, real, flag"),
            )
        ),
        ("scipy_expn", "__pyx_fuse_0expn", "real, real, flag"),
        ("scipy_expi", "__pyx_fuse_1expi", "real, flag"),
        ("scipy_ellipk", "ellipk", "real, flag"),
        ("scipy_ellipe", "ellipe", "real, flag"),
        ("scipy_airy", "__pyx_fuse_1airy", "real, place, place, place, place, result=types.void"),
        ("scipy_sici", "__pyx_fuse_1sici", "real, place, place, result=types.void"),
        ("scipy_fresnel", "__pyx_fuse_1fresnel", "real, place, place, result=types.void"),
    )
}

_LOGGAMMA = '''def loggamma(x):
    """log(gamma(x)) for x > 0, elsewhere it is not real."""
    return math.lgamma(x) if x > 0.0 else math.nan'''

_PRECISE = '''# Numbers of twice the precision are pairs, high + low.
# Products may not be fused with sums.
@njit(nogil=True, error_model="numpy")
def precise_sum(a, b, low):
    """The number a + b + low for |low| much smaller than |a| or |b|."""
    high = a + b
    part = high - a
    low += (a - (high - part)) + (b - part)
    total = high + low
    if not abs(total) < math.inf:
        return high, 0.0
    return total, low - (total - high)


@njit(nogil=True, error_model="numpy")
def precise_product(a, a_low, b, b_low):
    """The product of two pairs."""
    high = a * b
    a_half = (134217729.0 * a) - ((134217729.0 * a) - a)
    b_half = (134217729.0 * b) - ((134217729.0 * b) - b)
    a_rest, b_rest = a - a_half, b - b_half
    low = ((a_half * b_half - high) + a_half * b_rest + a_rest * b_half) + a_rest * b_rest
    low += a * b_low + a_low * b
    total = high + low
    if not abs(total) < math.inf:
        return high, 0.0
    return total, low - (total - high)


@njit(nogil=True, error_model="numpy")
def precise_inverse(a, a_low):
    """1 divided by a pair."""
    first = 1.0 / a
    if not 0.0 < abs(first) < math.inf:
        return first, 0.0
    high, low = precise_product(first, 0.0, a, a_low)
    return precise_sum(first, first * ((1.0 - high) - low), 0.0)'''

_POLYGAMMA_PAIR = '''def polygamma_pair(order, x, x_low):
    """Derivative of digamma, of a whole order, of a pair, as a pair."""
    if order == 0.0:
        return scipy_psi(x, 0), 0.0
    n = int(order)
    if not -1e3 < x < 1e100:
        return (0.0 if x > 0.0 else math.nan), 0.0
    if x <= 0.0 and x == np.floor(x) and x_low == 0.0:
        return (math.inf if n % 2 else math.nan), 0.0
    # (-1)**(n+1) * n! * sum of 1/(x+k)**(n+1): term by term up to x + k > 20 + n, then the
    # asymptotic series, with the Bernoulli numbers B_2, B_4 ...; the leading terms in pairs
    y, y_low, total, total_low = x, x_low, 0.0, 0.0
    while True:
        inverse, inverse_low = precise_inverse(y, y_low)
        power, power_low = inverse, inverse_low
        for _ in range(n - 1):
            power, power_low = precise_product(power, power_low, inverse, inverse_low)
        term, term_low = precise_product(power, power_low, inverse, inverse_low)
        if y > 20.0 + n:
            break
        total, total_low = precise_sum(total, term, total_low + term_low)
        y, y_low = precise_sum(y, 1.0, y_low)
    first, first_low = precise_product(power, power_low, *precise_inverse(n * 1.0, 0.0))
    square, factor, rest = inverse * inverse, term * inverse * 0.5 * (n + 1.0), 0.0
    for k, bernoulli in enumerate(
        (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
    ):
        rest += bernoulli * factor
        j = 2.0 * k + 2.0
        factor *= square * (j + n) * (j + n + 1.0) / ((j + 1.0) * (j + 2.0))
    total, total_low = precise_sum(total, first, total_low + first_low)
    total, total_low = precise_sum(total, 0.5 * term, total_low + (0.5 * term_low + rest))
    scale = 1.0 if n % 2 else -1.0
    for k in range(2, n + 1):
        scale *= k
    return precise_product(total, total_low, scale, 0.0)'''

_POLYGAMMA = '''def polygamma(order, x):
    """Derivative of digamma, of a whole order, to 1 ULP."""
    return polygamma_pair(order, x, 0.0)[0]'''

_LAMBERTW = '''def lambertw(x):
    """The w >= -1 with w*exp(w) = x, for x >= -1/e."""
    if not x < math.inf:
        return x
    p = math.sqrt(2.0 * (2.718281828459045 * x + 1.0 + 1.4456468917292502e-16 * x))
    if x < -0.3:
        w = -1.0 + p * (1.0 - p * (1 / 3 - p * (11 / 72 - p * 43 / 540)))
    elif x < 3.0:
        w = math.log1p(x) * (1.0 - 0.3 * x / (1.0 + x))
    else:
        w = math.log(x) - math.log(math.log(x))
    for _ in range(8):
        if w > -1.0:
            miss = w - x * math.exp(-w)
            w -= miss / (w + 1.0 - (w + 2.0) * miss / (2.0 * w + 2.0))
    return w'''

_BESSELI = '''def besseli(order, x):
    """Modified Bessel function of the first kind."""
    if not (order == np.floor(order) and 0.0 <= order <= 30.0 and abs(x) <= 20.0):
        return scipy_iv(order, x, 0)
    # (x/2)**order / order! * sum of (x/2)**(2*k) / (k! * (order+1) ... (order+k)): no cancellation
    square, total = 0.25 * x * x, 1.0
    for k in range(12 + int(2.0 * abs(x)), 0, -1):
        total = 1.0 + total * square / (k * (k + order))
    for k in range(1, int(order) + 1):
        total *= 0.5 * x / k
    return total'''

_BESSELI_PAIR = '''def besseli_pair(order, x, x_low):
    """Modified Bessel function of the first kind, of a pair, as a pair."""
    if not (order == np.floor(order) and 0.0 <= order <= 30.0 and abs(x) <= 20.0):
        return scipy_iv(order, x, 0), 0.0
    half, half_low, high, low = 0.5 * x, 0.5 * x_low, 1.0, 0.0
    square, square_low = precise_product(half, half_low, half, half_low)
    for k in range(12 + int(2.0 * abs(x)), 0, -1):
        high, low = precise_product(high, low, square, square_low)
        high, low = precise_product(high, low, *precise_inverse(k * (k + order), 0.0))
        high, low = precise_sum(1.0, high, low)
    for k in range(1, int(order) + 1):
        high, low = precise_product(high, low, half, half_low)
        high, low = precise_product(high, low, *precise_inverse(1.0 * k, 0.0))
    return high, low'''

_EXPINT = '''def expint(order, x):
    """Exponential integral of a whole order, for x > 0."""
    return scipy_expn(order, x, 0)'''


def _bessel(letter: str, words: str) -> str:
    return (
        f'def bessel{letter}(order, x):\n    """{words} Those of orders 0 and 1 are the best."""\n'
        f"    if order == 0.0:\n        return scipy_{letter}0(x, 0)\n"
        f"    if order == 1.0:\n        return scipy_{letter}1(x, 0)\n"
        f"    return scipy_{letter}v(order, x, 0)"
    )


def _places(name: str, count: int, words: str) -> str:
    """A function of SciPy that writes its values where it is told to."""
    pointers = ", ".join(f"values[{k}:].ctypes" for k in range(count))
    results = ", ".join(f"values[{k}]" for k in range(count))
    return (
        f'def {name}(x):\n    """{words}"""\n    values = np.empty({count})\n'
        f"    scipy_{name}(x, {pointers})\n    return {results}"
    )


# Name -> what it uses, and its text; in the order in which they have to stand.
SPECIAL: Mapping[str, tuple[tuple[str, ...], str]] = {
    "scipy_function": ((), _FIND),
    **{name: (("scipy_function",), text) for name, text in _SCIPY.items()},
    "loggamma": ((), _LOGGAMMA),
    "precise": ((), _PRECISE),
    "polygamma_pair": (("scipy_psi", "precise"), _POLYGAMMA_PAIR),
    "polygamma": (("polygamma_pair",), _POLYGAMMA),
    "lambertw": ((), _LAMBERTW),
    "besseli": (("scipy_iv",), _BESSELI),
    "besseli_pair": (("scipy_iv", "precise"), _BESSELI_PAIR),
    **{
        f"bessel{x}": ((f"scipy_{x}0", f"scipy_{x}1", f"scipy_{x}v"), _bessel(x, words))
        for x, words in (
            ("j", "Bessel function of the first kind."),
            ("y", "Bessel function of the second kind."),
            ("k", "Modified Bessel function of the second kind."),
        )
    },
    "expint": (("scipy_expn",), _EXPINT),
    "airy": (("scipy_airy",), _places("airy", 4, "Ai, Ai', Bi, Bi'.")),
    "sici": (("scipy_sici",), _places("sici", 2, "Sine and cosine integral.")),
    "fresnel": (("scipy_fresnel",), _places("fresnel", 2, "Fresnel integrals S and C.")),
}
