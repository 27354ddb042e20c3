/* Activation functions and their derivatives: over the outputs of a layer at a time, so that
 * a call costs little beside its work. */

/* exp(x) - 1 = scale * p + (scale - 1), with x = k ln 2 + r, scale = 2^k, p = exp(r) - 1
 * by its Taylor series in Estrin's scheme. Holds for |x| <= EXP_LIMIT; NaN stays NaN. */
INLINE void NAME(exp_parts)(T x, T *scale, T *p)
{
    BITS rounded, power;
    rounded.f = x * (T)1.44269504088896340736 + (T)ROUNDER;
    T k = rounded.f - (T)ROUNDER;
    T r = x - k * (T)LN2_HIGH;
    r -= k * (T)LN2_LOW;
    power.i = ((BITS_INT)rounded.i + EXPONENT_BIAS) << MANTISSA;  /* NaN may overflow */
    *scale = power.f;

    T r2 = r * r, r4 = r2 * r2;
    T low = ((T)0.5 + r * (T)(1.0 / 6)) + r2 * ((T)(1.0 / 24) + r * (T)(1.0 / 120));
    T high = ((T)(1.0 / 720) + r * (T)(1.0 / 5040));
#if EXP_TERMS > 8
    high += r2 * ((T)(1.0 / 40320) + r * (T)(1.0 / 362880));
    high += r4 * ((T)(1.0 / 3628800) + r * (T)(1.0 / 39916800)
                  + r2 * (T)(1.0 / 479001600));
#endif
    *p = r + r2 * (low + r4 * high);
}

INLINE T NAME(clamp)(T x, T limit)
{
    x = x < -limit ? -limit : x;
    return x > limit ? limit : x;
}

INLINE T NAME(exp_)(T x)
{
    T scale, p;
    NAME(exp_parts)(NAME(clamp)(x, EXP_LIMIT), &scale, &p);
    return scale + scale * p;
}

/* exp(x) - 1 for x <= 0. */
INLINE T NAME(expm1_)(T x)
{
    T scale, p;
    NAME(exp_parts)(NAME(clamp)(x > 0 ? 0 : x, EXP_LIMIT), &scale, &p);
    return scale * p + (scale - 1);
}

INLINE T NAME(tanh_)(T x)
{
    T scale, p;
    NAME(exp_parts)(NAME(clamp)(2 * x, TANH_LIMIT), &scale, &p);
    T expm1 = scale * p + (scale - 1);
    return expm1 / (expm1 + 2);
}

INLINE T NAME(logistic)(T x) { return 1 / (1 + NAME(exp_)(-x)); }

/* a = f(z) in place. Where the derivative is taken of the input, it goes to slopes. All
 * are written so that NaN stays NaN. */
/* Shapes: a (n); slopes (n), or NULL where the derivative is taken of a. */
CLONED static void NAME(activate)(int code, T *RESTRICT a, T *RESTRICT slopes, int64_t n)
{
    switch (code) {
    case LOGISTIC:
        SIMD for (int64_t i = 0; i < n; i++) a[i] = NAME(logistic)(a[i]);
        break;
    case HARD_SIGMOID:
        SIMD for (int64_t i = 0; i < n; i++) {
            T x = a[i] / 6 + (T)0.5;
            x = x < 0 ? 0 : x;
            a[i] = x > 1 ? 1 : x;
        }
        break;
    case TANH:
        SIMD for (int64_t i = 0; i < n; i++) a[i] = NAME(tanh_)(a[i]);
        break;
    case RELU:
        SIMD for (int64_t i = 0; i < n; i++) a[i] = a[i] < 0 ? 0 : a[i];
        break;
    case LEAKY_RELU:
        SIMD for (int64_t i = 0; i < n; i++) a[i] = a[i] > 0 ? a[i] : (T)LEAK * a[i];
        break;
    case ELU:
        SIMD for (int64_t i = 0; i < n; i++) a[i] = a[i] > 0 ? a[i] : NAME(expm1_)(a[i]);
        break;
    case SELU:
        SIMD for (int64_t i = 0; i < n; i++)
            a[i] = (T)SELU_SCALE * (a[i] > 0 ? a[i] : (T)SELU_ALPHA * NAME(expm1_)(a[i]));
        break;
    case SOFTPLUS:
        SIMD for (int64_t i = 0; i < n; i++) slopes[i] = NAME(logistic)(a[i]);
        for (int64_t i = 0; i < n; i++)
            a[i] = (a[i] < 0 ? 0 : a[i]) + (T)log1p(exp(-fabs((double)a[i])));
        break;
    case SILU:
        SIMD for (int64_t i = 0; i < n; i++) {
            const T z = a[i], s = NAME(logistic)(z);
            a[i] = z * s;
            slopes[i] = s * (1 + z * (1 - s));
        }
        break;
    case GELU:
        for (int64_t i = 0; i < n; i++) {
            const double z = a[i], cdf = 0.5 * erfc(-z * HALF_ROOT);
            a[i] = (T)(z * cdf);
            slopes[i] = (T)(cdf + z * exp(-0.5 * z * z) * ROOT_2_PI_INVERSE);
        }
        break;
    case MISH:  /* tanh(log(1 + e^z)) = m / (m + 2) with m = e^z (e^z + 2); one from 20 on */
        SIMD for (int64_t i = 0; i < n; i++) {
            const T z = a[i], e = NAME(exp_)(z > 20 ? 20 : z), m = e * (e + 2);
            const T inverse = 1 / (m + 2), t = m * inverse;
            a[i] = z * t;
            slopes[i] = t + z * (4 * ((m + 1) * inverse) * inverse) * NAME(logistic)(z);
        }
        break;
    case EXP:
        for (int64_t i = 0; i < n; i++) a[i] = (T)exp((double)a[i]);
        break;
    }
}

