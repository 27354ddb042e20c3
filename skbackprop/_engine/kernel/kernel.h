/* The compiled implementation of training.run_epoch: what does not depend on the float type.
 *
 * template.h is included once for double and once for float; in reading order it
 * holds the activation functions, the losses, the update rules, online learning, batch
 * learning and the entry points, each in a header of its own. Everything is plain
 * C99 with OpenMP SIMD hints, built without -ffast-math (it would switch the whole process
 * to flush-to-zero) and without -march=native (it would fail on older processors); where
 * the platform can choose at run time, the loops are compiled a second time for AVX2.
 */
#ifndef SKBACKPROP_KERNEL_H
#define SKBACKPROP_KERNEL_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(CLONED) /* the command that builds it says */
#elif defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define CLONED __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define CLONED
#endif

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#define RESTRICT __restrict__
#elif defined(_MSC_VER)
#define INLINE static __forceinline
#define RESTRICT __restrict
#else
#define INLINE static inline
#define RESTRICT restrict
#endif

/* Rows are taken in a random order: those soon to come are fetched from memory early. */
#define ROWS_AHEAD 8
#define CACHE_LINE 64
#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

#define STRINGIFY(x) #x
#define PRAGMA(x) _Pragma(STRINGIFY(x))
#define SIMD PRAGMA(omp simd)

/* Every code stands here once. _kernel.pyx finds it by the name; a loss also by the output
 * activation that it is linked to, "" for any; an optimizer also has a number of slots and a
 * bias correction. */
#define ACTIVATIONS(ENTRY) \
    ENTRY(IDENTITY, "identity") \
    ENTRY(LOGISTIC, "logistic") \
    ENTRY(HARD_SIGMOID, "hard_sigmoid") \
    ENTRY(TANH, "tanh") \
    ENTRY(RELU, "relu") \
    ENTRY(LEAKY_RELU, "leaky_relu") \
    ENTRY(ELU, "elu") \
    ENTRY(SELU, "selu") \
    ENTRY(SOFTPLUS, "softplus") \
    ENTRY(SILU, "silu") \
    ENTRY(GELU, "gelu") \
    ENTRY(MISH, "mish") \
    ENTRY(EXP, "exp") \
    ENTRY(SOFTMAX, "softmax")
#define LOSSES(ENTRY) \
    ENTRY(LOG_LOSS_SOFTMAX, "log_loss", "softmax") \
    ENTRY(LOG_LOSS_LOGISTIC, "log_loss", "logistic") \
    ENTRY(SQUARED_ERROR, "squared_error", "") \
    ENTRY(ABSOLUTE_ERROR, "absolute_error", "") \
    ENTRY(HUBER, "huber", "") \
    ENTRY(QUANTILE, "quantile", "") \
    ENTRY(POISSON, "poisson", "exp")
#define UPDATE_RULES(ENTRY) \
    ENTRY(GRADIENT_DESCENT, "GradientDescent", 0, NO_CORRECTION) \
    ENTRY(MOMENTUM, "Momentum", 1, NO_CORRECTION) \
    ENTRY(NESTEROV, "Nesterov", 1, NO_CORRECTION) \
    ENTRY(ADAM, "Adam", 2, OF_BOTH_MOMENTS) \
    ENTRY(AMSGRAD, "AMSGrad", 3, OF_BOTH_MOMENTS) \
    ENTRY(RMSPROP, "RMSprop", 1, OF_SECOND_MOMENT) \
    ENTRY(RPROP, "Rprop", 2, NO_CORRECTION) \
    ENTRY(ACCUMULATE, "AccumulateGradient", 1, NO_CORRECTION)

#define CODE(code, ...) code,
#define ACTIVATION_NAME(code, name) name,
#define LOSS_NAME(code, name, output) name,
#define LOSS_OUTPUT(code, name, output) output,
#define UPDATE_RULE_NAME(code, name, n_slots, correction) name,
#define UPDATE_RULE_SLOTS(code, name, n_slots, correction) n_slots,
#define UPDATE_RULE_CORRECTION(code, name, n_slots, correction) correction,
enum activation_code { ACTIVATIONS(CODE) N_ACTIVATIONS };
enum loss_code { LOSSES(CODE) N_LOSSES };
enum update_rule_code { UPDATE_RULES(CODE) N_UPDATE_RULES };
/* Which running means of an optimizer are corrected for their start at zero. */
enum bias_correction { NO_CORRECTION, OF_SECOND_MOMENT, OF_BOTH_MOMENTS };
/* The most arrays that an optimizer remembers, and the most numbers that it is set by. */
enum { MAX_SLOTS = 3, MAX_HYPERPARAMS = 4 };
static const char *const ACTIVATION_NAMES[] = { ACTIVATIONS(ACTIVATION_NAME) };
static const char *const LOSS_NAMES[] = { LOSSES(LOSS_NAME) };
static const char *const LOSS_OUTPUTS[] = { LOSSES(LOSS_OUTPUT) };
static const char *const UPDATE_RULE_NAMES[] = { UPDATE_RULES(UPDATE_RULE_NAME) };
static const int UPDATE_RULE_N_SLOTS[] = { UPDATE_RULES(UPDATE_RULE_SLOTS) };
static const int UPDATE_RULE_CORRECTIONS[] = { UPDATE_RULES(UPDATE_RULE_CORRECTION) };
/* Gradient descent without penalties has its own, cheaper steps. */
enum { PLAIN_DESCENT = -1, DECAYED_DESCENT = -2 };

