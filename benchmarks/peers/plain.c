/* What somebody who knows C would write: one hidden layer of logistic neurons, logistic
 * outputs, squared error, an update after every row. Weights are stored neuron by neuron.
 * Compiled with -DREAL=double or -DREAL=float. */

#include <tgmath.h>

static REAL logistic(REAL z) { return 1 / (1 + exp(-z)); }

void train(const int *sizes, long n_rows, long n_epochs, const REAL *restrict X,
           const long *restrict labels, REAL *restrict w1, REAL *restrict b1,
           REAL *restrict w2, REAL *restrict b2, REAL rate)
{
    const int n_in = sizes[0], n_hidden = sizes[1], n_out = sizes[2];
    REAL hidden[n_hidden], blame[n_hidden], output[n_out], delta[n_out];

    for (long epoch = 0; epoch < n_epochs; epoch++) {
        for (long row = 0; row < n_rows; row++) {
            const REAL *restrict x = X + row * n_in;
            for (int j = 0; j < n_hidden; j++) {
                REAL sum = b1[j];
                for (int i = 0; i < n_in; i++) sum += w1[(long)j * n_in + i] * x[i];
                hidden[j] = logistic(sum);
                blame[j] = 0;
            }
            for (int k = 0; k < n_out; k++) {
                REAL sum = b2[k];
                for (int j = 0; j < n_hidden; j++) sum += w2[k * n_hidden + j] * hidden[j];
                output[k] = logistic(sum);
                const REAL target = labels[row] == k;
                delta[k] = (output[k] - target) * output[k] * (1 - output[k]);
            }
            for (int k = 0; k < n_out; k++) {
                for (int j = 0; j < n_hidden; j++) {
                    blame[j] += delta[k] * w2[k * n_hidden + j];
                    w2[k * n_hidden + j] -= rate * delta[k] * hidden[j];
                }
                b2[k] -= rate * delta[k];
            }
            for (int j = 0; j < n_hidden; j++) {
                const REAL step = rate * blame[j] * hidden[j] * (1 - hidden[j]);
                for (int i = 0; i < n_in; i++) w1[(long)j * n_in + i] -= step * x[i];
                b1[j] -= step;
            }
        }
    }
}

/* Nothing but matrix products: c = a b, each possibly transposed, as BLAS sees them. */

typedef void gemm_t(const char *, const char *, const int *, const int *, const int *,
                    const REAL *, const REAL *, const int *, const REAL *, const int *,
                    const REAL *, REAL *, const int *);

struct product {
    char transpose_a, transpose_b;
    int m, n, k, lda, ldb, ldc;
    const REAL *a, *b;
    REAL *c;
};

void multiply(gemm_t *gemm, const struct product *products, int n_products, long repeats)
{
    const REAL one = 1, zero = 0;
    for (long repeat = 0; repeat < repeats; repeat++) {
        for (int p = 0; p < n_products; p++) {
            const struct product *at = products + p;
            gemm(&at->transpose_a, &at->transpose_b, &at->m, &at->n, &at->k, &one, at->a,
                 &at->lda, at->b, &at->ldb, &zero, at->c, &at->ldc);
        }
    }
}
