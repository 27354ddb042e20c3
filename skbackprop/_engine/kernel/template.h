/* The compiled implementation of training.run_epoch for one float type T.
 *
 * First layer: weights input by input, [n_in][n_out]. Later layers: neuron by neuron,
 * [n_out][n_in]. In BLAS's column-major eyes these are (n_out x n_in) and (n_in x n_out).
 *
 * The contract: all arrays are C-ordered and belong to the caller, or are scratch that
 * alloc_scratch made for one call. _kernel.pyx has checked their sizes and every number that is
 * an index. What is marked RESTRICT overlaps nothing else. In comments on shapes, n_in and n
 * are the inputs and the neurons of a layer, n_first the neurons of the first.
 */

typedef void (*NAME(gemm_t))(char *, char *, int *, int *, int *, T *, T *, int *, T *,
                             int *, T *, T *, int *);

typedef struct {
    const T *dense;          /* NULL for sparse rows */
    const T *values;
    const int32_t *columns;
    const int64_t *starts;
} NAME(rows_t);

typedef struct {
    const T *matrix;         /* NULL for class numbers */
    const int64_t *classes;
} NAME(targets_t);

typedef struct {
    T *params;
    T *slots[MAX_SLOTS];     /* of the optimizer; the parameters themselves where unused */
} NAME(param_buffers_t);

#include "activations.h"
#include "losses.h"
#include "optimizers.h"
#include "online.h"
#include "online_blocked.h"
#include "batch.h"
#include "api.h"
