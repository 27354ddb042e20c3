/* One row at a time: online learning. */

/* Scratch space of one row. */
typedef struct {
    T **outputs, **deltas;
    T **slopes;              /* f'(z) of each layer, where it is not taken of the outputs */
    T *norms;                /* one number per neuron of the first layer */
    T *input;                /* a sparse row spelled out; kept zero between rows */
    T *one_hot;
} NAME(scratch_t);

/* Shapes: to, from (n). */
INLINE void NAME(copy)(T *RESTRICT to, const T *RESTRICT from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) to[i] = from[i];
}

/* At presentation t of `n_known`, let the inputs of a later one come near. */
/* Shapes: X (n_rows, n_in); order (n_known). */
INLINE void NAME(prefetch_rows)(const T *X, const int64_t *order, int64_t t, int64_t n_known,
                              int64_t n_in)
{
    if (t + ROWS_AHEAD >= n_known) return;
    const char *row = (const char *)(X + order[t + ROWS_AHEAD] * n_in);
    for (int64_t k = 0; k < n_in * (int64_t)sizeof(T); k += CACHE_LINE) PREFETCH(row + k);
}

/* The same for its targets. */
/* Shapes: order (n_known). */
INLINE void NAME(prefetch_targets)(const NAME(targets_t) *Y, const int64_t *order,
                                      int64_t t, int64_t n_known, int64_t n_outputs)
{
    if (t + ROWS_AHEAD >= n_known) return;
    const int64_t row = order[t + ROWS_AHEAD];
    if (Y->matrix)
        PREFETCH(Y->matrix + row * n_outputs);
    else
        PREFETCH(Y->classes + row);
}

/* Bring together rows that lie anywhere. */
/* Shapes: to (n, n_in); X (n_rows, n_in); order (n_known). */
INLINE void NAME(gather)(T *RESTRICT to, const T *X, const int64_t *order, int64_t n,
                         int64_t n_known, int64_t n_in)
{
    for (int64_t t = 0; t < n; t++) {
        NAME(prefetch_rows)(X, order, t, n_known, n_in);
        NAME(copy)(to + t * n_in, X + order[t] * n_in, n_in);
    }
}

/* z += x W for weights stored input by input, eight inputs at a time. */
/* Shapes: z (n); x (n_in); w (n_in, n). */
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

/* z += factor * x W for a sparse row. */
/* Shapes: z (n); w (n_in, n). */
INLINE void NAME(add_sparse_inputs)(T *RESTRICT z, const NAME(rows_t) *X, int64_t row,
                                    const T *RESTRICT w, T factor, int64_t n)
{
    for (int64_t k = X->starts[row]; k < X->starts[row + 1]; k++) {
        const T x = factor * X->values[k];
        const T *RESTRICT of_input = w + (int64_t)X->columns[k] * n;
        SIMD for (int64_t j = 0; j < n; j++) z[j] += x * of_input[j];
    }
}

