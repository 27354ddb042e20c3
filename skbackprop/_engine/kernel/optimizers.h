/* Optimizers: what an update does to the parameters. */

typedef struct {
    T rate, alpha, l1, keep;       /* keep: what decay leaves of a weight */
    T hyperparams[MAX_HYPERPARAMS];
    T corrected;                   /* the rate with the bias corrections folded in */
} NAME(step_args_t);

INLINE T NAME(sign)(T x) { return (T)((x > 0) - (x < 0)); }

INLINE T NAME(root)(T x)
{
#ifdef _MSC_VER
    return (T)sqrt(x);
#else
    return sizeof(T) == 4 ? sqrtf((float)x) : (T)sqrt(x);
#endif
}

/* One parameter w with this gradient of the loss; m, v and x are its entries in the slots. */
INLINE void NAME(step)(int rule, const NAME(step_args_t) *by, int is_weight, T *w, T *m, T *v,
                       T *x, T gradient)
{
    const T first = by->hyperparams[0], second = by->hyperparams[1];
    const T third = by->hyperparams[2], fourth = by->hyperparams[3];
    if (is_weight) {
        gradient += by->alpha * *w + by->l1 * NAME(sign)(*w);
        *w *= by->keep;
    }
    switch (rule) {
    case GRADIENT_DESCENT:
        *w -= by->rate * gradient;
        break;
    case MOMENTUM:
        *m = first * *m - by->rate * gradient;
        *w += *m;
        break;
    case NESTEROV:
        *m = first * *m - by->rate * gradient;
        *w += first * *m - by->rate * gradient;
        break;
    case ADAM:
        *m = first * *m + (1 - first) * gradient;
        *v = second * *v + (1 - second) * (gradient * gradient);
        *w -= by->corrected * *m / (NAME(root)(*v) + third);
        break;
    case AMSGRAD:
        *m = first * *m + (1 - first) * gradient;
        *v = second * *v + (1 - second) * (gradient * gradient);
        *x = *v <= *x ? *x : *v; /* NaN stays NaN */
        *w -= by->corrected * *m / (NAME(root)(*x) + third);
        break;
    case RMSPROP:
        *m = first * *m + (1 - first) * (gradient * gradient);
        *w -= by->corrected * gradient / (NAME(root)(*m) + second);
        break;
    case RPROP: {
        const T agreement = *m * gradient, size = *v == 0 ? by->rate : *v;
        const T grown = size * first < third ? size * first : third;
        const T shrunk = size * second > fourth ? size * second : fourth;
        *v = agreement > 0 ? grown : agreement < 0 ? shrunk : size;
        *m = agreement < 0 ? 0 : gradient;
        *w -= NAME(sign)(*m) * *v;
        break;
    }
    case ACCUMULATE:
        *m = gradient;
        break;
    }
}

/* n parameters in a row, from `at` on in each vector, with gradient factor * values. The
 * rule is made a constant, so that each gets a loop of its own. */
/* Shapes: each of the vectors (n_params); values (n). */
CLONED static void NAME(update_by_rule)(int rule, const NAME(step_args_t) *by, int is_weight,
                                        NAME(param_buffers_t) vectors, int64_t at, T factor,
                                        const T *RESTRICT values, int64_t n)
{
    T *w = vectors.params + at, *m = vectors.slots[0] + at, *v = vectors.slots[1] + at;
    T *x = vectors.slots[2] + at;
#define RUN(rule, is_weight)                                                             \
    {                                                                                    \
        SIMD for (int64_t i = 0; i < n; i++)                                             \
            NAME(step)(rule, by, is_weight, w + i, m + i, v + i, x + i,              \
                       factor * values[i]);                                              \
    }
#define RULE(rule)                                                                       \
    case rule:                                                                           \
        if (is_weight) RUN(rule, 1) else RUN(rule, 0)                                    \
        break
    switch (rule) {
        RULE(GRADIENT_DESCENT);
        RULE(MOMENTUM);
        RULE(NESTEROV);
        RULE(ADAM);
        RULE(AMSGRAD);
        RULE(RMSPROP);
        RULE(RPROP);
        RULE(ACCUMULATE);
    }
#undef RULE
#undef RUN
}

