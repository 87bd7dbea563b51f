/* The same work by hand: what the engine is measured against. gcc -O3 -ffast-math -march=native -fopenmp */
#include <math.h>
#include <stdint.h>

#define BLOCK 128

/* f' of x²/(x²+y²), and of 0.8 + 0.5cos(2θ+1) - 0.4cos(3θ+2.5) + 0.4cos(5θ) by powers of the unit complex number */
#define QUOTIENT(T, SQRT) T q = 1 / (x * x + y * y); T push = -2 * x * y * q * q;
#define FIVE_WELLS(T, SQRT)                                                                             \
  T q = 1 / (x * x + y * y), i = SQRT(q), c = x * i, s = y * i;                                         \
  T c2 = c * c - s * s, s2 = 2 * c * s, c3 = c2 * c - s2 * s, s3 = s2 * c + c2 * s;                     \
  T c5 = c3 * c2 - s3 * s2, s5 = s3 * c2 + c3 * s2;                                                     \
  T push = (-(s2 * (T)0.5403023058681398 + c2 * (T)0.8414709848078965)                                  \
            + (T)1.2 * (s3 * (T)-0.8011436155469337 + c3 * (T)0.5984721441039565) - 2 * s5) * q;
#define LOSS_QUOTIENT(T, SQRT) x * x / (x * x + y * y)
#define LOSS_FIVE_WELLS(T, SQRT)                                                                        \
  (T)0.8 + (T)0.5 * cos(2 * atan2(y, x) + 1) - (T)0.4 * cos(3 * atan2(y, x) + (T)2.5) + (T)0.4 * cos(5 * atan2(y, x))

/* The last loss of columns × rows runs: learning rates along x, weight decays along y. */
#define MAP(NAME, T, SQRT, SLOPE, LOSS)                                                                 \
  void NAME(const T *etas, const T *lams, T x0, T y0, int columns, int rows, int steps, T *out) {       \
    _Pragma("omp parallel for schedule(static)") for (int b = 0; b < columns * rows; b += BLOCK) {      \
      T xs[BLOCK], ys[BLOCK], eta[BLOCK], a[BLOCK];                                                     \
      for (int j = 0; j < BLOCK; j++) {                                                                 \
        xs[j] = x0; ys[j] = y0; eta[j] = etas[(b + j) % columns];                                       \
        a[j] = 1 - eta[j] * lams[(b + j) / columns];                                                    \
      }                                                                                                 \
      for (int t = 0; t < steps; t++) {                                                                 \
        _Pragma("omp simd") for (int j = 0; j < BLOCK; j++) {                                           \
          T x = xs[j], y = ys[j];                                                                       \
          SLOPE(T, SQRT)                                                                                \
          push *= eta[j]; xs[j] = a[j] * x + y * push; ys[j] = a[j] * y - x * push;                     \
        }                                                                                               \
      }                                                                                                 \
      for (int j = 0; j < BLOCK; j++) { T x = xs[j], y = ys[j]; out[b + j] = LOSS(T, SQRT); }           \
    }                                                                                                   \
  }

MAP(map_quotient_float32, float, sqrtf, QUOTIENT, LOSS_QUOTIENT)
MAP(map_quotient_float64, double, sqrt, QUOTIENT, LOSS_QUOTIENT)
MAP(map_five_wells_float32, float, sqrtf, FIVE_WELLS, LOSS_FIVE_WELLS)
MAP(map_five_wells_float64, double, sqrt, FIVE_WELLS, LOSS_FIVE_WELLS)

/* x_t, y_t of one run on x²/(x²+y²), t = 0 ... steps */
void path_quotient(double eta, double lam, double x, double y, int steps, double *out) {
  double a = 1 - eta * lam;
  for (int t = 0; t <= steps; t++) {
    out[2 * t] = x; out[2 * t + 1] = y;
    double s = x * x + y * y, push = -2 * x * y / (s * s) * eta, moved = a * x + y * push;
    y = a * y - x * push; x = moved;
  }
}

static inline uint32_t turned(uint32_t w, int by) { return (w << by) | (w >> (32 - by)); }
static inline uint32_t mixed(uint32_t w) {
  w = (w ^ (w >> 16)) * 0x7FEB352Du; w = (w ^ (w >> 15)) * 0x846CA68Bu; return w ^ (w >> 16);
}

/* Particles on x²/(x²+y²) under isotropic noise σ; `counts` (snapshots + 1, bins) of their angles. */
void ensemble_quotient(float eta, float lam, float sigma, float x0, float y0, uint32_t seed, int particles, int steps,
                       int snapshots, int bins, int64_t *counts) {
  float a = 1 - eta * lam;
  int stride = steps / snapshots;
#pragma omp parallel for schedule(static) reduction(+ : counts[ : (snapshots + 1) * bins])
  for (int b = 0; b < particles; b += BLOCK) {
    float xs[BLOCK], ys[BLOCK];
    uint32_t g[BLOCK], h[BLOCK];
    int place[BLOCK];
    for (int j = 0; j < BLOCK; j++) {
      xs[j] = x0; ys[j] = y0; g[j] = mixed((uint32_t)(b + j) ^ mixed(seed)); h[j] = mixed(g[j] + 0x9E3779B9u) | 1;
    }
    for (int t = 0; t <= steps; t++) {
      if (t % stride == 0) {
#pragma omp simd
        for (int j = 0; j < BLOCK; j++) place[j] = (int)((atan2f(ys[j], xs[j]) * 0.15915494f + 0.5f) * bins) % bins;
        for (int j = 0; j < BLOCK && b + j < particles; j++) counts[(t / stride) * bins + place[j]]++;
      }
#pragma omp simd
      for (int j = 0; j < BLOCK; j++) {
        uint32_t p = turned(g[j] * 0x9E3779BBu, 5) * 5, k = h[j] ^ g[j];
        uint32_t g1 = turned(g[j], 26) ^ k ^ (k << 9), h1 = turned(k, 13);
        uint32_t r = turned(g1 * 0x9E3779BBu, 5) * 5, l = h1 ^ g1;
        g[j] = turned(g1, 26) ^ l ^ (l << 9); h[j] = turned(l, 13);
        float radius = sigma * sqrtf(-2 * logf(((float)(int32_t)(p >> 8) + 0.5f) * 0x1p-24f));
        float phi = ((float)(int32_t)(r >> 8) * 0x1p-24f - 0.5f) * 1.57079633f, v = phi * phi;
        float c = radius * (1 - v / 2 + v * v * (4.16666456e-2f + v * (-1.38873163e-3f + v * 2.44331571e-5f)));
        float s = radius * (phi + phi * v * (-1.66666546e-1f + v * (8.33216087e-3f - v * 1.95152959e-4f)));
        c = r & 1 ? c : -c;
        float x = xs[j], y = ys[j], q = 1 / (x * x + y * y), push = -2 * x * y * q * q;
        xs[j] = a * x - eta * ((r & 2 ? c : s) - y * push);
        ys[j] = a * y - eta * ((r & 2 ? s : c) + x * push);
      }
    }
  }
}