/* z = W a + b for weights stored neuron by neuron, four neurons at a time. */
/* Shapes: z, b (n); a (n_in); w (n, n_in). */
INLINE void NAME(dense_forward)(T *RESTRICT z, const T *RESTRICT a, const T *RESTRICT w,
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

/* From a hidden layer's weighted sums to what it hands on. */
/* Shapes: outputs (n); slopes (n) or NULL. */
INLINE void NAME(finish_layer)(const network_t *net, const optimizer_t *rule, int layer,
                               int64_t presentation, T *outputs, T *slopes)
{
    const int64_t n = net->sizes[layer + 1];
    NAME(activate)(net->activation[layer], outputs, slopes, n);
    if (rule->dropout && rule->dropout[layer] > 0)
        NAME(apply_dropout)(net->activation[layer], rule->dropout[layer], rule->seed,
                            presentation, layer, outputs, slopes, n);
}

/* From the first layer's weighted sums to the raw outputs. */
/* Shapes: params (n_params); s->outputs[l] (sizes[l + 1]). */
INLINE void NAME(forward_upper_layers)(const network_t *net, const optimizer_t *rule,
                                       const T *params, int64_t presentation,
                                       NAME(scratch_t) *s)
{
    T **outputs = s->outputs;
    for (int l = 1; l < net->n_layers; l++) {
        NAME(finish_layer)(net, rule, l - 1, presentation, outputs[l - 1], s->slopes[l - 1]);
        NAME(dense_forward)(outputs[l], outputs[l - 1], params + net->weights_at[l],
                    params + net->biases_at[l], net->sizes[l], net->sizes[l + 1]);
    }
}

/* Hand the deltas of a later layer back, and, with `updates`, update its weights in the
 * same pass over them where the rule is cheap. */
/* Shapes: delta (n); signal, back (n_in); the weights at offset (n, n_in). */
INLINE void NAME(backward_layer)(int rule, int updates, const NAME(step_args_t) *by,
                                 NAME(param_buffers_t) at, int64_t offset,
                                 const T *RESTRICT delta, const T *RESTRICT signal,
                                 T *RESTRICT back, int64_t n_in,
                                 int64_t n)
{
    const int at_once = updates && (rule == PLAIN_DESCENT || rule == DECAYED_DESCENT);
    const T keep = by->keep;
    T *RESTRICT w = at.params + offset;
    memset(back, 0, n_in * sizeof(T));
    for (int64_t j = 0; j < n; j++, w += n_in) {
        const T d = delta[j], rated = by->rate * d;
        if (at_once && rule == PLAIN_DESCENT) {
            SIMD for (int64_t i = 0; i < n_in; i++) {
                back[i] += d * w[i];
                w[i] -= rated * signal[i];
            }
        } else if (at_once) {
            SIMD for (int64_t i = 0; i < n_in; i++) {
                back[i] += d * w[i];
                w[i] = keep * w[i] - rated * signal[i];
            }
        } else {
            SIMD for (int64_t i = 0; i < n_in; i++) back[i] += d * w[i];
            if (updates)
                NAME(update_by_rule)(rule, by, 1, at, offset + j * n_in, d, signal, n_in);
        }
    }
}

/* Shorten the deltas so that the row's gradient is no longer than allowed, and return the
 * square of its norm before. The gradient of a layer is the product of its deltas and its
 * inputs, and so is its norm. */
/* Shapes: s->deltas[l] (sizes[l + 1]). */
INLINE double NAME(clip_row)(const network_t *net, double clip_norm, double input_square,
                           NAME(scratch_t) *s)
{
    double square = (1 + input_square) * NAME(square_sum)(s->deltas[0], net->sizes[1]);
    for (int l = 1; l < net->n_layers; l++)
        square += (1 + NAME(square_sum)(s->outputs[l - 1], net->sizes[l]))
                  * NAME(square_sum)(s->deltas[l], net->sizes[l + 1]);
    if (!(square > clip_norm * clip_norm)) return square;
    const T factor = (T)(clip_norm / sqrt(square));
    for (int l = 0; l < net->n_layers; l++)
        for (int64_t j = 0; j < net->sizes[l + 1]; j++) s->deltas[l][j] *= factor;
    return square;
}

/* From the raw outputs of one row: its loss, the deltas of every layer, and the update of
 * all parameters but the first layer's weights. Where `guarded`, a loss or a gradient that
 * is clipped and not finite changes nothing. */
/* Shapes: the vectors of at (n_params); s->deltas[l] (sizes[l + 1]). */
INLINE double NAME(backward_upper_layers)(int kind, const network_t *net,
                                          const optimizer_t *rule, const NAME(step_args_t) *by,
                                          NAME(param_buffers_t) at, NAME(target_t) y,
                                          double input_square, NAME(scratch_t) *s)
{
    const int last = net->n_layers - 1, clips = rule->clip_norm > 0;
    const int64_t *sizes = net->sizes;
    T **deltas = s->deltas, **outputs = s->outputs;
    const double loss = NAME(loss_and_delta)(net, outputs[last], y, deltas[last],
                                             s->slopes[last], sizes[last + 1]);
    if (rule->guarded && !isfinite(loss)) return loss;
    for (int l = last; l > 0; l--) {
        NAME(backward_layer)(kind, !clips, by, at, net->weights_at[l], deltas[l],
                             outputs[l - 1], deltas[l - 1], sizes[l], sizes[l + 1]);
        NAME(times_derivative)(net->activation[l - 1], deltas[l - 1], outputs[l - 1],
                               s->slopes[l - 1], sizes[l]);
    }
    if (clips) {
        const double square = NAME(clip_row)(net, rule->clip_norm, input_square, s);
        if (rule->guarded && !isfinite(square)) return (double)NAN;
        for (int l = last; l > 0; l--)
            for (int64_t j = 0; j < sizes[l + 1]; j++)
                NAME(update)(kind, by, 1, at, net->weights_at[l] + j * sizes[l],
                             deltas[l][j], outputs[l - 1], sizes[l]);
    }
    for (int l = 0; l <= last; l++)
        NAME(update)(kind, by, 0, at, net->biases_at[l], 1, deltas[l], sizes[l + 1]);
    return loss;
}

/* The weights of the first layer, input by input. */
/* Shapes: x (n_in); delta (n); the weights (n_in, n). */
INLINE void NAME(update_first_layer)(int kind, const NAME(step_args_t) *by,
                                     NAME(param_buffers_t) at, const T *x,
                                     const T *RESTRICT delta, int64_t n_in,
                                     int64_t n)
{
    for (int64_t i = 0; i < n_in; i++) NAME(update)(kind, by, 1, at, i * n, x[i], delta, n);
}

/* A sparse row spelled out into zeros, or zeroed again. */
/* Shapes: input (n_in). */
INLINE void NAME(scatter_sparse_row)(const NAME(rows_t) *X, int64_t row, int zero, T *input)
{
    for (int64_t k = X->starts[row]; k < X->starts[row + 1]; k++)
        input[X->columns[k]] = zero ? 0 : input[X->columns[k]] + X->values[k];
}

INLINE double NAME(input_square)(const NAME(rows_t) *X, int64_t row, int64_t n_in)
{
    return X->dense ? NAME(square_sum)(X->dense + row * n_in, n_in)
                    : NAME(square_sum)(X->values + X->starts[row],
                                       X->starts[row + 1] - X->starts[row]);
}

/* Shapes: the vectors of at (n_params); X (n_rows, n_in); order (n_order); weights (n_rows)
 * or NULL. */
CLONED static double NAME(run_online)(int kind, const network_t *net, optimizer_t *rule,
                                      NAME(param_buffers_t) at, const NAME(rows_t) *X,
                                      const NAME(targets_t) *Y, const int64_t *order,
                                      int64_t n_order, const T *weights, NAME(scratch_t) *s)
{
    const int64_t n_in = net->sizes[0], n = net->sizes[1];
    const int64_t n_outputs = net->sizes[net->n_layers];
    /* Only the inputs that are there learn from a sparse row, and what shrinks all weights
     * alike is kept as one factor: the weights are shrunk * params until the end. */
    const int sparsely = !X->dense && rule->max_norm == 0
                         && (kind == PLAIN_DESCENT || kind == DECAYED_DESCENT);
    NAME(step_args_t) step = NAME(make_step)(rule), *by = &step;
    NAME(scale_penalties)(kind, rule, 1, by);
    double loss = 0, shrunk = 1;
    for (int64_t t = 0; t < n_order; t++) {
        const int64_t row = order[t];
        const T *x = X->dense ? X->dense + row * n_in : s->input;
        if (X->dense) NAME(prefetch_rows)(X->dense, order, t, n_order, n_in);
        NAME(prefetch_targets)(Y, order, t, n_order, n_outputs);
        NAME(copy)(s->outputs[0], at.params + net->biases_at[0], n);
        if (X->dense)
            NAME(add_inputs)(s->outputs[0], x, at.params, n_in, n);
        else
            NAME(add_sparse_inputs)(s->outputs[0], X, row, at.params, (T)shrunk, n);
        NAME(forward_upper_layers)(net, rule, at.params, rule->samples_seen + t, s);
        /* In a batch of one, a weight cancels but for the penalties' share. */
        if (weights) NAME(scale_penalties)(kind, rule, weights[row], by);
        NAME(next_step)(rule, by);
        const double square = rule->clip_norm > 0 ? NAME(input_square)(X, row, n_in) : 0;
        const double of_row = NAME(backward_upper_layers)(
            kind, net, rule, by, at, NAME(target_of)(net, Y, row, n_outputs, s->one_hot),
            square, s);
        loss += weights ? weights[row] * of_row : of_row;
        if (rule->guarded && !isfinite(loss)) return loss;
        if (sparsely) {
            const double keep = by->keep;
            if (keep < 0.5 || shrunk < 1e-6) {
                for (int64_t i = 0; i < n_in * n; i++) at.params[i] *= (T)(keep * shrunk);
                shrunk = 1;
            } else {
                shrunk *= keep;
            }
            for (int64_t k = X->starts[row]; k < X->starts[row + 1]; k++) {
                T *RESTRICT w = at.params + (int64_t)X->columns[k] * n;
                const T rated = (T)(by->rate * X->values[k] / shrunk);
                const T *RESTRICT delta = s->deltas[0];
                SIMD for (int64_t j = 0; j < n; j++) w[j] -= rated * delta[j];
            }
            continue;
        }
        if (!X->dense) NAME(scatter_sparse_row)(X, row, 0, s->input);
        NAME(update_first_layer)(kind, by, at, x, s->deltas[0], n_in, n);
        if (!X->dense) NAME(scatter_sparse_row)(X, row, 1, s->input);
        if (rule->max_norm > 0) NAME(apply_max_norm)(net, rule->max_norm, at.params, s->norms);
    }
    if (shrunk != 1)
        for (int64_t i = 0; i < n_in * n; i++) at.params[i] *= (T)shrunk;
    return loss;
}