/* The same, with the two cheapest rules, which online learning lives by, on the spot. */
/* Shapes: each of the vectors (n_params); values (n). */
INLINE void NAME(update)(int rule, const NAME(step_args_t) *by, int is_weight,
                         NAME(param_buffers_t) vectors, int64_t at, T factor,
                         const T *RESTRICT values, int64_t n)
{
    T *RESTRICT w = vectors.params + at;
    const T rated = by->rate * factor, keep = is_weight ? by->keep : 1;
    if (rule == PLAIN_DESCENT) {
        SIMD for (int64_t i = 0; i < n; i++) w[i] -= rated * values[i];
    } else if (rule == DECAYED_DESCENT) {
        SIMD for (int64_t i = 0; i < n; i++) w[i] = keep * w[i] - rated * values[i];
    } else {
        NAME(update_by_rule)(rule, by, is_weight, vectors, at, factor, values, n);
    }
}

/* Count one more update; bias corrections are folded into the rate. */
INLINE void NAME(next_step)(optimizer_t *rule, NAME(step_args_t) *by)
{
    const int correction = UPDATE_RULE_CORRECTIONS[rule->update_rule];
    double *power = rule->beta_powers;
    if (correction == NO_CORRECTION) return;
    for (int i = 0; i < 2; i++) {
        power[i] *= rule->hyperparams[i];
        if (power[i] < 1e-300) power[i] = 0;
    }
    by->corrected = (T)(correction == OF_BOTH_MOMENTS
                            ? rule->rate * sqrt(1 - power[1]) / (1 - power[0])
                            : rule->rate * sqrt(1 - power[0]));
}

INLINE NAME(step_args_t) NAME(make_step)(const optimizer_t *rule)
{
    NAME(step_args_t) by = {.rate = (T)rule->rate};
    for (int i = 0; i < MAX_HYPERPARAMS; i++) by.hyperparams[i] = (T)rule->hyperparams[i];
    return by;
}

/* The penalties' share in a batch of this weight. Where descent is merely decayed, the L2
 * penalty is part of the decay. */
INLINE void NAME(scale_penalties)(int kind, const optimizer_t *rule, double weight,
                                  NAME(step_args_t) *by)
{
    const double alpha = rule->alpha / weight;
    by->alpha = (T)alpha;
    by->l1 = (T)(rule->l1 / weight);
    by->keep = (T)(1 - rule->rate * (rule->weight_decay
                                     + (kind == DECAYED_DESCENT ? alpha : 0)));
}

/* Shapes: values (n). */
INLINE double NAME(square_sum)(const T *RESTRICT values, int64_t n)
{
    T sum = 0;
    PRAGMA(omp simd reduction(+ : sum))
    for (int64_t i = 0; i < n; i++) sum += values[i] * values[i];
    return sum;
}

/* Shorten the incoming weights of neurons where their norm is above the limit. norms has
 * room for the first layer's neurons. */
/* Shapes: params (n_params); norms (n_first). */
CLONED static void NAME(apply_max_norm)(const network_t *net, double max_norm, T *params,
                                 T *RESTRICT norms)
{
    const int64_t n_in = net->sizes[0], n_first = net->sizes[1];
    memset(norms, 0, n_first * sizeof(T));
    for (int64_t i = 0; i < n_in; i++) {
        const T *RESTRICT w = params + i * n_first;
        SIMD for (int64_t j = 0; j < n_first; j++) norms[j] += w[j] * w[j];
    }
    for (int64_t j = 0; j < n_first; j++) {
        const double norm = sqrt((double)norms[j]);
        norms[j] = norm > max_norm ? (T)(max_norm / norm) : 1;
    }
    for (int64_t i = 0; i < n_in; i++) {
        T *RESTRICT w = params + i * n_first;
        SIMD for (int64_t j = 0; j < n_first; j++) w[j] *= norms[j];
    }
    for (int l = 1; l < net->n_layers; l++) {
        T *w = params + net->weights_at[l];
        for (int64_t j = 0; j < net->sizes[l + 1]; j++, w += net->sizes[l]) {
            const double norm = sqrt(NAME(square_sum)(w, net->sizes[l]));
            if (!(norm > max_norm)) continue;
            const T factor = (T)(max_norm / norm);
            SIMD for (int64_t i = 0; i < net->sizes[l]; i++) w[i] *= factor;
        }
    }
}
