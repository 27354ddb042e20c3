/* One row at a time: online learning. */

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

/* Scratch space of one row. */
typedef struct {
    T **outputs, **deltas;
    T **slopes;              /* f'(z) of each layer, where it is not taken of the outputs */
    T *rated;                /* rate * delta of the first layer */
    T *input;                /* a sparse row spelled out; kept zero between rows */
    T *one_hot;
} NAME(scratch_t);

/* From a hidden layer's weighted sums to what it hands on. */
INLINE void NAME(finish_layer)(const shape_t *net, const rule_t *rule, int layer,
                               int64_t presentation, T *outputs, T *slopes)
{
    const int64_t n = net->sizes[layer + 1];
    NAME(activate)(net->activation[layer], outputs, slopes, n);
    if (rule->dropout && rule->dropout[layer] > 0)
        NAME(drop)(net->activation[layer], rule->dropout[layer], rule->seed, presentation,
                   layer, outputs, slopes, n);
}

INLINE void NAME(forward_row)(const shape_t *net, const rule_t *rule, const T *params,
                              const NAME(rows_t) *X, int64_t row, int64_t presentation,
                              NAME(scratch_t) *s)
{
    T **outputs = s->outputs;
    const int64_t n_first = net->sizes[1];
    NAME(copy)(outputs[0], params + net->biases_at[0], n_first);
    if (X->dense)
        NAME(add_inputs)(outputs[0], X->dense + row * net->sizes[0], params, net->sizes[0],
                         n_first);
    else
        NAME(add_sparse_inputs)(outputs[0], X, row, params, n_first);
    for (int l = 1; l < net->n_layers; l++) {
        NAME(finish_layer)(net, rule, l - 1, presentation, outputs[l - 1], s->slopes[l - 1]);
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
            NAME(step)(rule, by, 1, w + i, m + i, v + i, d, rated, signal[i]);
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
            NAME(step)(rule, by, 1, w + i, m + i, v + i, d, rated, signal[i]);
    }
}

/* The weights of one input of the first layer. */
INLINE void NAME(update_input)(int rule, const NAME(step_t) *by, NAME(vectors_t) at,
                               int64_t offset, T signal, const T *RESTRICT delta,
                               const T *RESTRICT rated, int64_t n)
{
    T *w = at.params + offset, *m = at.slots[0] + offset, *v = at.slots[1] + offset;
    SIMD for (int64_t j = 0; j < n; j++)
        NAME(step)(rule, by, 1, w + j, m + j, v + j, delta[j], rated[j], signal);
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
        NAME(forward_row)(net, rule, at.params, X, row, rule->presented + t, s);
        const T *y = NAME(target_of)(Y, row, sizes[last + 1], s->one_hot);
        const double of_row = NAME(loss_and_delta)(net, outputs[last], y, deltas[last],
                                                   s->slopes[last], sizes[last + 1]);
        /* In a batch of one, a weight cancels but for the penalties' share. */
        loss += weights ? weights[row] * of_row : of_row;
        if (weights) {
            by->alpha = (T)(rule->alpha / weights[row]);
            by->l1 = (T)(rule->l1 / weights[row]);
        }
        NAME(next_step)(rule, by);
        for (int l = last; l > 0; l--) {
            NAME(backward_layer)(kind, clips, by, at, net->weights_at[l], deltas[l],
                                 outputs[l - 1], deltas[l - 1], sizes[l], sizes[l + 1]);
            NAME(times_derivative)(net->activation[l - 1], deltas[l - 1], outputs[l - 1],
                                   s->slopes[l - 1], sizes[l]);
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
        if (rule->max_norm > 0) NAME(confine)(net, rule->max_norm, at.params, s->rated);
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
    case RMSPROP: return RUN(RMSPROP);
    default:
        if (rule->alpha > 0 || rule->l1 > 0) return RUN(GRADIENT_DESCENT);
        return rule->weight_decay > 0 ? RUN(DECAYED_DESCENT) : RUN(PLAIN_DESCENT);
    }
#undef RUN
}
