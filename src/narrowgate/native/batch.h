// What a step begins with: the images of its batch, and random words for its dropout masks.

#pragma once

#include <cstdint>

#include "convolution.h"

namespace narrowgate {

// Images `numbers` of a table (all, rows, columns, channels) of unsigned integers, as floats and events last.
template <class Pixel>
void gather(const Shape& shape, const Pixel* table, const int32_t* numbers, float* images) {
  const int64_t size = int64_t(shape.rows) * shape.columns * shape.channels;
  for (int64_t event = 0; event < shape.events; event += LANES) {
    const Pixel* from[LANES];
    for (int lane = 0; lane < LANES; lane++) from[lane] = table + numbers[event + lane] * size;
    float* to = images + event;
    for (int channel = 0; channel < shape.channels; channel++)
      for (int column = 0; column < shape.columns; column++)
        for (int row = 0; row < shape.rows; row++, to += shape.events) {
          const int64_t pixel = (int64_t(row) * shape.columns + column) * shape.channels + channel;
          Lanes values;
          for (int lane = 0; lane < LANES; lane++) values[lane] = from[lane][pixel];
          store(to, values);
        }
  }
}

// Threefry-2x32 with 20 rounds (Salmon et al., SC 2011), as jax.extend.random.threefry_2x32 applies it to the words 0,
// 1, 2 ...: a word of the first half and its counterpart in the second are one block. `words` is a multiple of 2 LANES.
inline void random_words(const uint32_t* key, int64_t words, uint32_t* found) {
  static const int ROTATIONS[8] = {13, 15, 26, 6, 17, 29, 16, 24};
  const uint32_t keys[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
  const int64_t half = words / 2;
  Words counter;
  for (int lane = 0; lane < LANES; lane++) counter[lane] = lane;
  for (int64_t word = 0; word < half; word += LANES) {
    Words first = counter + uint32_t(word) + keys[0];
    Words second = counter + uint32_t(half + word) + keys[1];
#pragma GCC unroll 5
    for (int group = 0; group < 5; group++) {
#pragma GCC unroll 4
      for (int round = 0; round < 4; round++) {
        const int by = ROTATIONS[(group % 2) * 4 + round];
        first += second;
        second = ((second << by) | (second >> (32 - by))) ^ first;
      }
      first += keys[(group + 1) % 3];
      second += keys[(group + 2) % 3] + uint32_t(group + 1);
    }
    store(found + word, first);
    store(found + half + word, second);
  }
}

}  // namespace narrowgate
