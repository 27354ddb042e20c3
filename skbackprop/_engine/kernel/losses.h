/* Losses of one row. */

/* What one row should give: a column per output, or the number of its class. */
typedef struct {
    const T *columns;        /* NULL where the number is enough */
    int64_t number;
} NAME(target_t);

/* A softmax with one variable does with the number; else the columns are spelled out. */
/* Shapes: one_hot (n). */
INLINE NAME(target_t) NAME(target_of)(const network_t *net, const NAME(targets_t) *Y,
                                      int64_t row, int64_t n, T *one_hot)
{
    NAME(target_t) target = {NULL, 0};
    if (Y->matrix) {
        target.columns = Y->matrix + row * n;
        return target;
    }
    target.number = Y->classes[row];
    if (net->loss == LOG_LOSS_SOFTMAX && !net->n_options) return target;
    memset(one_hot, 0, n * sizeof(T));
    one_hot[target.number] = 1;
    target.columns = one_hot;
    return target;
}

/* Cross-entropy through a softmax over n outputs; y as `columns` of a target. */
/* Shapes: z, y, delta (n); y is NULL for a class number. */
INLINE double NAME(multinomial)(T *RESTRICT z, const T *RESTRICT y, int64_t number,
                                T *RESTRICT delta, int64_t n)
{
    T top = z[0], sum = 0, of_target = 0, weight = 1;
    for (int64_t j = 1; j < n; j++) top = z[j] > top ? z[j] : top;
    if (y) {
        weight = 0;
        for (int64_t j = 0; j < n; j++) {
            of_target += y[j] * (z[j] - top);
            weight += y[j];
        }
    } else {
        of_target = z[number] - top;
    }
    PRAGMA(omp simd reduction(+ : sum))
    for (int64_t j = 0; j < n; j++) {
        z[j] = NAME(exp_)(z[j] - top);
        sum += z[j];
    }
    const T inverse = 1 / sum;
    if (y) {
        SIMD for (int64_t j = 0; j < n; j++) {
            z[j] *= inverse;
            delta[j] = z[j] - y[j];
        }
    } else {
        SIMD for (int64_t j = 0; j < n; j++) delta[j] = z[j] *= inverse;
        delta[number] -= 1;
    }
    return weight * log((double)sum) - of_target;
}

/* The loss of a residual r, and its derivative. */
INLINE double NAME(residual_loss)(int loss, double option, double r, double *derivative)
{
    switch (loss) {
    case ABSOLUTE_ERROR:
        *derivative = (r > 0) - (r < 0);
        return fabs(r);
    case HUBER:
        *derivative = r < -option ? -option : r > option ? option : r;
        return fabs(r) <= option ? 0.5 * r * r : option * (fabs(r) - 0.5 * option);
    default:  /* QUANTILE */
        *derivative = r > 0 ? 1 - option : r < 0 ? -option : 0;
        return r * *derivative;
    }
}

/* From one row's raw outputs z: the loss, z turned into the outputs, and the derivative
 * of the loss by the raw outputs in delta. */
/* Shapes: z, delta, slopes (n). */
CLONED static double NAME(loss_and_delta)(const network_t *net, T *RESTRICT z,
                                          NAME(target_t) target, T *RESTRICT delta,
                                          T *RESTRICT slopes, int64_t n)
{
    const T *RESTRICT y = target.columns;
    const int output = net->activation[net->n_layers - 1];
    const double *options = net->options;
    double loss = 0;
    switch (net->loss) {
    case LOG_LOSS_SOFTMAX: {
        if (!net->n_options) return NAME(multinomial)(z, y, target.number, delta, n);
        int64_t from = 0;
        for (int64_t b = 0; b < net->n_options; from += (int64_t)options[b++])
            loss += NAME(multinomial)(z + from, y + from, 0, delta + from, (int64_t)options[b]);
        return loss;
    }
    case LOG_LOSS_LOGISTIC:
        for (int64_t j = 0; j < n; j++) {
            double raw = z[j];
            loss += (raw > 0 ? raw : 0) + log1p(exp(-fabs(raw))) - y[j] * raw;
        }
        NAME(activate)(LOGISTIC, z, NULL, n);
        for (int64_t j = 0; j < n; j++) delta[j] = z[j] - y[j];
        return loss;
    case POISSON:
        for (int64_t j = 0; j < n; j++) {
            const double raw = z[j], of = y[j], rate = exp(raw);
            loss += rate - of * raw + (of > 0 ? of * log(of) : 0) - of;
            z[j] = (T)rate;
            delta[j] = (T)(rate - of);
        }
        return loss;
    case SQUARED_ERROR:
        NAME(activate)(output, z, slopes, n);
        for (int64_t j = 0; j < n; j++) {
            delta[j] = z[j] - y[j];
            loss += (double)delta[j] * delta[j];
        }
        NAME(times_derivative)(output, delta, z, slopes, n);
        return loss / 2;
    default:
        NAME(activate)(output, z, slopes, n);
        for (int64_t j = 0; j < n; j++) {
            const double option = net->n_options ? options[net->n_options == n ? j : 0] : 0;
            double derivative;
            loss += NAME(residual_loss)(net->loss, option, (double)z[j] - y[j], &derivative);
            delta[j] = (T)derivative;
        }
        NAME(times_derivative)(output, delta, z, slopes, n);
        return loss;
    }
}

/* The logarithm of the logistic function. */
INLINE double NAME(log_logistic)(double z)
{
    return (z < 0 ? z : 0) - log1p(exp(-fabs(z)));
}

/* From raw outputs to the probabilities of k classes, row by row. */
/* Shapes: raw (n, k), or (n, 1) for two classes of one output; p (n, k). */
CLONED static void NAME(probabilities)(int kind, const T *raw, int64_t n, int64_t k, T *p)
{
    for (int64_t t = 0; t < n; t++, raw += kind == OF_TWO ? 1 : k, p += k) {
        if (kind == OF_TWO) {
            p[0] = (T)exp(NAME(log_logistic)(-(double)raw[0]));
            p[1] = (T)exp(NAME(log_logistic)((double)raw[0]));
            continue;
        }
        T top = 0, sum = 0;
        for (int64_t j = 0; j < k; j++) {
            p[j] = kind == OF_LOGISTIC ? (T)NAME(log_logistic)(raw[j]) : raw[j];
            top = j && p[j] <= top ? top : p[j];
        }
        for (int64_t j = 0; j < k; j++) {
            p[j] = (T)exp((double)(p[j] - top));
            sum += p[j];
        }
        for (int64_t j = 0; j < k; j++) p[j] /= sum;
    }
}
