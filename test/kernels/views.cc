#include "views.h"

namespace emulator::tests {
namespace {

constexpr float kUntouched = 77;

int64_t indexOf(const View& view, int64_t n, int64_t y, int64_t x, int64_t c) {
  return ((n * view.shape.height + y) * view.shape.width + x) * view.pixelStride + c;
}

int64_t roundUp8(int64_t channels) {
  return (channels + 7) / 8 * 8;
}

}  // namespace

TestView::TestView(DType dtype, int64_t count, const Shape& shape, Layout layout)
    : host_(static_cast<size_t>(count * shape.pixels() * layout.stride) * facenet::byteSize(dtype), 0xff),
      device_(static_cast<int64_t>(host_.size())),
      view_{device_.data() + layout.offset * static_cast<int64_t>(facenet::byteSize(dtype)), dtype, count,
            shape, layout.stride},
      layout_(layout) {}

double TestView::element(int64_t index) const {
  const uint8_t* data = host_.data();
  switch (view_.dtype) {
    case DType::f32: return reinterpret_cast<const float*>(data)[index];
    case DType::bf16: return facenet::toFloat(reinterpret_cast<const facenet::bf16*>(data)[index]);
    case DType::f16: return facenet::toFloat(reinterpret_cast<const facenet::f16*>(data)[index]);
    default: return data[index];
  }
}

void TestView::setElement(int64_t index, float value) {
  uint8_t* data = host_.data();
  switch (view_.dtype) {
    case DType::f32: reinterpret_cast<float*>(data)[index] = value; break;
    case DType::bf16: reinterpret_cast<facenet::bf16*>(data)[index] = facenet::toBf16(value); break;
    case DType::f16: reinterpret_cast<facenet::f16*>(data)[index] = facenet::toF16(value); break;
    default: data[index] = static_cast<uint8_t>(value);
  }
}

TestView TestView::random(DType dtype, int64_t count, const Shape& shape, Layout layout, unsigned seed,
                          float low, float high) {
  TestView result(dtype, count, shape, layout);
  const auto values = randomValues(static_cast<size_t>(count * shape.elements()), seed, low, high);
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i)
    result.setElement(layout.offset + i / shape.channels * layout.stride + i % shape.channels,
                      values[static_cast<size_t>(i)]);
  result.device_.copyFrom(result.host_.data());
  return result;
}

TestView TestView::untouched(DType dtype, int64_t count, const Shape& shape, Layout layout) {
  TestView result(dtype, count, shape, layout);
  for (int64_t i = 0; i < count * shape.pixels() * layout.stride; ++i) result.setElement(i, kUntouched);
  result.device_.copyFrom(result.host_.data());
  return result;
}

double TestView::at(int64_t n, int64_t y, int64_t x, int64_t c) const {
  return element(layout_.offset + indexOf(view_, n, y, x, c));
}

void TestView::check(const std::string& what, const Expected& expected,
                     const std::function<double(double)>& tolerance) {
  device_.copyTo(host_.data());
  const Shape& shape = view_.shape;
  for (int64_t n = 0; n < view_.count; ++n)
    for (int64_t y = 0; y < shape.height; ++y)
      for (int64_t x = 0; x < shape.width; ++x)
        for (int64_t i = 0; i < layout_.stride; ++i) {
          const int64_t c = i - layout_.offset;
          const double found = element(indexOf(view_, n, y, x, i));
          if (c < 0 || c >= shape.channels) {
            expect(found == kUntouched, what, ": ", found, " was written beyond channel ", c, " of image ",
                   n);
            continue;
          }
          const double wanted = expected(n, y, x, c);
          expect(std::abs(found - wanted) <= tolerance(wanted), what, " at ", n, ", ", y, ", ", x, ", ", c,
                 ": ", found, " not ", wanted);
        }
}

double rounding(DType dtype) {
  return dtype == DType::f32 ? 0x1p-24 : dtype == DType::bf16 ? 0x1p-8 : 0x1p-11;
}

void forTypes(const std::function<void(DType in, DType out)>& body) {
  for (const DType in : {DType::f32, DType::bf16, DType::f16})
    for (const DType out : {DType::f32, DType::bf16, DType::f16})
      if (in == out || in == DType::f32 || out == DType::f32) body(in, out);
}

void forLayouts(const std::function<void(int64_t channels, Layout in, Layout out)>& body) {
  for (const int64_t channels : {1, 5, 8, 24, 37}) {
    const int64_t padded = roundUp8(channels);
    body(channels, {channels}, {channels});
    body(channels, {padded}, {padded});
    body(channels, {padded + 16, 8}, {padded + 24, 16});
    body(channels, {padded + 3, 1}, {padded + 2, 1});
  }
}

}  // namespace emulator::tests
