// Vectors as long as the registers of the instruction set that is compiled for.

#pragma once

#include <cstdint>
#include <cstring>

namespace narrowgate {

// What the instruction set that is compiled for decides. LANES: a register's worth of events. The other three keep
// sums and what they are multiplied with inside the registers, of which AVX-512 and 64-bit Arm have 32, the others 16;
// what does not fit is written to memory and read again at every step, and costs three to ten times the work. Among
// those that fit, measured on each instruction set (convolutions of 1 to 8 channels and 4 to 16 filters, 256 events):
//   FILTERS      filters at once forward: 4 sums each beside the 4 x 4 pixels, which AVX2 takes from memory as it goes;
//   TAPS_FILTERS filters at once for the kernel's gradient: 9 sums each;
//   COLUMNS      columns of a 4 x 4 window at once for the images' gradient: 4 sums each.
#if defined(__AVX512F__)
constexpr int LANES = 16, FILTERS = 2, TAPS_FILTERS = 2, COLUMNS = 4;
#elif defined(__AVX__)
constexpr int LANES = 8, FILTERS = 4, TAPS_FILTERS = 1, COLUMNS = 2;
#elif defined(__aarch64__)
constexpr int LANES = 4, FILTERS = 2, TAPS_FILTERS = 2, COLUMNS = 4;
#else  // SSE2, and what else there is
constexpr int LANES = 4, FILTERS = 2, TAPS_FILTERS = 1, COLUMNS = 2;
#endif
typedef float Lanes __attribute__((vector_size(4 * LANES)));
typedef int32_t Numbers __attribute__((vector_size(4 * LANES)));
typedef uint32_t Words __attribute__((vector_size(4 * LANES)));
typedef uint8_t Bytes __attribute__((vector_size(LANES)));

template <class Vector, class Value>
Vector load(const Value* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

template <class Vector, class Value>
void store(Value* to, const Vector& vector) {
  std::memcpy(to, &vector, sizeof vector);
}

inline float total(const Lanes& lanes) {
  float sum = 0;
  for (int lane = 0; lane < LANES; lane++) sum += lanes[lane];
  return sum;
}

}  // namespace narrowgate
