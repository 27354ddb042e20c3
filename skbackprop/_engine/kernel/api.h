/* Memory, and the entry points. */

static T *NAME(arena_alloc)(T **free_space, int64_t n)
{
    T *taken = *free_space;
    *free_space += (n + 15) / 16 * 16;  /* whole cache lines */
    return taken;
}

/* Rows that go through the network together: as many as the cache holds with their outputs
 * and deltas, if these are enough for the matrix products, and in chunks of like size. */
static int64_t NAME(chunk_rows)(const network_t *net, int64_t batch_size)
{
    int64_t of_row = 0, most;
    for (int l = 0; l <= net->n_layers; l++) of_row += 2 * net->sizes[l] * sizeof(T);
    most = CACHE_BYTES / of_row;
    if (most < FEWEST_CHUNK_ROWS) most = CHUNK_BYTES / of_row;
    if (most > MOST_CHUNK_ROWS) most = MOST_CHUNK_ROWS;
    if (most < 1) most = 1;
    const int64_t n_chunks = (batch_size + most - 1) / most;
    return n_chunks > 1 ? (batch_size + n_chunks - 1) / n_chunks : batch_size;
}

/* Whether a layer's derivatives are kept beside its outputs. */
static int NAME(has_slopes)(const network_t *net, const optimizer_t *rule, int layer)
{
    return NAME(needs_preactivation)(net->activation[layer])
           || (layer < net->n_layers - 1 && rule->dropout && rule->dropout[layer] > 0);
}

/* Make room for `chunk` rows, a gradient of n_params, and blocks of `block` rows. Returns
 * what has to be freed, or NULL when there is no memory. */
static void *NAME(alloc_scratch)(const network_t *net, const optimizer_t *rule, int64_t chunk,
                             int64_t n_params, int64_t block, gemm_any_t gemm,
                             NAME(batch_scratch_t) *s, NAME(block_t) *b)
{
    const int64_t n_in = net->sizes[0], n_first = net->sizes[1];
    const int64_t n_outputs = net->sizes[net->n_layers], n_layers = net->n_layers;
    int64_t size = chunk * n_in + n_first + n_outputs + n_params + 4 * 16;
    size += block * (n_in + 4 * n_first + BLOCK) + 6 * 16;
    for (int l = 1; l <= n_layers; l++) size += 3 * (chunk * net->sizes[l] + 16);
    const size_t pointers = 3 * n_layers * sizeof(T *);
    char *room = calloc(1, pointers + size * sizeof(T));
    if (!room) return NULL;
    T **layers = (T **)room, *left = (T *)(room + pointers);
    s->chunk = chunk;
    s->gemm = b->gemm = (NAME(gemm_t))gemm;
    s->rows.outputs = layers;
    s->rows.deltas = layers + n_layers;
    s->rows.slopes = layers + 2 * n_layers;
    for (int l = 0; l < n_layers; l++) {
        s->rows.outputs[l] = NAME(arena_alloc)(&left, chunk * net->sizes[l + 1]);
        s->rows.deltas[l] = NAME(arena_alloc)(&left, chunk * net->sizes[l + 1]);
        s->rows.slopes[l] = NAME(has_slopes)(net, rule, l)
                                ? NAME(arena_alloc)(&left, chunk * net->sizes[l + 1])
                                : NULL;
    }
    s->rows.norms = NAME(arena_alloc)(&left, n_first);
    s->rows.one_hot = NAME(arena_alloc)(&left, n_outputs);
    s->rows.input = NAME(arena_alloc)(&left, chunk * n_in);
    s->gradient = NAME(arena_alloc)(&left, n_params);
    b->x = NAME(arena_alloc)(&left, block * n_in);
    b->sums = NAME(arena_alloc)(&left, block * n_first);
    b->of_velocity = NAME(arena_alloc)(&left, block * n_first);
    b->deltas = NAME(arena_alloc)(&left, block * n_first);
    b->scaled = NAME(arena_alloc)(&left, block * n_first);
    b->gram = NAME(arena_alloc)(&left, block * BLOCK);
    return room;
}

/* Gradient descent without an L1 penalty has its own, cheaper steps. */
static int NAME(update_kind)(const optimizer_t *rule)
{
    if (rule->update_rule != GRADIENT_DESCENT || rule->l1 > 0) return rule->update_rule;
    return rule->alpha > 0 || rule->weight_decay > 0 ? DECAYED_DESCENT : PLAIN_DESCENT;
}

