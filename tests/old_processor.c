/* Trains a small network by every rule, row by row, in blocks and in batches, and prints what
 * came out. .ci/old-processor compares what an old processor prints with what this one does. */
#include <stdio.h>

#include "kernel.h"

enum { N_IN = 80, N_HIDDEN = 50, N_CLASSES = 3, N_ROWS = 64 };
enum { N_WEIGHTS = N_IN * N_HIDDEN + N_HIDDEN * N_CLASSES };
enum { N_PARAMS = N_WEIGHTS + N_HIDDEN + N_CLASSES };

/* BLAS's product of matrices, as the kernel calls it. */
static void product(char *op_a, char *op_b, int *m, int *n, int *k, double *alpha, double *a,
                    int *lda, double *b, int *ldb, double *beta, double *c, int *ldc)
{
    for (int j = 0; j < *n; j++)
        for (int i = 0; i < *m; i++) {
            double sum = 0;
            for (int p = 0; p < *k; p++)
                sum += (*op_a == 'N' ? a[i + p * *lda] : a[p + i * *lda])
                       * (*op_b == 'N' ? b[p + j * *ldb] : b[j + p * *ldb]);
            double *to = c + i + j * *ldc;
            *to = *alpha * sum + (*beta == 0 ? 0 : *beta * *to);
        }
}

static double params[N_PARAMS], slots[MAX_SLOTS][N_PARAMS], inputs[N_ROWS * N_IN];

static double uniform(void)
{
    static uint32_t state = 1;
    state = state * 1664525u + 1013904223u;
    return state / 2147483648.0 - 1;
}

int main(void)
{
    const int64_t sizes[] = {N_IN, N_HIDDEN, N_CLASSES};
    const int64_t weights_at[] = {0, N_IN * N_HIDDEN, N_WEIGHTS};
    const int64_t biases_at[] = {N_WEIGHTS, N_WEIGHTS + N_HIDDEN, N_PARAMS};
    int64_t classes[N_ROWS], order[N_ROWS];
    int failed;
    for (int i = 0; i < N_ROWS * N_IN; i++) inputs[i] = uniform();
    for (int i = 0; i < N_ROWS; i++) {
        classes[i] = i % N_CLASSES;
        order[i] = i;
    }
    for (int batch_size = 1; batch_size <= 16; batch_size += 15)
        for (int updater = GRADIENT_DESCENT; updater <= ACCUMULATE; updater++)
            for (int activation = IDENTITY; activation <= MISH; activation++) {
                const int32_t activations[] = {activation, SOFTMAX};
                const network_t net = {2, LOG_LOSS_SOFTMAX, sizes, weights_at, biases_at,
                                     activations, 0, NULL};
                optimizer_t rule = {.updater = updater, .rate = 0.01, .alpha = 0.1, .clip_norm = 5,
                               .hyperparams = {0.9, 0.999, 1e-8}, .beta_powers = {1, 1}};
                const epoch_args_t job = {.params = params, .slots = {slots[0], slots[1], slots[2]},
                                   .dense = inputs, .classes = classes, .order = order,
                                   .n_order = N_ROWS, .batch_size = batch_size,
                                   .gemm = (gemm_any_t)product};
                memset(slots, 0, sizeof slots);
                for (int i = 0; i < N_PARAMS; i++) params[i] = 0.1 * uniform();
                const double loss = run_epoch_double(&net, &rule, &job, &failed);
                printf("%d %d %d %.9f %.9f\n", batch_size, updater, activation, loss,
                       params[17]);
            }
    /* Gradual underflow is as it was. */
    volatile double tiny = 1e-310;
    printf("%g\n", tiny / 2);
    return failed;
}