#define LEAK 0.01
#define SELU_SCALE 1.0507009873554805
#define SELU_ALPHA 1.6732632423543772
#define HALF_ROOT 0.70710678118654752440        /* sqrt(1 / 2) */
#define ROOT_2_PI_INVERSE 0.39894228040143267794

typedef struct {
    int n_layers;               /* of weights */
    int loss;
    const int64_t *sizes;       /* n_layers + 1: inputs, hidden ..., outputs */
    const int64_t *weights_at;  /* where each layer's weights begin in the vector */
    const int64_t *biases_at;
    const int32_t *activation;  /* of each layer, the output layer's last */
    int64_t n_options;
    const double *options;      /* of the loss */
} network_t;

typedef struct {
    int update_rule;
    double rate, alpha, l1, weight_decay;
    double clip_norm, max_norm; /* 0 for none */
    const double *dropout;      /* of each hidden layer; NULL for none */
    uint64_t seed;
    int64_t samples_seen;       /* before this epoch */
    int guarded;                /* a loss that is not finite changes nothing */
    double hyperparams[MAX_HYPERPARAMS]; /* momentum, or beta_1, beta_2, epsilon, ... */
    double beta_powers[2];      /* the first two to the number of updates so far */
} optimizer_t;

/* BLAS's matrix product, of either float type. */
typedef void (*gemm_any_t)(void);

/* What an epoch works on; void stands for the float type. */
typedef struct {
    void *params;
    void *slots[MAX_SLOTS];     /* of the optimizer; the parameters themselves where unused */
    const void *dense;          /* rows of inputs; NULL for sparse ones, which follow */
    const void *values;
    const int32_t *columns;
    const int64_t *starts;
    const void *targets;        /* a row of outputs each, or NULL for class numbers */
    const int64_t *classes;
    const void *weights;        /* of the rows, or NULL */
    const int64_t *order;
    int64_t n_order, batch_size;
    gemm_any_t gemm;
} epoch_args_t;

/* Rows per pass of a batch. */
enum { CACHE_BYTES = 320 << 10, CHUNK_BYTES = 32 << 20 };
enum { FEWEST_CHUNK_ROWS = 64, MOST_CHUNK_ROWS = 512 };
/* So few rows are predicted one by one. */
enum { FEW_ROWS = 8 };
/* How raw outputs become probabilities: a softmax; one logistic output per class, scaled to
 * sum to one; one logistic output for two classes. */
enum probability_kind { OF_SOFTMAX, OF_LOGISTIC, OF_TWO };
enum predict_status { NO_MEMORY = 1, TOO_LARGE = 2 };
/* Rows in a block of online learning, and weights of a first layer from which they pay. */
enum { BLOCK = 16, BLOCK_PAYS = 3000 };

/* ---- Hashing: the same arithmetic as in hashing.py and dropout.py ---- */

INLINE uint64_t mix64(uint64_t h)
{
    h = (h ^ (h >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    h = (h ^ (h >> 27)) * UINT64_C(0x94D049BB133111EB);
    return h ^ (h >> 31);
}

#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)
#define GOLDEN_32 UINT32_C(0x9E3779B9)

INLINE uint32_t mix32(uint32_t h)
{
    h = (h ^ (h >> 16)) * UINT32_C(0x7FEB352D);
    h = (h ^ (h >> 15)) * UINT32_C(0x846CA68B);
    return h ^ (h >> 16);
}

INLINE uint32_t dropout_key(uint64_t seed, int64_t presentation, int layer)
{
    return (uint32_t)mix64(((uint64_t)presentation * 64 + layer + 1) * GOLDEN + seed);
}

INLINE uint64_t column_key(int64_t column)
{
    return mix64(((uint64_t)column + 1) * GOLDEN) | 1;
}

INLINE uint64_t hash_value(double value, uint64_t key)
{
    uint64_t bits;
    value += 0.0;  /* -0.0 becomes 0.0 */
    memcpy(&bits, &value, sizeof bits);
    return mix64(bits) * key;
}

/* ---- The two float types ---- */

typedef union { double f; int64_t i; } double_bits;
typedef union { float f; int32_t i; } float_bits;

#define T double
#define NAME(name) name##_double
#define BITS double_bits
#define BITS_INT uint64_t
#define MANTISSA 52
#define EXPONENT_BIAS INT64_C(1023)
#define ROUNDER 6755399441055744.0          /* 1.5 * 2^52 */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define EXP_LIMIT 708.0
#define TANH_LIMIT 44.0
#define EXP_TERMS 12
#include "template.h"
#undef T
#undef NAME
#undef BITS
#undef BITS_INT
#undef MANTISSA
#undef EXPONENT_BIAS
#undef ROUNDER
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_LIMIT
#undef TANH_LIMIT
#undef EXP_TERMS

#define T float
#define NAME(name) name##_float
#define BITS float_bits
#define BITS_INT uint32_t
#define MANTISSA 23
#define EXPONENT_BIAS 127
#define ROUNDER 12582912.0f                 /* 1.5 * 2^23 */
#define LN2_HIGH 6.93359375e-01f
#define LN2_LOW -2.12194440e-04f
#define EXP_LIMIT 87.0f
#define TANH_LIMIT 24.0f
#define EXP_TERMS 8
#include "template.h"
#undef T
#undef NAME
#undef BITS
#undef BITS_INT
#undef MANTISSA
#undef EXPONENT_BIAS
#undef ROUNDER
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_LIMIT
#undef TANH_LIMIT
#undef EXP_TERMS

#endif
