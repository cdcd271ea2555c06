// What training on a processor spends most of its time with, for one member on one core: a 3 x 3 convolution (`same`,
// stride 1) with its 2 x 2 max-pool, and the gradients of both.
//
// Arrays are those of narrowgate.network, events running fastest:
//   images (channels, columns, rows, events), kernel (row tap, column tap, channels, filters),
//   pooled (filters, columns / 2, rows / 2, events); columns and rows are even, events a multiple of LANES.
// A pool's four places are numbered 2 * (row in the pool) + (column in the pool), as in network/_convolution.py.
//
// As many events as a register has lanes are copied into a tile: every pixel one vector, with a border of zeros, where
// it can be reached without jumps. A pool sees 4 x 4 of them, and its four outputs need 36 multiplications a channel.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "lanes.h"

namespace narrowgate {

struct Shape {
  int channels, columns, rows, filters;
  int64_t events;

  int pool_columns() const { return columns / 2; }
  int pool_rows() const { return rows / 2; }
  int pools() const { return pool_columns() * pool_rows(); }
  int height() const { return rows + 2; }                       // of a tile's column, border included
  int tile() const { return (columns + 2) * height(); }         // vectors of a channel
  int window(int column, int row) const { return 2 * (column * height() + row); }  // where a pool's 4 x 4 begin
  int64_t output(int filter, int pool) const { return (int64_t(filter) * pools() + pool) * events; }
};

// Memory that a thread keeps from call to call: asking the system for it each time costs more than the work.
template <int which>
Lanes* scratch(size_t vectors) {
  static thread_local std::vector<Lanes> kept;
  if (kept.size() < vectors) kept.resize(vectors);
  return kept.data();
}

// The kernel as (filter, channel, tap): the nine taps of a filter's channel side by side.
inline std::vector<float> taps_of(const Shape& shape, const float* kernel) {
  std::vector<float> taps(size_t(shape.filters) * shape.channels * 9);
  for (int filter = 0; filter < shape.filters; filter++)
    for (int channel = 0; channel < shape.channels; channel++)
      for (int tap = 0; tap < 9; tap++)
        taps[(filter * shape.channels + channel) * 9 + tap] =
            kernel[(tap * shape.channels + channel) * shape.filters + filter];
  return taps;
}

// A tile of zeros; the border stays as it is.
template <int which>
Lanes* fresh_tile(const Shape& shape) {
  const size_t vectors = size_t(shape.channels) * shape.tile();
  Lanes* tile = scratch<which>(vectors);
  std::fill(tile, tile + vectors, Lanes{});
  return tile;
}

inline void fill_tile(const Shape& shape, const float* images, Lanes* tile) {
  for (int channel = 0; channel < shape.channels; channel++)
    for (int column = 0; column < shape.columns; column++) {
      Lanes* to = tile + channel * shape.tile() + (column + 1) * shape.height() + 1;
      for (int row = 0; row < shape.rows; row++, images += shape.events) to[row] = load<Lanes>(images);
    }
}

inline void empty_tile(const Shape& shape, const Lanes* tile, float* images) {
  for (int channel = 0; channel < shape.channels; channel++)
    for (int column = 0; column < shape.columns; column++) {
      const Lanes* from = tile + channel * shape.tile() + (column + 1) * shape.height() + 1;
      for (int row = 0; row < shape.rows; row++, images += shape.events) store(images, from[row]);
    }
}

// The outputs of `count` filters at the four places of the pool whose window begins at `window`.
template <int count>
inline void products(const Shape& shape, const Lanes* window, const float* taps, Lanes (&found)[count][4]) {
  for (int filter = 0; filter < count; filter++)
    for (int place = 0; place < 4; place++) found[filter][place] = Lanes{};
  for (int channel = 0; channel < shape.channels; channel++, window += shape.tile()) {
    Lanes seen[4][4];
    for (int column = 0; column < 4; column++)
      for (int row = 0; row < 4; row++) seen[column][row] = window[column * shape.height() + row];
#pragma GCC unroll 4
    for (int filter = 0; filter < count; filter++) {
      const float* nine = taps + (filter * shape.channels + channel) * 9;
#pragma GCC unroll 9
      for (int tap = 0; tap < 9; tap++)
#pragma GCC unroll 4
        for (int place = 0; place < 4; place++)
          found[filter][place] += nine[tap] * seen[tap % 3 + place % 2][tap / 3 + place / 2];
    }
  }
}

// The largest of four, and which it is; of equal ones the first.
inline Lanes largest(const Lanes (&values)[4], Numbers& place) {
  const Numbers second = values[1] > values[0], fourth = values[3] > values[2];  // -1 where it is so
  const Lanes above = second ? values[1] : values[0], below = fourth ? values[3] : values[2];
  const Numbers under = below > above;
  place = under ? 2 - fourth : -second;
  return under ? below : above;
}

// `body(count, first)` for the filters from `first` on: in groups of `most` as long as there are as many, then of half.
template <int most, class Body>
void in_groups(int filters, const Body& body, int first = 0) {
  for (; first + most <= filters; first += most) body(std::integral_constant<int, most>{}, first);
  if constexpr (most > 1) in_groups<most / 2>(filters, body, first);
}

// For the sums of `count` filters: one of their outputs, from the middle of the images, nearest to the mean of those
// beside it. Sums of differences from an output lose nothing where all outputs lie far from zero (Chan, Golub and
// LeVeque, American Statistician 37, 242, 1983), and a whole number keeps them whole.
template <int count>
void pick_shifts(const Shape& shape, const Lanes* tile, const float* taps, int first, float* shifts) {
  Lanes found[count][4];
  products<count>(shape, tile + shape.window(shape.pool_columns() / 2, shape.pool_rows() / 2),
                  taps + first * shape.channels * 9, found);
  for (int one = 0; one < count; one++) {
    const Lanes(&values)[4] = found[one];
    const float mean = total(values[0] + values[1] + values[2] + values[3]) / (4 * LANES);
    float nearest = values[0][0];
    for (const Lanes& value : values)
      for (int lane = 0; lane < LANES; lane++)
        if (std::abs(value[lane] - mean) < std::abs(nearest - mean)) nearest = value[lane];
    shifts[first + one] = nearest;
  }
}

// A tile's pooled outputs of `count` filters. `places` may be null, and so may `sums`: two for every filter, of what its
// shift leaves.
template <int count>
void pool_tile(const Shape& shape, const Lanes* tile, const float* taps, int first, float* pooled, uint8_t* places,
               const float* shifts, Lanes* sums) {
  for (int column = 0, pool = 0; column < shape.pool_columns(); column++)
    for (int row = 0; row < shape.pool_rows(); row++, pool++) {
      Lanes found[count][4];
      products<count>(shape, tile + shape.window(column, row), taps + first * shape.channels * 9, found);
      for (int one = 0; one < count; one++) {
        const int64_t at = shape.output(first + one, pool);
        Numbers place;
        store(pooled + at, largest(found[one], place));
        if (places) store(places + at, __builtin_convertvector(place, Bytes));
        if (sums)
          for (const Lanes& value : found[one]) {
            const Lanes away = value - shifts[first + one];
            sums[2 * (first + one)] += away;
            sums[2 * (first + one) + 1] += away * away;
          }
      }
    }
}

// `places` and `sums` may be null; `sums` (3, filters) are of the outputs before pooling: a shift, the sum of their
// differences from it, and that of the differences' squares.
inline void forward(const Shape& shape, const float* images, const float* kernel, float* pooled, uint8_t* places, float* sums) {
  const std::vector<float> taps = taps_of(shape, kernel);
  Lanes* tile = fresh_tile<0>(shape);
  std::vector<Lanes> each(2 * shape.filters);
  for (int64_t event = 0; event < shape.events; event += LANES) {
    fill_tile(shape, images + event, tile);
    in_groups<FILTERS>(shape.filters, [&](auto count, int first) {
      if (sums && event == 0) pick_shifts<count()>(shape, tile, taps.data(), first, sums);
      pool_tile<count()>(shape, tile, taps.data(), first, pooled + event, places ? places + event : nullptr, sums,
                         sums ? each.data() : nullptr);
    });
  }
  if (sums)
    for (int filter = 0; filter < shape.filters; filter++)
      for (int power = 1; power <= 2; power++)
        sums[power * shape.filters + filter] = total(each[2 * filter + power - 1]);
}

// What reaches the outputs before pooling, as (filter, pool, place): the largest of a pool has the pool's gradient, and
// where `sums` were asked for, all have their share in those: here (3, filters) are the shift, and the gradients of the
// sum of differences from it and of their squares.
template <int count>
void share_gradient(const Shape& shape, const Lanes* tile, const float* taps, int first, const uint8_t* places,
                    const float* pooled, const float* sums, Lanes* shares) {
  for (int column = 0, pool = 0; column < shape.pool_columns(); column++)
    for (int row = 0; row < shape.pool_rows(); row++, pool++) {
      Lanes found[count][4] = {};
      if (sums) products<count>(shape, tile + shape.window(column, row), taps + first * shape.channels * 9, found);
      for (int one = 0; one < count; one++) {
        const int filter = first + one;
        const int64_t at = shape.output(filter, pool);
        const Numbers largest = __builtin_convertvector(load<Bytes>(places + at), Numbers);
        const Lanes gradient = load<Lanes>(pooled + at);
        Lanes* share = shares + (filter * shape.pools() + pool) * 4;
        for (int place = 0; place < 4; place++) {
          share[place] = largest == place ? gradient : Lanes{};
          if (sums)
            share[place] +=
                sums[shape.filters + filter] + 2 * sums[2 * shape.filters + filter] * (found[one][place] - sums[filter]);
        }
      }
    }
}

// Adds to `gradient`, (filter, channel, tap), what a tile's windows and the shares of `count` filters make of it.
template <int count>
void add_kernel_gradient(const Shape& shape, const Lanes* tile, const Lanes* shares, int first, Lanes* gradient) {
  for (int channel = 0; channel < shape.channels; channel++) {
    Lanes sum[count][9];
    for (int one = 0; one < count; one++)
      for (int tap = 0; tap < 9; tap++) sum[one][tap] = gradient[((first + one) * shape.channels + channel) * 9 + tap];
    const Lanes* share = shares + first * shape.pools() * 4;
    for (int column = 0; column < shape.pool_columns(); column++)
      for (int row = 0; row < shape.pool_rows(); row++, share += 4) {
        const Lanes* seen = tile + channel * shape.tile() + shape.window(column, row);
#pragma GCC unroll 4
        for (int place = 0; place < 4; place++) {
          Lanes part[count];
          for (int one = 0; one < count; one++) part[one] = share[one * shape.pools() * 4 + place];
#pragma GCC unroll 9
          for (int tap = 0; tap < 9; tap++) {
            const Lanes pixel = seen[(tap % 3 + place % 2) * shape.height() + tap / 3 + place / 2];
            for (int one = 0; one < count; one++) sum[one][tap] += part[one] * pixel;
          }
        }
      }
    for (int one = 0; one < count; one++)
      for (int tap = 0; tap < 9; tap++) gradient[((first + one) * shape.channels + channel) * 9 + tap] = sum[one][tap];
  }
}

// Adds to a tile what the shares of all filters make of its images' gradient.
inline void add_image_gradient(const Shape& shape, const Lanes* shares, const std::vector<float>& taps, Lanes* tile) {
  for (int channel = 0; channel < shape.channels; channel++)
    for (int column = 0, pool = 0; column < shape.pool_columns(); column++)
      for (int row = 0; row < shape.pool_rows(); row++, pool++) {
        Lanes* to = tile + channel * shape.tile() + shape.window(column, row);
#pragma GCC unroll 4
        for (int side = 0; side < 4; side += COLUMNS) {
          Lanes sum[COLUMNS][4] = {};
          for (int filter = 0; filter < shape.filters; filter++) {
            const Lanes* share = shares + (filter * shape.pools() + pool) * 4;
            const float* nine = &taps[(filter * shape.channels + channel) * 9];
#pragma GCC unroll 9
            for (int tap = 0; tap < 9; tap++)
#pragma GCC unroll 4
              for (int place = 0; place < 4; place++) {
                const int across = tap % 3 + place % 2 - side, down = tap / 3 + place / 2;
                if (across >= 0 && across < COLUMNS) sum[across][down] += nine[tap] * share[place];
              }
          }
          for (int across = 0; across < COLUMNS; across++)
            for (int down = 0; down < 4; down++) to[(side + across) * shape.height() + down] += sum[across][down];
        }
      }
}

// `sums` is null where the forward pass gave none, `of_images` where nobody asks for it.
inline void backward(const Shape& shape, const float* images, const float* kernel, const uint8_t* places, const float* pooled,
              const float* sums, float* of_kernel, float* of_images) {
  const std::vector<float> taps = taps_of(shape, kernel);
  Lanes* tile = fresh_tile<0>(shape);
  Lanes* shares = scratch<1>(size_t(shape.filters) * shape.pools() * 4);
  std::vector<Lanes> gradient(taps.size());
  for (int64_t event = 0; event < shape.events; event += LANES) {
    fill_tile(shape, images + event, tile);
    const auto share = [&](auto count, int first) {
      share_gradient<count()>(shape, tile, taps.data(), first, places + event, pooled + event, sums, shares);
      in_groups<std::min(TAPS_FILTERS, count())>(count(), [&](auto fewer, int second) {
        add_kernel_gradient<fewer()>(shape, tile, shares, first + second, gradient.data());
      });
    };
    if (sums)
      in_groups<FILTERS>(shape.filters, share);
    else
      in_groups<TAPS_FILTERS>(shape.filters, share);
    if (of_images) {
      Lanes* tile_gradient = fresh_tile<2>(shape);
      add_image_gradient(shape, shares, taps, tile_gradient);
      empty_tile(shape, tile_gradient, of_images + event);
    }
  }
  for (int filter = 0; filter < shape.filters; filter++)
    for (int channel = 0; channel < shape.channels; channel++)
      for (int tap = 0; tap < 9; tap++)
        of_kernel[(tap * shape.channels + channel) * shape.filters + filter] =
            total(gradient[(filter * shape.channels + channel) * 9 + tap]);
}

}  // namespace narrowgate
