/* Exact online learning in blocks, for first layers that are large.
 *
 * The rows to come are known. So the first layer's weighted sums of a whole block are one
 * matrix product, W' X, to which each row adds what the rows before it in the block have
 * taught: their deltas, times how alike the inputs are (the Gram matrix X X'). The weights
 * themselves are updated once, at the block's end. The result is that of row by row but for
 * rounding.
 *
 * Decay, the L2 penalty and momentum act on a weight w and its velocity v by one constant
 * matrix A per step, and a gradient g adds u g:
 *
 *     (w, v) <- A (w, v) + u g
 *
 * so that what a delta means m steps later is A^m u, and the old weights have become A^t.
 */

typedef struct {
    double ww[BLOCK + 1], wv[BLOCK + 1], vw[BLOCK + 1], vv[BLOCK + 1];  /* A^t */
    double w[BLOCK], v[BLOCK];                                          /* A^m u */
} NAME(block_recurrence_t);

typedef struct {
    T *x;                    /* BLOCK rows of inputs */
    T *sums, *of_velocity;   /* X W and X V: a row of neurons each */
    T *gram;                 /* BLOCK x BLOCK */
    T *deltas, *scaled;      /* of the first layer, a row of neurons each */
    NAME(gemm_t) gemm;
} NAME(block_t);

/* C = op(A) op(B) + beta C in column-major order. */
/* Shapes: op(A) (m, k); op(B) (k, n); C (m, n). */
INLINE void NAME(multiply)(NAME(gemm_t) gemm, char op_a, char op_b, int64_t m, int64_t n,
                           int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb, T beta,
                           T *c, int64_t ldc)
{
    T one = 1;
    int m_ = (int)m, n_ = (int)n, k_ = (int)k;
    int lda_ = (int)lda, ldb_ = (int)ldb, ldc_ = (int)ldc;
    gemm(&op_a, &op_b, &m_, &n_, &k_, &one, (T *)a, &lda_, (T *)b, &ldb_, &beta, c, &ldc_);
}

static int NAME(use_blocked_online)(int kind, const network_t *net, const optimizer_t *rule,
                            const NAME(rows_t) *X, const T *weights, int64_t n_order)
{
    const int linear = kind == PLAIN_DESCENT || kind == DECAYED_DESCENT || kind == MOMENTUM
                       || kind == NESTEROV;
    return linear && X->dense && !weights && rule->l1 == 0 && rule->max_norm == 0
           && !rule->guarded && n_order >= BLOCK / 2
           && net->sizes[0] * net->sizes[1] >= BLOCK_PAYS && net->sizes[0] >= BLOCK;
}

static void NAME(unroll_recurrence)(const optimizer_t *rule, NAME(block_recurrence_t) *r)
{
    const double rate = rule->rate, pull = rate * rule->alpha, mu = rule->hyperparams[0];
    const double keep = 1 - rate * rule->weight_decay;
    double a = keep - pull, b = 0, c = 0, d = 0, of_w = -rate, of_v = 0;
    if (rule->update_rule == MOMENTUM || rule->update_rule == NESTEROV) {
        const double ahead = rule->update_rule == NESTEROV;
        a = keep - pull * (1 + ahead * mu);
        b = ahead ? mu * mu : mu;
        c = -pull;
        d = mu;
        of_w = -rate * (1 + ahead * mu);
        of_v = -rate;
    }
    r->ww[0] = r->vv[0] = 1;
    r->wv[0] = r->vw[0] = 0;
    for (int t = 0; t < BLOCK; t++) {
        r->w[t] = r->ww[t] * of_w + r->wv[t] * of_v;
        r->v[t] = r->vw[t] * of_w + r->vv[t] * of_v;
        r->ww[t + 1] = r->ww[t] * a + r->wv[t] * c;
        r->wv[t + 1] = r->ww[t] * b + r->wv[t] * d;
        r->vw[t + 1] = r->vw[t] * a + r->vv[t] * c;
        r->vv[t + 1] = r->vw[t] * b + r->vv[t] * d;
    }
}

/* The first layer's weighted sums of row t of a block. */
/* Shapes: biases, z (n); b->sums, b->of_velocity, b->deltas (BLOCK, n). */
INLINE void NAME(sums_in_block)(const NAME(block_recurrence_t) *r, const NAME(block_t) *b,
                                int t, int has_velocity, const T *RESTRICT biases, int64_t n,
                                T *RESTRICT z)
{
    const T *RESTRICT sums = b->sums + t * n, *RESTRICT of_velocity = b->of_velocity + t * n;
    const T ww = (T)r->ww[t], wv = (T)r->wv[t];
    if (has_velocity) {
        SIMD for (int64_t j = 0; j < n; j++)
            z[j] = biases[j] + ww * sums[j] + wv * of_velocity[j];
    } else {
        SIMD for (int64_t j = 0; j < n; j++) z[j] = biases[j] + ww * sums[j];
    }
    int s = 0;
    for (; s + 2 <= t; s += 2) {
        const T *RESTRICT first = b->deltas + s * n, *RESTRICT second = first + n;
        const T f = (T)(r->w[t - 1 - s] * b->gram[s * BLOCK + t]);
        const T g = (T)(r->w[t - 2 - s] * b->gram[(s + 1) * BLOCK + t]);
        SIMD for (int64_t j = 0; j < n; j++) z[j] += f * first[j] + g * second[j];
    }
    if (s < t) {
        const T *RESTRICT first = b->deltas + s * n;
        const T f = (T)(r->w[t - 1 - s] * b->gram[s * BLOCK + t]);
        SIMD for (int64_t j = 0; j < n; j++) z[j] += f * first[j];
    }
}

