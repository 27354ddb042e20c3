/* The compiled writing of training.run_epoch for one float type T.
 *
 * First layer: weights input by input, [n_in][n_out]. Later layers: neuron by neuron,
 * [n_out][n_in]. In BLAS's column-major eyes these are (n_out x n_in) and (n_in x n_out).
 */

typedef void (*NAME(gemm_t))(char *, char *, int *, int *, int *, T *, T *, int *, T *,
                             int *, T *, T *, int *);

typedef struct {
    const T *dense;          /* NULL for sparse rows */
    const T *values;
    const int32_t *columns;
    const int64_t *starts;
} NAME(rows_t);

typedef struct {
    const T *matrix;         /* NULL for class numbers */
    const int64_t *classes;
} NAME(targets_t);

typedef struct {
    T *params;
    T *slots[2];             /* of the updater; the parameters themselves where unused */
} NAME(vectors_t);

/* ---- Transfer functions ---- */

/* exp(x) - 1 = scale * p + (scale - 1), with x = k ln 2 + r, scale = 2^k, p = exp(r) - 1
 * by its Taylor series in Estrin's scheme. Holds for |x| <= EXP_LIMIT; NaN stays NaN. */
INLINE void NAME(exp_parts)(T x, T *scale, T *p)
{
    BITS rounded, power;
    rounded.f = x * (T)1.44269504088896340736 + (T)ROUNDER;
    T k = rounded.f - (T)ROUNDER;
    T r = x - k * (T)LN2_HIGH;
    r -= k * (T)LN2_LOW;
    power.i = (BITS_INT)(rounded.i + EXPONENT_BIAS) << MANTISSA;
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

INLINE T NAME(tanh_)(T x)
{
    T scale, p;
    NAME(exp_parts)(NAME(clamp)(2 * x, TANH_LIMIT), &scale, &p);
    T expm1 = scale * p + (scale - 1);
    return expm1 / (expm1 + 2);
}

INLINE void NAME(activate)(int code, T *RESTRICT a, int64_t n)
{
    switch (code) {
    case LOGISTIC:
        SIMD for (int64_t i = 0; i < n; i++) a[i] = 1 / (1 + NAME(exp_)(-a[i]));
        break;
    case TANH:
        SIMD for (int64_t i = 0; i < n; i++) a[i] = NAME(tanh_)(a[i]);
        break;
    case RELU:  /* written so that NaN stays NaN */
        SIMD for (int64_t i = 0; i < n; i++) a[i] = a[i] < 0 ? 0 : a[i];
        break;
    }
}

/* delta *= f'(z), from the outputs a = f(z). */
INLINE void NAME(times_derivative)(int code, T *RESTRICT delta, const T *RESTRICT a, int64_t n)
{
    switch (code) {
    case LOGISTIC:
        SIMD for (int64_t i = 0; i < n; i++) delta[i] *= a[i] * (1 - a[i]);
        break;
    case TANH:
        SIMD for (int64_t i = 0; i < n; i++) delta[i] *= 1 - a[i] * a[i];
        break;
    case RELU:
        SIMD for (int64_t i = 0; i < n; i++) delta[i] = a[i] > 0 ? delta[i] : 0;
        break;
    }
}

/* ---- Losses ---- */

/* From one row's raw outputs z: the loss, z turned into the outputs, and the derivative
 * of the loss by the raw outputs in delta. */
INLINE double NAME(loss_and_delta)(const shape_t *net, T *RESTRICT z, const T *RESTRICT y,
                                   T *RESTRICT delta, int64_t n)
{
    double loss = 0;
    switch (net->loss) {
    case LOG_LOSS_SOFTMAX: {
        T top = z[0], sum = 0, of_target = 0, weight = 0;
        for (int64_t j = 1; j < n; j++) top = z[j] > top ? z[j] : top;
        for (int64_t j = 0; j < n; j++) {
            of_target += y[j] * (z[j] - top);
            weight += y[j];
        }
        PRAGMA(omp simd reduction(+ : sum))
        for (int64_t j = 0; j < n; j++) {
            z[j] = NAME(exp_)(z[j] - top);
            sum += z[j];
        }
        for (int64_t j = 0; j < n; j++) {
            z[j] /= sum;
            delta[j] = z[j] - y[j];
        }
        return weight * log((double)sum) - of_target;
    }
    case LOG_LOSS_LOGISTIC:
        for (int64_t j = 0; j < n; j++) {
            double raw = z[j];
            loss += (raw > 0 ? raw : 0) + log1p(exp(-fabs(raw))) - y[j] * raw;
        }
        NAME(activate)(LOGISTIC, z, n);
        for (int64_t j = 0; j < n; j++) delta[j] = z[j] - y[j];
        return loss;
    default:  /* SQUARED_ERROR */
        NAME(activate)(net->activation[net->n_layers - 1], z, n);
        for (int64_t j = 0; j < n; j++) {
            delta[j] = z[j] - y[j];
            loss += (double)delta[j] * delta[j];
        }
        NAME(times_derivative)(net->activation[net->n_layers - 1], delta, z, n);
        return loss / 2;
    }
}

INLINE const T *NAME(target_of)(const NAME(targets_t) *Y, int64_t row, int64_t n, T *one_hot)
{
    if (Y->matrix) return Y->matrix + row * n;
    memset(one_hot, 0, n * sizeof(T));
    one_hot[Y->classes[row]] = 1;
    return one_hot;
}

/* ---- Update rules ---- */

typedef struct { T rate, alpha, first, second, epsilon, adam_rate; } NAME(step_t);

/* One parameter w with gradient delta * signal + alpha * w; rated is rate * delta. */
INLINE void NAME(step)(int rule, const NAME(step_t) *by, T alpha, T *w, T *m, T *v, T delta,
                       T rated, T signal)
{
    if (rule == PLAIN_DESCENT) {
        *w -= rated * signal;
        return;
    }
    T gradient = delta * signal + alpha * *w;
    switch (rule) {
    case GRADIENT_DESCENT:
        *w -= by->rate * gradient;
        break;
    case MOMENTUM:
        *m = by->first * *m - by->rate * gradient;
        *w += *m;
        break;
    case NESTEROV:
        *m = by->first * *m - by->rate * gradient;
        *w += by->first * *m - by->rate * gradient;
        break;
    case ADAM:
        *m = by->first * *m + (1 - by->first) * gradient;
        *v = by->second * *v + (1 - by->second) * (gradient * gradient);
#ifdef _MSC_VER
        *w -= by->adam_rate * *m / ((T)sqrt(*v) + by->epsilon);
#else
        *w -= by->adam_rate * *m / ((sizeof(T) == 4 ? sqrtf(*v) : sqrt(*v)) + by->epsilon);
#endif
        break;
    }
}

/* Count one more update; Adam's bias corrections are folded into its rate. */
INLINE void NAME(next_step)(rule_t *rule, NAME(step_t) *by)
{
    if (rule->updater != ADAM) return;
    for (int i = 0; i < 2; i++) {
        rule->powers[i] *= rule->constants[i];
        if (rule->powers[i] < 1e-300) rule->powers[i] = 0;
    }
    by->adam_rate = (T)(rule->rate * sqrt(1 - rule->powers[1]) / (1 - rule->powers[0]));
}

INLINE NAME(step_t) NAME(make_step)(const rule_t *rule)
{
    NAME(step_t) by = {(T)rule->rate, (T)rule->alpha, (T)rule->constants[0],
                       (T)rule->constants[1], (T)rule->constants[2], 0};
    return by;
}

/* ---- One row: online learning ---- */

INLINE void NAME(copy)(T *RESTRICT to, const T *RESTRICT from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

/* z += x W for weights stored input by input, eight inputs at a time. */
INLINE void NAME(add_inputs)(T *RESTRICT z, const T *RESTRICT x, const T *RESTRICT w,
                             int64_t n_in, int64_t n)
{
    int64_t i = 0;
    for (; i + 8 <= n_in; i += 8, w += 8 * n) {
        SIMD for (int64_t j = 0; j < n; j++) {
            T even = x[i] * w[j] + x[i + 2] * w[2 * n + j];
            T odd = x[i + 1] * w[n + j] + x[i + 3] * w[3 * n + j];
            even += x[i + 4] * w[4 * n + j] + x[i + 6] * w[6 * n + j];
            odd += x[i + 5] * w[5 * n + j] + x[i + 7] * w[7 * n + j];
            z[j] += even + odd;
        }
    }
    for (; i + 2 <= n_in; i += 2, w += 2 * n) {
        SIMD for (int64_t j = 0; j < n; j++) z[j] += x[i] * w[j] + x[i + 1] * w[n + j];
    }
    if (i < n_in) {
        SIMD for (int64_t j = 0; j < n; j++) z[j] += x[i] * w[j];
    }
}

INLINE void NAME(add_sparse_inputs)(T *RESTRICT z, const NAME(rows_t) *X, int64_t row,
                                    const T *RESTRICT w, int64_t n)
{
    for (int64_t k = X->starts[row]; k < X->starts[row + 1]; k++) {
        const T x = X->values[k];
        const T *RESTRICT of_input = w + (int64_t)X->columns[k] * n;
        SIMD for (int64_t j = 0; j < n; j++) z[j] += x * of_input[j];
    }
}

/* z = W a + b for weights stored neuron by neuron, four neurons at a time. */
INLINE void NAME(weigh)(T *RESTRICT z, const T *RESTRICT a, const T *RESTRICT w,
                        const T *RESTRICT b, int64_t n_in, int64_t n)
{
    int64_t j = 0;
    for (; j + 4 <= n; j += 4, w += 4 * n_in) {
        T s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        PRAGMA(omp simd reduction(+ : s0, s1, s2, s3))
        for (int64_t i = 0; i < n_in; i++) {
            s0 += w[i] * a[i];
            s1 += w[n_in + i] * a[i];
            s2 += w[2 * n_in + i] * a[i];
            s3 += w[3 * n_in + i] * a[i];
        }
        z[j] = b[j] + s0;
        z[j + 1] = b[j + 1] + s1;
        z[j + 2] = b[j + 2] + s2;
        z[j + 3] = b[j + 3] + s3;
    }
    for (; j < n; j++, w += n_in) {
        T sum = 0;
        PRAGMA(omp simd reduction(+ : sum))
        for (int64_t i = 0; i < n_in; i++) sum += w[i] * a[i];
        z[j] = b[j] + sum;
    }
}

/* Scratch space of one row: for each layer its outputs and deltas. */
typedef struct {
    T **outputs, **deltas;
    T *rated;                /* rate * delta of the first layer */
    T *input;                /* a sparse row spelled out; kept zero between rows */
    T *one_hot;
} NAME(scratch_t);

INLINE void NAME(forward_row)(const shape_t *net, const T *params, const NAME(rows_t) *X,
                              int64_t row, T **outputs)
{
    const int64_t n_first = net->sizes[1];
    NAME(copy)(outputs[0], params + net->biases_at[0], n_first);
    if (X->dense)
        NAME(add_inputs)(outputs[0], X->dense + row * net->sizes[0], params, net->sizes[0],
                         n_first);
    else
        NAME(add_sparse_inputs)(outputs[0], X, row, params, n_first);
    for (int l = 1; l < net->n_layers; l++) {
        NAME(activate)(net->activation[l - 1], outputs[l - 1], net->sizes[l]);
        NAME(weigh)(outputs[l], outputs[l - 1], params + net->weights_at[l],
                    params + net->biases_at[l], net->sizes[l], net->sizes[l + 1]);
    }
}

INLINE void NAME(update_biases)(int rule, const NAME(step_t) *by, NAME(vectors_t) at,
                                int64_t offset, const T *RESTRICT delta, int64_t n)
{
    T *w = at.params + offset, *m = at.slots[0] + offset, *v = at.slots[1] + offset;
    SIMD for (int64_t j = 0; j < n; j++)
        NAME(step)(rule, by, 0, w + j, m + j, v + j, delta[j], by->rate * delta[j], 1);
}

/* Hand the deltas of a later layer back, and, unless only_back, update its weights in the
 * same pass over them. */
INLINE void NAME(backward_layer)(int rule, int only_back, const NAME(step_t) *by,
                                 NAME(vectors_t) at, int64_t offset, const T *RESTRICT delta,
                                 const T *RESTRICT signal, T *RESTRICT back, int64_t n_in,
                                 int64_t n)
{
    T *w = at.params + offset, *m = at.slots[0] + offset, *v = at.slots[1] + offset;
    memset(back, 0, n_in * sizeof(T));
    for (int64_t j = 0; j < n; j++, w += n_in, m += n_in, v += n_in) {
        const T d = delta[j], rated = by->rate * d;
        if (only_back) {
            SIMD for (int64_t i = 0; i < n_in; i++) back[i] += d * w[i];
            continue;
        }
        SIMD for (int64_t i = 0; i < n_in; i++) {
            back[i] += d * w[i];
            NAME(step)(rule, by, by->alpha, w + i, m + i, v + i, d, rated, signal[i]);
        }
    }
}

/* Update the weights of a later layer whose deltas have been handed back before. */
INLINE void NAME(update_layer)(int rule, const NAME(step_t) *by, NAME(vectors_t) at,
                               int64_t offset, const T *RESTRICT delta,
                               const T *RESTRICT signal, int64_t n_in, int64_t n)
{
    T *w = at.params + offset, *m = at.slots[0] + offset, *v = at.slots[1] + offset;
    for (int64_t j = 0; j < n; j++, w += n_in, m += n_in, v += n_in) {
        const T d = delta[j], rated = by->rate * d;
        SIMD for (int64_t i = 0; i < n_in; i++)
            NAME(step)(rule, by, by->alpha, w + i, m + i, v + i, d, rated, signal[i]);
    }
}

/* The weights of one input of the first layer. */
INLINE void NAME(update_input)(int rule, const NAME(step_t) *by, NAME(vectors_t) at,
                               int64_t offset, T signal, const T *RESTRICT delta,
                               const T *RESTRICT rated, int64_t n)
{
    T *w = at.params + offset, *m = at.slots[0] + offset, *v = at.slots[1] + offset;
    SIMD for (int64_t j = 0; j < n; j++)
        NAME(step)(rule, by, by->alpha, w + j, m + j, v + j, delta[j], rated[j], signal);
}

INLINE void NAME(update_first_layer)(int rule, const NAME(step_t) *by, NAME(vectors_t) at,
                                     const shape_t *net, const NAME(rows_t) *X, int64_t row,
                                     const T *RESTRICT delta, NAME(scratch_t) *s)
{
    const int64_t n_in = net->sizes[0], n = net->sizes[1];
    const T *input = X->dense ? X->dense + row * n_in : s->input;
    SIMD for (int64_t j = 0; j < n; j++) s->rated[j] = by->rate * delta[j];
    if (!X->dense) {
        const int64_t start = X->starts[row], stop = X->starts[row + 1];
        if (rule == PLAIN_DESCENT) {  /* only the inputs that are there learn */
            for (int64_t k = start; k < stop; k++)
                NAME(update_input)(rule, by, at, (int64_t)X->columns[k] * n, X->values[k],
                                   delta, s->rated, n);
            return;
        }
        for (int64_t k = start; k < stop; k++) s->input[X->columns[k]] += X->values[k];
    }
    for (int64_t i = 0; i < n_in; i++)
        NAME(update_input)(rule, by, at, i * n, input[i], delta, s->rated, n);
    if (!X->dense)
        for (int64_t k = X->starts[row]; k < X->starts[row + 1]; k++)
            s->input[X->columns[k]] = 0;
}

INLINE double NAME(square_sum)(const T *RESTRICT values, int64_t n)
{
    T sum = 0;
    PRAGMA(omp simd reduction(+ : sum))
    for (int64_t i = 0; i < n; i++) sum += values[i] * values[i];
    return sum;
}

/* Shorten the deltas so that the row's gradient is no longer than allowed. The gradient of
 * a layer is the product of its deltas and its inputs, and so is its norm. */
INLINE void NAME(clip_row)(const shape_t *net, double clip_norm, const NAME(rows_t) *X,
                           int64_t row, NAME(scratch_t) *s)
{
    const int64_t n_in = net->sizes[0];
    double inputs = X->dense ? NAME(square_sum)(X->dense + row * n_in, n_in)
                             : NAME(square_sum)(X->values + X->starts[row],
                                                X->starts[row + 1] - X->starts[row]);
    double square = (1 + inputs) * NAME(square_sum)(s->deltas[0], net->sizes[1]);
    for (int l = 1; l < net->n_layers; l++)
        square += (1 + NAME(square_sum)(s->outputs[l - 1], net->sizes[l]))
                  * NAME(square_sum)(s->deltas[l], net->sizes[l + 1]);
    if (!(square > clip_norm * clip_norm)) return;
    const T factor = (T)(clip_norm / sqrt(square));
    for (int l = 0; l < net->n_layers; l++)
        for (int64_t j = 0; j < net->sizes[l + 1]; j++) s->deltas[l][j] *= factor;
}

INLINE double NAME(online)(const int kind, const shape_t *net, rule_t *rule,
                           NAME(vectors_t) at, const NAME(rows_t) *X,
                           const NAME(targets_t) *Y, const int64_t *order, int64_t n_order,
                           const T *weights, NAME(scratch_t) *s)
{
    const int last = net->n_layers - 1, clips = rule->clip_norm > 0;
    const int64_t *sizes = net->sizes;
    NAME(step_t) step = NAME(make_step)(rule), *by = &step;
    T **deltas = s->deltas, **outputs = s->outputs;
    double loss = 0;
    for (int64_t t = 0; t < n_order; t++) {
        const int64_t row = order[t];
        NAME(forward_row)(net, at.params, X, row, outputs);
        const T *y = NAME(target_of)(Y, row, sizes[last + 1], s->one_hot);
        const double of_row = NAME(loss_and_delta)(net, outputs[last], y, deltas[last],
                                                   sizes[last + 1]);
        /* In a batch of one, a weight cancels but for the penalty's share. */
        loss += weights ? weights[row] * of_row : of_row;
        if (weights) by->alpha = (T)(rule->alpha / weights[row]);
        NAME(next_step)(rule, by);
        for (int l = last; l > 0; l--) {
            NAME(backward_layer)(kind, clips, by, at, net->weights_at[l], deltas[l],
                                 outputs[l - 1], deltas[l - 1], sizes[l], sizes[l + 1]);
            NAME(times_derivative)(net->activation[l - 1], deltas[l - 1], outputs[l - 1],
                                   sizes[l]);
        }
        if (clips) {
            NAME(clip_row)(net, rule->clip_norm, X, row, s);
            for (int l = last; l > 0; l--)
                NAME(update_layer)(kind, by, at, net->weights_at[l], deltas[l],
                                   outputs[l - 1], sizes[l], sizes[l + 1]);
        }
        NAME(update_first_layer)(kind, by, at, net, X, row, deltas[0], s);
        for (int l = 0; l <= last; l++)
            NAME(update_biases)(kind, by, at, net->biases_at[l], deltas[l], sizes[l + 1]);
    }
    return loss;
}

/* The rule is made a constant, so that each gets loops of its own. */
CLONED double NAME(run_online)(const shape_t *net, rule_t *rule, NAME(vectors_t) at,
                               const NAME(rows_t) *X, const NAME(targets_t) *Y,
                               const int64_t *order, int64_t n_order, const T *weights,
                               NAME(scratch_t) *s)
{
#define RUN(kind) NAME(online)(kind, net, rule, at, X, Y, order, n_order, weights, s)
    switch (rule->updater) {
    case MOMENTUM: return RUN(MOMENTUM);
    case NESTEROV: return RUN(NESTEROV);
    case ADAM: return RUN(ADAM);
    default: return rule->alpha == 0 ? RUN(PLAIN_DESCENT) : RUN(GRADIENT_DESCENT);
    }
#undef RUN
}

/* ---- Many rows: mini-batch and batch learning ---- */

/* C = op(A) op(B) + beta C in column-major order. */
INLINE void NAME(multiply)(NAME(gemm_t) gemm, char op_a, char op_b, int64_t m, int64_t n,
                           int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb, T beta,
                           T *c, int64_t ldc)
{
    T one = 1;
    int m_ = (int)m, n_ = (int)n, k_ = (int)k;
    int lda_ = (int)lda, ldb_ = (int)ldb, ldc_ = (int)ldc;
    gemm(&op_a, &op_b, &m_, &n_, &k_, &one, (T *)a, &lda_, (T *)b, &ldb_, &beta, c, &ldc_);
}

/* The same scratch as online, with room for a chunk of rows, and the gradient. */
typedef struct {
    NAME(scratch_t) rows;
    T *gradient;
    int64_t chunk;
    NAME(gemm_t) gemm;
} NAME(batch_scratch_t);

INLINE void NAME(forward_chunk)(const shape_t *net, const T *params, const NAME(rows_t) *X,
                                const int64_t *order, int64_t n, NAME(batch_scratch_t) *s)
{
    const int64_t n_in = net->sizes[0];
    T **outputs = s->rows.outputs;
    for (int l = 0; l < net->n_layers; l++) {
        const int64_t n_out = net->sizes[l + 1];
        for (int64_t t = 0; t < n; t++)
            NAME(copy)(outputs[l] + t * n_out, params + net->biases_at[l], n_out);
        if (l > 0) {
            NAME(multiply)(s->gemm, 'T', 'N', n_out, n, net->sizes[l],
                           params + net->weights_at[l], net->sizes[l], outputs[l - 1],
                           net->sizes[l], 1, outputs[l], n_out);
        } else if (X->dense) {
            for (int64_t t = 0; t < n; t++)
                NAME(copy)(s->rows.input + t * n_in, X->dense + order[t] * n_in, n_in);
            NAME(multiply)(s->gemm, 'N', 'N', n_out, n, n_in, params, n_out, s->rows.input,
                           n_in, 1, outputs[0], n_out);
        } else {
            for (int64_t t = 0; t < n; t++)
                NAME(add_sparse_inputs)(outputs[0] + t * n_out, X, order[t], params, n_out);
        }
        if (l < net->n_layers - 1)
            NAME(activate)(net->activation[l], outputs[l], n * n_out);
    }
}

/* Add a chunk's gradient; the first chunk of a batch overwrites. */
INLINE void NAME(backward_chunk)(const shape_t *net, const T *params, const NAME(rows_t) *X,
                                 const int64_t *order, int64_t n, int first,
                                 NAME(batch_scratch_t) *s)
{
    const T keep = first ? 0 : 1;
    T **outputs = s->rows.outputs, **deltas = s->rows.deltas;
    for (int l = net->n_layers - 1; l >= 0; l--) {
        const int64_t n_in = net->sizes[l], n_out = net->sizes[l + 1];
        T *gradient = s->gradient + net->weights_at[l];
        T *of_biases = s->gradient + net->biases_at[l];
        if (first) memset(of_biases, 0, n_out * sizeof(T));
        for (int64_t t = 0; t < n; t++) {
            const T *RESTRICT delta = deltas[l] + t * n_out;
            SIMD for (int64_t j = 0; j < n_out; j++) of_biases[j] += delta[j];
        }
        if (l > 0) {
            NAME(multiply)(s->gemm, 'N', 'T', n_in, n_out, n, outputs[l - 1], n_in, deltas[l],
                           n_out, keep, gradient, n_in);
            NAME(multiply)(s->gemm, 'N', 'N', n_in, n, n_out, params + net->weights_at[l],
                           n_in, deltas[l], n_out, 0, deltas[l - 1], n_in);
            NAME(times_derivative)(net->activation[l - 1], deltas[l - 1], outputs[l - 1],
                                   n * n_in);
        } else if (X->dense) {
            NAME(multiply)(s->gemm, 'N', 'T', n_out, n_in, n, deltas[0], n_out, s->rows.input,
                           n_in, keep, gradient, n_out);
        } else {
            if (first) memset(gradient, 0, n_in * n_out * sizeof(T));
            for (int64_t t = 0; t < n; t++) {
                const T *RESTRICT delta = deltas[0] + t * n_out;
                for (int64_t k = X->starts[order[t]]; k < X->starts[order[t] + 1]; k++) {
                    T *RESTRICT of_input = gradient + (int64_t)X->columns[k] * n_out;
                    const T x = X->values[k];
                    SIMD for (int64_t j = 0; j < n_out; j++) of_input[j] += x * delta[j];
                }
            }
        }
    }
}

INLINE void NAME(update_all)(const int kind, const NAME(step_t) *by, T alpha,
                             NAME(vectors_t) at, const T *RESTRICT gradient, int64_t from,
                             int64_t to, T share)
{
    T *w = at.params, *m = at.slots[0], *v = at.slots[1];
    SIMD for (int64_t i = from; i < to; i++) {
        const T g = gradient[i] * share;
        NAME(step)(kind, by, alpha, w + i, m + i, v + i, g, by->rate * g, 1);
    }
}

CLONED double NAME(run_batches)(const shape_t *net, rule_t *rule, NAME(vectors_t) at,
                                const NAME(rows_t) *X, const NAME(targets_t) *Y,
                                const int64_t *order, int64_t n_order, int64_t batch_size,
                                const T *weights, NAME(batch_scratch_t) *s)
{
    const int last = net->n_layers - 1;
    const int64_t n_outputs = net->sizes[last + 1];
    const int64_t n_weights = net->biases_at[0], n_params = net->biases_at[net->n_layers];
    NAME(step_t) step = NAME(make_step)(rule), *by = &step;
    double loss = 0;
    for (int64_t begin = 0; begin < n_order; begin += batch_size) {
        const int64_t end = begin + batch_size < n_order ? begin + batch_size : n_order;
        double total = 0;
        for (int64_t from = begin; from < end; from += s->chunk) {
            const int64_t n = from + s->chunk < end ? s->chunk : end - from;
            const int64_t *rows = order + from;
            NAME(forward_chunk)(net, at.params, X, rows, n, s);
            for (int64_t t = 0; t < n; t++) {
                T *delta = s->rows.deltas[last] + t * n_outputs;
                const T weight = weights ? weights[rows[t]] : 1;
                const T *y = NAME(target_of)(Y, rows[t], n_outputs, s->rows.one_hot);
                loss += weight * NAME(loss_and_delta)(net,
                                                      s->rows.outputs[last] + t * n_outputs,
                                                      y, delta, n_outputs);
                if (weights)
                    for (int64_t j = 0; j < n_outputs; j++) delta[j] *= weight;
                total += weight;
            }
            NAME(backward_chunk)(net, at.params, X, rows, n, from == begin, s);
        }
        NAME(next_step)(rule, by);
        T share = (T)(1 / total);
        const T alpha = (T)(rule->alpha / total);
        if (rule->clip_norm > 0) {
            const double norm = sqrt(NAME(square_sum)(s->gradient, n_params)) / total;
            if (norm > rule->clip_norm) share *= (T)(rule->clip_norm / norm);
        }
#define RUN(kind)                                                                    \
    do {                                                                             \
        NAME(update_all)(kind, by, alpha, at, s->gradient, 0, n_weights, share);     \
        NAME(update_all)(kind, by, 0, at, s->gradient, n_weights, n_params, share);  \
    } while (0)
        switch (rule->updater) {
        case MOMENTUM: RUN(MOMENTUM); break;
        case NESTEROV: RUN(NESTEROV); break;
        case ADAM: RUN(ADAM); break;
        default: RUN(GRADIENT_DESCENT);
        }
#undef RUN
    }
    return loss;
}

/* ---- Memory, and the one entry ---- */

static T *NAME(take)(T **free_space, int64_t n)
{
    T *taken = *free_space;
    *free_space += (n + 15) / 16 * 16;  /* whole cache lines */
    return taken;
}

static int64_t NAME(chunk_rows)(const shape_t *net, int64_t batch_size)
{
    int64_t widest = 1, chunk = CHUNK_ROWS;
    for (int l = 0; l <= net->n_layers; l++)
        if (net->sizes[l] > widest) widest = net->sizes[l];
    if (chunk > CHUNK_ELEMENTS / widest) chunk = CHUNK_ELEMENTS / widest;
    if (chunk > batch_size) chunk = batch_size;
    return chunk > 0 ? chunk : 1;
}

/* Returns the summed loss, or NaN with *failed set when there is no memory. */
static double NAME(run_epoch)(const shape_t *net, rule_t *rule, const job_t *job, int *failed)
{
    const NAME(vectors_t) at = {job->params, {job->slots[0], job->slots[1]}};
    const NAME(rows_t) X = {job->dense, job->values, job->columns, job->starts};
    const NAME(targets_t) Y = {job->targets, job->classes};
    const int batched = job->batch_size > 1;
    const int64_t chunk = batched ? NAME(chunk_rows)(net, job->batch_size) : 1;
    const int64_t n_params = batched ? net->biases_at[net->n_layers] : 0;
    const int64_t n_in = net->sizes[0], n_first = net->sizes[1];
    const int64_t n_outputs = net->sizes[net->n_layers];
    int64_t size = chunk * n_in + n_first + n_outputs + n_params + 4 * 16;
    for (int l = 1; l <= net->n_layers; l++) size += 2 * (chunk * net->sizes[l] + 16);

    T *space = calloc(size, sizeof(T));
    T **layers = malloc(2 * net->n_layers * sizeof(T *));
    double loss = NAN;
    *failed = !space || !layers;
    if (!*failed) {
        T *left = space;
        NAME(batch_scratch_t) s;
        s.chunk = chunk;
        s.gemm = (NAME(gemm_t))job->gemm;
        s.rows.outputs = layers;
        s.rows.deltas = layers + net->n_layers;
        for (int l = 0; l < net->n_layers; l++) {
            layers[l] = NAME(take)(&left, chunk * net->sizes[l + 1]);
            layers[net->n_layers + l] = NAME(take)(&left, chunk * net->sizes[l + 1]);
        }
        s.rows.rated = NAME(take)(&left, n_first);
        s.rows.one_hot = NAME(take)(&left, n_outputs);
        s.rows.input = NAME(take)(&left, chunk * n_in);
        s.gradient = NAME(take)(&left, n_params);
        loss = batched ? NAME(run_batches)(net, rule, at, &X, &Y, job->order, job->n_order,
                                           job->batch_size, job->weights, &s)
                       : NAME(run_online)(net, rule, at, &X, &Y, job->order, job->n_order,
                                          job->weights, &s.rows);
    }
    free(layers);
    free(space);
    return loss;
}

static void NAME(hash_dense)(const T *x, int64_t n_rows, int64_t n_columns,
                             const uint64_t *keys, uint64_t *hashes)
{
    for (int64_t row = 0; row < n_rows; row++, x += n_columns) {
        uint64_t hash = 0;
        for (int64_t j = 0; j < n_columns; j++) hash += hash_value(x[j], keys[j]);
        hashes[row] = hash;
    }
}

static void NAME(hash_sparse)(const T *values, const int32_t *columns, const int64_t *starts,
                              int64_t n_rows, int64_t first_column, uint64_t *hashes)
{
    for (int64_t row = 0; row < n_rows; row++) {
        uint64_t hash = 0;
        for (int64_t k = starts[row]; k < starts[row + 1]; k++)
            hash += hash_value(values[k], column_key(first_column + columns[k]));
        hashes[row] = hash;
    }
}