/* Returns the summed loss, or NaN with *failed set when there is no memory. */
static double NAME(run_epoch)(const network_t *net, optimizer_t *rule,
                              const epoch_args_t *job, int *failed)
{
    NAME(param_buffers_t) at = {.params = job->params};
    for (int i = 0; i < MAX_SLOTS; i++) at.slots[i] = job->slots[i];
    const NAME(rows_t) X = {job->dense, job->values, job->columns, job->starts};
    const NAME(targets_t) Y = {job->targets, job->classes};
    const int kind = NAME(update_kind)(rule);
    const int batched = job->batch_size > 1 || rule->update_rule == RPROP
                        || rule->update_rule == ACCUMULATE;
    const int blocked = !batched
                        && NAME(use_blocked_online)(kind, net, rule, &X, job->weights,
                                                    job->n_order);
    const int64_t chunk = batched ? NAME(chunk_rows)(net, job->batch_size) : 1;
    const int64_t n_params = batched ? net->biases_at[net->n_layers] : 0;
    NAME(batch_scratch_t) s;
    NAME(block_t) b;
    void *room = NAME(alloc_scratch)(net, rule, chunk, n_params, blocked ? BLOCK : 0, job->gemm,
                                 &s, &b);
    double loss = NAN;
    *failed = !room;
    if (!room) return loss;
    if (batched)
        loss = NAME(run_batches)(net, rule, at, &X, &Y, job->order, job->n_order,
                                 job->batch_size, job->weights, &s);
    else if (blocked)
        loss = NAME(run_blocks)(kind, net, rule, at, &X, &Y, job->order, job->n_order,
                                &s.rows, &b);
    else
        loss = NAME(run_online)(kind, net, rule, at, &X, &Y, job->order, job->n_order,
                                job->weights, &s.rows);
    free(room);
    return loss;
}

/* Rows of inputs, standardized where there is a mean; false where one is not finite. */
/* Shapes: x, to (n_rows, n); mean, scale (n) or NULL. */
CLONED static int NAME(standardize)(const T *RESTRICT x, const double *RESTRICT mean,
                                    const double *RESTRICT scale, int64_t n_rows, int64_t n,
                                    T *RESTRICT to)
{
    int finite = 1;
    for (int64_t t = 0; t < n_rows; t++, x += n, to += n) {
        T sum = 0;
        if (mean)
            for (int64_t j = 0; j < n; j++) to[j] = (T)((x[j] - mean[j]) / scale[j]);
        else
            NAME(copy)(to, x, n);
        PRAGMA(omp simd reduction(+ : sum))
        for (int64_t j = 0; j < n; j++) sum += x[j] * 0;  /* NaN where x is not finite */
        finite &= sum == 0;
    }
    return finite;
}

/* The raw outputs of n rows, none beyond `largest`. Returns 0, or what went wrong. */
/* Shapes: x (n, n_in); mean, scale (n_in) or NULL; out (n, n_outputs). */
static int NAME(predict)(const network_t *net, const void *params_, const double *mean,
                         const double *scale, double largest, const T *x, int64_t n,
                         gemm_any_t gemm, T *out)
{
    const T *params = params_;
    const int64_t n_in = net->sizes[0], n_outputs = net->sizes[net->n_layers];
    const int64_t chunk = NAME(chunk_rows)(net, n);
    optimizer_t rule;
    NAME(batch_scratch_t) s;
    NAME(block_t) b;
    memset(&rule, 0, sizeof rule);
    void *room = NAME(alloc_scratch)(net, &rule, chunk, 0, 0, gemm, &s, &b);
    if (!room) return NO_MEMORY;
    int status = 0;
    for (int64_t from = 0; from < n && !status; from += chunk) {
        const int64_t size = from + chunk < n ? chunk : n - from;
        if (!NAME(standardize)(x + from * n_in, mean, scale, size, n_in, s.rows.input))
            status = TOO_LARGE;
        else
            NAME(predict_chunk)(net, &rule, params, size, out + from * n_outputs, &s);
    }
    for (int64_t i = 0; i < n * n_outputs && !status; i++)
        if (!(fabs((double)out[i]) <= largest)) status = TOO_LARGE;  /* or NaN */
    free(room);
    return status;
}

/* Shapes: x (n_rows, n_columns); keys (n_columns); hashes (n_rows). */
static void NAME(hash_dense)(const T *x, int64_t n_rows, int64_t n_columns,
                             const uint64_t *keys, uint64_t *hashes)
{
    for (int64_t row = 0; row < n_rows; row++, x += n_columns) {
        uint64_t hash = 0;
        for (int64_t j = 0; j < n_columns; j++) hash += hash_value(x[j], keys[j]);
        hashes[row] = hash;
    }
}

/* Shapes: CSR of n_rows rows; hashes (n_rows). */
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