INLINE int NAME(needs_preactivation)(int code)
{
    return code == SOFTPLUS || code == SILU || code == GELU || code == MISH;
}

/* delta *= f'(z), from slopes where there are any, else from the outputs a = f(z). */
/* Shapes: delta, a (n); slopes (n) or NULL. */
CLONED static void NAME(times_derivative)(int code, T *RESTRICT delta, const T *RESTRICT a,
                                   const T *RESTRICT slopes, int64_t n)
{
    if (slopes) {
        SIMD for (int64_t i = 0; i < n; i++) delta[i] *= slopes[i];
        return;
    }
    switch (code) {
    case LOGISTIC:
        SIMD for (int64_t i = 0; i < n; i++) delta[i] *= a[i] * (1 - a[i]);
        break;
    case HARD_SIGMOID:
        SIMD for (int64_t i = 0; i < n; i++)
            delta[i] *= a[i] > 0 && a[i] < 1 ? (T)(1.0 / 6) : 0;
        break;
    case TANH:
        SIMD for (int64_t i = 0; i < n; i++) delta[i] *= 1 - a[i] * a[i];
        break;
    case RELU:
        SIMD for (int64_t i = 0; i < n; i++) delta[i] = a[i] > 0 ? delta[i] : 0;
        break;
    case LEAKY_RELU:
        SIMD for (int64_t i = 0; i < n; i++) delta[i] *= a[i] > 0 ? 1 : (T)LEAK;
        break;
    case ELU:
        SIMD for (int64_t i = 0; i < n; i++) delta[i] *= a[i] > 0 ? 1 : a[i] + 1;
        break;
    case SELU:
        SIMD for (int64_t i = 0; i < n; i++)
            delta[i] *= a[i] > 0 ? (T)SELU_SCALE : a[i] + (T)(SELU_SCALE * SELU_ALPHA);
        break;
    case EXP:
        SIMD for (int64_t i = 0; i < n; i++) delta[i] *= a[i];
        break;
    }
}

/* Drop neurons of one row of a hidden layer: the same arithmetic as dropout.dropout_mask.
 * The derivatives, masked alike, go to slopes. */
/* Shapes: a, slopes (n). */
CLONED static void NAME(apply_dropout)(int code, double rate, uint64_t seed,
                                       int64_t presentation, int layer, T *RESTRICT a,
                                       T *RESTRICT slopes, int64_t n)
{
    const uint32_t key = dropout_key(seed, presentation, layer);
    const uint32_t threshold = (uint32_t)(rate * 4294967296.0);
    const T scale = (T)(1 / (1 - rate));
    if (!NAME(needs_preactivation)(code)) {
        for (int64_t i = 0; i < n; i++) slopes[i] = 1;
        NAME(times_derivative)(code, slopes, a, NULL, n);
    }
    SIMD for (int64_t i = 0; i < n; i++) {
        const T mask = mix32(key + (uint32_t)(i + 1) * GOLDEN_32) >= threshold ? scale : 0;
        a[i] *= mask;
        slopes[i] *= mask;
    }
}
