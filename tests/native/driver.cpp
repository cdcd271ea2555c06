// Runs the computations of the room native without JAX: numbers in on the standard input, numbers out on the standard
// output, both little-endian and 32 bits wide. Compiled by test_cross.py for processors that are not here.
//   in:  channels, columns, rows, filters, events; images, kernel, and the gradients of pooled and of sums;
//        then how many images a table has, the table (uint32), the numbers of those to gather; then a key and a count
//   out: lanes; pooled, places, sums; the gradients of kernel and images, with sums and without; what was gathered; words

#include <cstdio>
#include <cstdlib>

#include "batch.h"
#include "convolution.h"

using namespace narrowgate;

template <class Value>
std::vector<Value> read(size_t count) {
  std::vector<Value> values(count);
  if (std::fread(values.data(), sizeof(Value), count, stdin) != count) std::exit(1);
  return values;
}

template <class Value>
void write(const std::vector<Value>& values) {
  std::fwrite(values.data(), sizeof(Value), values.size(), stdout);
}

int main() {
  const auto sizes = read<int32_t>(5);
  const Shape shape{sizes[0], sizes[1], sizes[2], sizes[3], sizes[4]};
  const size_t size = size_t(shape.channels) * shape.columns * shape.rows * shape.events;
  const auto images = read<float>(size);
  const auto kernel = read<float>(9 * shape.channels * shape.filters);
  std::vector<float> pooled(size_t(shape.filters) * shape.pools() * shape.events), sums(3 * shape.filters);
  std::vector<uint8_t> places(pooled.size());
  forward(shape, images.data(), kernel.data(), pooled.data(), places.data(), sums.data());
  const auto of_pooled = read<float>(pooled.size());
  auto of_sums = read<float>(sums.size());
  write(std::vector<int32_t>{LANES});
  write(pooled);
  write(std::vector<int32_t>(places.begin(), places.end()));
  write(sums);
  std::copy(sums.begin(), sums.begin() + shape.filters, of_sums.begin());  // the gradient takes the shifts as given
  for (const float* given : {static_cast<const float*>(of_sums.data()), static_cast<const float*>(nullptr)}) {
    std::vector<float> of_kernel(kernel.size()), of_images(size);
    backward(shape, images.data(), kernel.data(), places.data(), of_pooled.data(), given, of_kernel.data(),
             of_images.data());
    write(of_kernel);
    write(of_images);
  }
  const auto count = read<int32_t>(1);
  const auto table = read<uint32_t>(size / shape.events * count[0]);
  const auto numbers = read<int32_t>(shape.events);
  std::vector<float> gathered(size);
  gather(shape, table.data(), numbers.data(), gathered.data());
  write(gathered);
  const auto key = read<uint32_t>(3);
  std::vector<uint32_t> words(key[2]);
  random_words(key.data(), key[2], words.data());
  write(words);
}
