/* Memory, and the doors. */

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

/* Whether a layer's derivatives are kept beside its outputs. */
static int NAME(has_slopes)(const shape_t *net, const rule_t *rule, int layer)
{
    return NAME(asks_input)(net->activation[layer])
           || (layer < net->n_layers - 1 && rule->dropout && rule->dropout[layer] > 0);
}

/* Gradient descent without an L1 penalty has its own, cheaper steps. */
static int NAME(kind_of_rule)(const rule_t *rule)
{
    if (rule->updater != GRADIENT_DESCENT || rule->l1 > 0) return rule->updater;
    return rule->alpha > 0 || rule->weight_decay > 0 ? DECAYED_DESCENT : PLAIN_DESCENT;
}

/* Returns the summed loss, or NaN with *failed set when there is no memory. */
static double NAME(run_epoch)(const shape_t *net, rule_t *rule, const job_t *job, int *failed)
{
    const NAME(vectors_t) at = {job->params, {job->slots[0], job->slots[1]}};
    const NAME(rows_t) X = {job->dense, job->values, job->columns, job->starts};
    const NAME(targets_t) Y = {job->targets, job->classes};
    const int kind = NAME(kind_of_rule)(rule);
    const int batched = job->batch_size > 1 || rule->updater == RPROP
                        || rule->updater == COLLECT;
    const int blocked = !batched
                        && NAME(blocks_pay)(kind, net, rule, &X, job->weights, job->n_order);
    const int64_t chunk = batched ? NAME(chunk_rows)(net, job->batch_size) : 1;
    const int64_t block = blocked ? BLOCK : 0;
    const int64_t n_params = batched ? net->biases_at[net->n_layers] : 0;
    const int64_t n_in = net->sizes[0], n_first = net->sizes[1];
    const int64_t n_outputs = net->sizes[net->n_layers];
    int64_t size = chunk * n_in + n_first + n_outputs + n_params + 4 * 16;
    size += block * (n_in + 4 * n_first + BLOCK) + 6 * 16;
    for (int l = 1; l <= net->n_layers; l++) size += 3 * (chunk * net->sizes[l] + 16);

    T *space = calloc(size, sizeof(T));
    T **layers = malloc(3 * net->n_layers * sizeof(T *));
    double loss = NAN;
    *failed = !space || !layers;
    if (!*failed) {
        T *left = space;
        NAME(batch_scratch_t) s;
        NAME(block_t) b;
        s.chunk = chunk;
        s.gemm = b.gemm = (NAME(gemm_t))job->gemm;
        s.rows.outputs = layers;
        s.rows.deltas = layers + net->n_layers;
        s.rows.slopes = layers + 2 * net->n_layers;
        for (int l = 0; l < net->n_layers; l++) {
            s.rows.outputs[l] = NAME(take)(&left, chunk * net->sizes[l + 1]);
            s.rows.deltas[l] = NAME(take)(&left, chunk * net->sizes[l + 1]);
            s.rows.slopes[l] = NAME(has_slopes)(net, rule, l)
                                   ? NAME(take)(&left, chunk * net->sizes[l + 1])
                                   : NULL;
        }
        s.rows.norms = NAME(take)(&left, n_first);
        s.rows.one_hot = NAME(take)(&left, n_outputs);
        s.rows.input = NAME(take)(&left, chunk * n_in);
        s.gradient = NAME(take)(&left, n_params);
        b.x = NAME(take)(&left, block * n_in);
        b.sums = NAME(take)(&left, block * n_first);
        b.of_velocity = NAME(take)(&left, block * n_first);
        b.deltas = NAME(take)(&left, block * n_first);
        b.scaled = NAME(take)(&left, block * n_first);
        b.gram = NAME(take)(&left, block * BLOCK);
        if (batched)
            loss = NAME(run_batches)(net, rule, at, &X, &Y, job->order, job->n_order,
                                     job->batch_size, job->weights, &s);
        else if (blocked)
            loss = NAME(run_blocks)(kind, net, rule, at, &X, &Y, job->order, job->n_order,
                                    &s.rows, &b);
        else
            loss = NAME(run_online)(kind, net, rule, at, &X, &Y, job->order, job->n_order,
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