/* target <- beta * target + X' (shares * deltas), the shares of later rows first. */
/* Shapes: shares (size); target (n_in, n). */
INLINE void NAME(add_deltas)(const NAME(block_t) *b, const double *shares, int size, T beta,
                             T *target, int64_t n_in, int64_t n)
{
    for (int s = 0; s < size; s++) {
        const T share = (T)shares[size - 1 - s];
        for (int64_t j = 0; j < n; j++) b->scaled[s * n + j] = share * b->deltas[s * n + j];
    }
    NAME(multiply)(b->gemm, 'N', 'T', n, n_in, size, b->scaled, n, b->x, n_in, beta, target, n);
}

/* The block's end: all its deltas reach the weights, and the velocities. */
/* Shapes: the first layer's weights and velocities (n_in, n). */
INLINE void NAME(end_block)(const NAME(block_recurrence_t) *r, const NAME(block_t) *b, int size,
                            int has_velocity, NAME(param_buffers_t) at, int64_t n_in, int64_t n)
{
    if (!has_velocity) {
        NAME(add_deltas)(b, r->w, size, (T)r->ww[size], at.params, n_in, n);
        return;
    }
    T *RESTRICT w = at.params, *RESTRICT v = at.slots[0];
    const T ww = (T)r->ww[size], wv = (T)r->wv[size];
    const T vw = (T)r->vw[size], vv = (T)r->vv[size];
    SIMD for (int64_t i = 0; i < n_in * n; i++) {
        const T before = w[i];
        w[i] = ww * before + wv * v[i];
        v[i] = vw * before + vv * v[i];
    }
    NAME(add_deltas)(b, r->w, size, 1, w, n_in, n);
    NAME(add_deltas)(b, r->v, size, 1, v, n_in, n);
}

/* Shapes: as run_online, with dense X. */
CLONED static double NAME(run_blocks)(int kind, const network_t *net, optimizer_t *rule,
                                      NAME(param_buffers_t) at, const NAME(rows_t) *X,
                                      const NAME(targets_t) *Y, const int64_t *order,
                                      int64_t n_order, NAME(scratch_t) *s, NAME(block_t) *b)
{
    const int64_t n_in = net->sizes[0], n = net->sizes[1];
    const int64_t n_outputs = net->sizes[net->n_layers];
    const int has_velocity = kind == MOMENTUM || kind == NESTEROV;
    NAME(step_args_t) step = NAME(make_step)(rule), *by = &step;
    NAME(block_recurrence_t) r;
    NAME(scale_penalties)(kind, rule, 1, by);
    NAME(unroll_recurrence)(rule, &r);
    double loss = 0;
    for (int64_t begin = 0; begin < n_order; begin += BLOCK) {
        const int size = (int)(n_order - begin < BLOCK ? n_order - begin : BLOCK);
        NAME(gather)(b->x, X->dense, order + begin, size, n_order - begin, n_in);
        NAME(multiply)(b->gemm, 'N', 'N', n, size, n_in, at.params, n, b->x, n_in, 0, b->sums,
                       n);
        if (has_velocity)
            NAME(multiply)(b->gemm, 'N', 'N', n, size, n_in, at.slots[0], n, b->x, n_in, 0,
                           b->of_velocity, n);
        NAME(multiply)(b->gemm, 'T', 'N', size, size, n_in, b->x, n_in, b->x, n_in, 0, b->gram,
                       BLOCK);
        for (int t = 0; t < size; t++) {
            const int64_t row = order[begin + t];
            NAME(sums_in_block)(&r, b, t, has_velocity, at.params + net->biases_at[0], n,
                                s->outputs[0]);
            NAME(forward_upper_layers)(net, rule, at.params, rule->samples_seen + begin + t, s);
            loss += NAME(backward_upper_layers)(kind, net, rule, by, at,
                                      NAME(target_of)(net, Y, row, n_outputs, s->one_hot),
                                      b->gram[t * BLOCK + t], s);
            NAME(copy)(b->deltas + t * n, s->deltas[0], n);
        }
        NAME(end_block)(&r, b, size, has_velocity, at, n_in, n);
    }
    return loss;
}
