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
    "besselj": "scipy_jv({0}, {1}, 0)",
    "bessely": "scipy_yv({0}, {1}, 0)",
    "besseli": "scipy_iv({0}, {1}, 0)",
    "besselk": "scipy_kv({0}, {1}, 0)",
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
        ("scipy_jv", "__pyx_fuse_1jv", "real, real, flag"),
        ("scipy_yv", "__pyx_fuse_1yv", "real, real, flag"),
        ("scipy_iv", "__pyx_fuse_1iv", "real, real, flag"),
        ("scipy_kv", "__pyx_fuse_1kv", "real, real, flag"),
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

_POLYGAMMA = '''def polygamma(order, x):
    """Derivative of digamma, of a whole order."""
    if order == 0.0:
        return scipy_psi(x, 0)
    n = int(order)
    if not -1e3 < x < math.inf:
        return 0.0 if x > 0.0 else math.nan
    # (-1)**(n+1) * n! * sum of 1/(x+k)**(n+1): term by term up to x + k > 15 + n, then the
    # asymptotic series, with the Bernoulli numbers B_2, B_4 ...
    total = 0.0
    while x < 15.0 + n:
        total += math.pow(x, -n - 1.0)
        x += 1.0
    square, power = 1.0 / (x * x), math.pow(x, -n - 1.0)
    tail = x * power / n + 0.5 * power
    power *= 1.0 / x
    rising = 0.5 * (n + 1.0)
    for k, bernoulli in enumerate(
        (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)
    ):
        tail += bernoulli * rising * power
        j = 2.0 * k + 2.0
        power *= square
        rising *= (j + n) * (j + n + 1.0) / ((j + 1.0) * (j + 2.0))
    return (1.0 if n % 2 else -1.0) * math.gamma(n + 1.0) * (total + tail)'''

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

_EXPINT = '''def expint(order, x):
    """Exponential integral of a whole order, for x > 0."""
    return scipy_expn(order, x, 0)'''


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
    "polygamma": (("scipy_psi",), _POLYGAMMA),
    "lambertw": ((), _LAMBERTW),
    "expint": (("scipy_expn",), _EXPINT),
    "airy": (("scipy_airy",), _places("airy", 4, "Ai, Ai', Bi, Bi'.")),
    "sici": (("scipy_sici",), _places("sici", 2, "Sine and cosine integral.")),
    "fresnel": (("scipy_fresnel",), _places("fresnel", 2, "Fresnel integrals S and C.")),
}
