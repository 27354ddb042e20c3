/* Many rows at a time: mini-batch and batch learning. */

/* The same scratch as online, with room for a chunk of rows, and the gradient. */
typedef struct {
    NAME(scratch_t) rows;
    T *gradient;
    int64_t chunk;
    NAME(gemm_t) gemm;
} NAME(batch_scratch_t);

INLINE T *NAME(row_of)(T *values, int64_t row, int64_t n)
{
    return values ? values + row * n : NULL;
}

/* Of the order's next `n_known` rows, the first n. Without X, they are in the scratch. */
/* Shapes: params (n_params); order (n_known); s->rows.outputs[l] (n, sizes[l + 1]). */
INLINE void NAME(forward_chunk)(const network_t *net, const optimizer_t *rule, const T *params,
                                const NAME(rows_t) *X, const int64_t *order, int64_t n,
                                int64_t n_known, int64_t presentation,
                                NAME(batch_scratch_t) *s)
{
    const int64_t n_in = net->sizes[0];
    T **outputs = s->rows.outputs;
    for (int l = 0; l < net->n_layers; l++) {
        const int64_t n_out = net->sizes[l + 1];
        if (l > 0) {
            NAME(multiply)(s->gemm, 'T', 'N', n_out, n, net->sizes[l],
                           params + net->weights_at[l], net->sizes[l], outputs[l - 1],
                           net->sizes[l], 0, outputs[l], n_out);
        } else if (!X || X->dense) {
            if (X) NAME(gather)(s->rows.input, X->dense, order, n, n_known, n_in);
            NAME(multiply)(s->gemm, 'N', 'N', n_out, n, n_in, params, n_out, s->rows.input,
                           n_in, 0, outputs[0], n_out);
        } else {
            memset(outputs[0], 0, n * n_out * sizeof(T));
            for (int64_t t = 0; t < n; t++)
                NAME(add_sparse_inputs)(outputs[0] + t * n_out, X, order[t], params, 1, n_out);
        }
        /* The rest row by row, while the row is near. */
        const T *RESTRICT biases = params + net->biases_at[l];
        for (int64_t t = 0; t < n; t++) {
            T *RESTRICT row = outputs[l] + t * n_out;
            SIMD for (int64_t j = 0; j < n_out; j++) row[j] += biases[j];
            if (l < net->n_layers - 1)
                NAME(finish_layer)(net, rule, l, presentation + t, row,
                                   NAME(row_of)(s->rows.slopes[l], t, n_out));
        }
    }
}

/* Add a chunk's gradient; the first chunk of a batch overwrites. */
/* Shapes: params (n_params); s->gradient (n_params); s->rows.deltas[l] (n, sizes[l + 1]). */
INLINE void NAME(backward_chunk)(const network_t *net, const T *params, const NAME(rows_t) *X,
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
                                   s->rows.slopes[l - 1], n * n_in);
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

/* Shapes: as run_online. */
CLONED static double NAME(run_batches)(const network_t *net, optimizer_t *rule,
                                       NAME(param_buffers_t) at,
                                       const NAME(rows_t) *X, const NAME(targets_t) *Y,
                                       const int64_t *order, int64_t n_order,
                                       int64_t batch_size, const T *weights,
                                       NAME(batch_scratch_t) *s)
{
    const int last = net->n_layers - 1;
    const int64_t n_outputs = net->sizes[last + 1];
    const int64_t n_weights = net->biases_at[0], n_params = net->biases_at[net->n_layers];
    NAME(step_args_t) step = NAME(make_step)(rule), *by = &step;
    double loss = 0;
    for (int64_t begin = 0; begin < n_order; begin += batch_size) {
        const int64_t end = begin + batch_size < n_order ? begin + batch_size : n_order;
        double total = 0;
        for (int64_t from = begin; from < end; from += s->chunk) {
            const int64_t n = from + s->chunk < end ? s->chunk : end - from;
            const int64_t *rows = order + from;
            NAME(forward_chunk)(net, rule, at.params, X, rows, n, n_order - from,
                                rule->samples_seen + from, s);
            for (int64_t t = 0; t < n; t++) {
                T *delta = s->rows.deltas[last] + t * n_outputs;
                const T weight = weights ? weights[rows[t]] : 1;
                const NAME(target_t) y
                    = NAME(target_of)(net, Y, rows[t], n_outputs, s->rows.one_hot);
                loss += weight * NAME(loss_and_delta)(
                    net, s->rows.outputs[last] + t * n_outputs, y, delta,
                    NAME(row_of)(s->rows.slopes[last], t, n_outputs), n_outputs);
                if (weights)
                    for (int64_t j = 0; j < n_outputs; j++) delta[j] *= weight;
                total += weight;
            }
            NAME(backward_chunk)(net, at.params, X, rows, n, from == begin, s);
        }
        NAME(next_step)(rule, by);
        T share = (T)(1 / total);
        NAME(scale_penalties)(rule->update_rule, rule, total, by);
        if (rule->clip_norm > 0) {
            const double norm = sqrt(NAME(square_sum)(s->gradient, n_params)) / total;
            if (norm > rule->clip_norm) share *= (T)(rule->clip_norm / norm);
        }
        NAME(update_by_rule)(rule->update_rule, by, 1, at, 0, share, s->gradient, n_weights);
        NAME(update_by_rule)(rule->update_rule, by, 0, at, n_weights, share,
                             s->gradient + n_weights, n_params - n_weights);
        if (rule->max_norm > 0)
            NAME(apply_max_norm)(net, rule->max_norm, at.params, s->rows.norms);
    }
    return loss;
}

/* The raw outputs of a chunk of inputs that lie in the scratch; few rows go one by one. */
/* Shapes: s->rows.input (n, n_in); out (n, n_outputs). */
CLONED static void NAME(predict_chunk)(const network_t *net, const optimizer_t *rule,
                                       const T *params, int64_t n, T *out,
                                       NAME(batch_scratch_t) *s)
{
    const int64_t n_in = net->sizes[0], n_first = net->sizes[1];
    const int last = net->n_layers - 1;
    const int64_t n_outputs = net->sizes[last + 1];
    if (n >= FEW_ROWS) {
        NAME(forward_chunk)(net, rule, params, NULL, NULL, n, n, 0, s);
        NAME(copy)(out, s->rows.outputs[last], n * n_outputs);
        return;
    }
    for (int64_t t = 0; t < n; t++) {
        NAME(copy)(s->rows.outputs[0], params + net->biases_at[0], n_first);
        NAME(add_inputs)(s->rows.outputs[0], s->rows.input + t * n_in, params, n_in, n_first);
        NAME(forward_upper_layers)(net, rule, params, 0, &s->rows);
        NAME(copy)(out + t * n_outputs, s->rows.outputs[last], n_outputs);
    }
}
