/* Kerr's curvature by hand: what a good C programmer would write, as the limit for generated code.
 *
 * The 14 components of closed_form.py, one division for each point, sine and cosine inline so that
 * the loops become vector instructions. Two layouts: kerr_blocks writes blocks of 64 points,
 * out[block][component][64], kerr_columns writes out[component][n]. Points are rows (t, r, theta,
 * phi). Flags are in c_kernel.py; none of them changes the order of sums.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LANES 64
#define COMPONENTS 14

/* Reduction to |y| <= pi/4 by pi/2 in three parts (Cody and Waite), good to |x| ~ 1e5; then the
 * minimax polynomials of fdlibm, errors below 1 ulp. */
static inline void sine_cosine(double x, double *sine, double *cosine)
{
    const double shift = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to an integer */
    double t = x * 6.36619772367581382433e-01 + shift;
    int64_t n;
    memcpy(&n, &t, sizeof n);
    double q = t - shift;
    double y = x - q * 1.57079632673412561417e+00;
    y = y - q * 6.07710050630396597660e-11;
    y = y - q * 2.02226624879595063154e-21;
    double z = y * y;
    double s = y + y * z * (-1.66666666666666324348e-01 + z * (8.33333333332248946124e-03
        + z * (-1.98412698298579493134e-04 + z * (2.75573137070700676789e-06
        + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
    double c = 1.0 - 0.5 * z + z * z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03
        + z * (2.48015872894767294178e-05 + z * (-2.75573143513906633035e-07
        + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
    double first = (n & 1) ? c : s, second = (n & 1) ? s : c;
    *sine = (n & 2) ? -first : first;
    *cosine = ((n + 1) & 2) ? -second : second;
}

/* One point; component k goes to out[k * stride]. */
static inline void point(double r, double theta, double M, double a, double *out, ptrdiff_t stride)
{
    double s, c;
    sine_cosine(theta, &s, &c);
    double r2 = r * r, a2 = a * a, s2 = s * s;
    double A = a2 * (c * c), B = a2 * s2, R = r2 + a2;
    double sigma = r2 + A, Mr2 = 2 * M * r, delta = R - Mr2;
    double sigma2 = sigma * sigma, sigma3 = sigma2 * sigma;
    double inverse = 1.0 / (sigma3 * delta);
    double inverse3 = inverse * delta, inverse_delta = inverse * sigma3;
    double u = M * r * (r2 - 3 * A) * inverse3, v = M * (3 * r2 - A) * (s * c) * inverse3;
    double ud = u * inverse_delta, us = u * s2, usd = ud * s2, av = a * v, a2v3 = 3 * a2 * v;
    double R2 = R * R, Bd = B * delta, R3 = 3 * R - Mr2;
    out[0 * stride] = -ud * (2 * delta + B);
    out[1 * stride] = a2v3;
    out[2 * stride] = -a * usd * (R3 - Mr2);
    out[3 * stride] = av * (B + 2 * R);
    out[4 * stride] = u * (delta + 2 * B);
    out[5 * stride] = av * (2 * B + R);
    out[6 * stride] = a * us * R3;
    out[7 * stride] = us * delta;
    out[8 * stride] = -av * sigma;
    out[9 * stride] = -ud * sigma2;
    out[10 * stride] = -usd * (R2 + 2 * Bd);
    out[11 * stride] = a2v3 * R * s2;
    out[12 * stride] = us * (2 * R2 + Bd);
    out[13 * stride] = 48 * (M * M) * (r2 - A) * (A * A - 14 * A * r2 + r2 * r2)
        * (inverse3 * inverse3);
}

void kerr_blocks(const double *restrict points, double *restrict out, int64_t n, double M, double a)
{
    for (int64_t first = 0; first < n; first += LANES, out += LANES * COMPONENTS) {
        double r[LANES], theta[LANES];
        int64_t here = n - first < LANES ? n - first : LANES;
        const double *p = points + 4 * first;
        for (int i = 0; i < LANES; i++) { /* the last block is padded with its last point */
            int64_t k = i < here ? i : here - 1;
            r[i] = p[4 * k + 1];
            theta[i] = p[4 * k + 2];
        }
        for (int i = 0; i < LANES; i++)
            point(r[i], theta[i], M, a, out + i, LANES);
    }
}

void kerr_columns(const double *restrict points, double *restrict out, int64_t n, double M, double a)
{
    for (int64_t i = 0; i < n; i++)
        point(points[4 * i + 1], points[4 * i + 2], M, a, out + i, n);
}
