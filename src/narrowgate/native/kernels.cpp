// What XLA hands over to the computations of batch.h and convolution.h. Sizes were checked where the call was made, in _calls.py.

#include <cstdint>

#include "batch.h"
#include "convolution.h"
#include "xla/ffi/api/ffi.h"

namespace {

namespace ffi = xla::ffi;
using namespace narrowgate;

using Floats = ffi::Buffer<ffi::F32, 4>;
using Words32 = ffi::Buffer<ffi::U32, 1>;
using Integers = ffi::Buffer<ffi::S32, 1>;
using Places = ffi::Buffer<ffi::U8, 4>;

Shape shape_of(const Floats& images, const Floats& kernel) {
  const auto image = images.dimensions(), taps = kernel.dimensions();
  return {int(image[0]), int(image[1]), int(image[2]), int(taps[3]), image[3]};
}

// The result number `index` where that many were asked for, else null.
template <class Value>
Value* result(const ffi::RemainingRets& results, size_t index) {
  if (index >= results.size()) return nullptr;
  return static_cast<Value*>(results.get<ffi::AnyBuffer>(index).value()->untyped_data());
}

ffi::Error forward_call(Floats images, Floats kernel, ffi::RemainingRets results) {
  forward(shape_of(images, kernel), images.typed_data(), kernel.typed_data(), result<float>(results, 0),
          result<uint8_t>(results, 1), result<float>(results, 2));
  return ffi::Error::Success();
}

ffi::Error backward_call(Floats images, Floats kernel, Places places, Floats pooled, ffi::RemainingArgs sums,
                         ffi::RemainingRets results) {
  const float* of_sums =
      sums.size() ? static_cast<const float*>(sums.get<ffi::AnyBuffer>(0).value().untyped_data()) : nullptr;
  backward(shape_of(images, kernel), images.typed_data(), kernel.typed_data(), places.typed_data(),
           pooled.typed_data(), of_sums, result<float>(results, 0), result<float>(results, 1));
  return ffi::Error::Success();
}

ffi::Error random_call(Words32 key, ffi::Result<Words32> words) {
  random_words(key.typed_data(), words->dimensions()[0], words->typed_data());
  return ffi::Error::Success();
}

ffi::Error gather_call(ffi::AnyBuffer table, Integers numbers, ffi::Result<Floats> images) {
  const auto sizes = table.dimensions();
  const Shape shape{int(sizes[3]), int(sizes[2]), int(sizes[1]), 0, numbers.dimensions()[0]};
  const auto gather_as = [&](auto pixel) {
    gather(shape, static_cast<const decltype(pixel)*>(table.untyped_data()), numbers.typed_data(),
           images->typed_data());
    return ffi::Error::Success();
  };
  switch (table.element_type()) {
    case ffi::U8: return gather_as(uint8_t{});
    case ffi::U16: return gather_as(uint16_t{});
    case ffi::U32: return gather_as(uint32_t{});
    default: return ffi::Error(ffi::ErrorCode::kInvalidArgument, "pixels must be unsigned, of 8, 16 or 32 bits");
  }
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(narrowgate_convolution, forward_call,
                              ffi::Ffi::Bind().Arg<Floats>().Arg<Floats>().RemainingRets());
XLA_FFI_DEFINE_HANDLER_SYMBOL(
    narrowgate_convolution_gradient, backward_call,
    ffi::Ffi::Bind().Arg<Floats>().Arg<Floats>().Arg<Places>().Arg<Floats>().RemainingArgs().RemainingRets());
XLA_FFI_DEFINE_HANDLER_SYMBOL(narrowgate_gather, gather_call,
                              ffi::Ffi::Bind().Arg<ffi::AnyBuffer>().Arg<Integers>().Ret<Floats>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(narrowgate_random, random_call, ffi::Ffi::Bind().Arg<Words32>().Ret<Words32>());

// How many events the functions take at a time: they want a multiple.
extern "C" const int narrowgate_lanes = narrowgate::LANES;
