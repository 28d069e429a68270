// conv2d in bf16 on oneDNN, which uses AMX or AVX-512 bf16 instructions where the machine has them. One
// primitive for one image: a result cannot depend on the batch around it, and its product is still in cache
// when the epilogue reads it.
//
// oneDNN wants dense channels-last tensors. What it cannot do on the way out (residuals, prelu, several
// destinations, slices of a concat) follows as a pass over the image's product.

#include "native/backends/cpu/conv/onednn.h"

#include "native/backends/cpu/conv/conv2d.h"
#include "native/backends/cpu/conv/epilogue.h"
#include "native/backends/cpu/views.h"

namespace facenet::cpu {

namespace {

class ConvOnednn final : public Kernel {
 public:
  ConvOnednn(const Conv2d& op, const StepContext& context) : op_(op), in_(context.input()) {
    const PlannedTensor& first = context.output();
    product_ = {first.shape.height, first.shape.width, op_.outChannels()};
    for (const ConvPart& part : op_.parts)
      slopes_.push_back(readSlopes(part.activation, part.outChannels, context.weights, context.step.name));

    const Activation::Kind shared = op_.parts[0].activation.kind;
    for (const ConvPart& part : op_.parts) oneActivation_ &= part.activation.kind == shared;
    oneActivation_ &= !op_.residual && shared != Activation::Kind::prelu;
    direct_ = oneActivation_ && op_.parts.size() == 1 && first.pixelStride == first.shape.channels;
    // Where something is still to be added or activated the product stays in fp32, so that it is rounded
    // once.
    productType_ = direct_ || oneActivation_ ? first.dtype : DType::f32;
    prepare(context.weights, context.step.name, oneActivation_ ? shared : Activation::Kind::none);
  }

  void run(const std::vector<View>& inputs, const std::vector<View>& outputs, void* scratch) const override {
    [[maybe_unused]] const OneThread guard;
    auto* workspace = static_cast<unsigned char*>(scratch);
    void* sourceCopy = workspace + bytesOf(descriptor_.scratchpad_desc());
    void* productCopy = static_cast<unsigned char*>(sourceCopy) + sourceBytes();

    dnnl::stream stream(engine());
    memory source(descriptor_.src_desc(), engine(), nullptr),
        target(descriptor_.dst_desc(), engine(), nullptr);
    const memory pad(descriptor_.scratchpad_desc(), engine(), workspace);
    const std::unordered_map<int, memory> arguments{{DNNL_ARG_SRC, source},
                                                    {DNNL_ARG_WEIGHTS, weights_},
                                                    {DNNL_ARG_BIAS, bias_},
                                                    {DNNL_ARG_DST, target},
                                                    {DNNL_ARG_SCRATCHPAD, pad}};
    for (int64_t n = 0; n < inputs[0].count; ++n) {
      const View in = image(inputs[0], n);
      void* from = in.data;
      if (sourceBytes()) {
        isa().convert(in, {sourceCopy, DType::bf16, 1, in.shape, in.shape.channels});
        from = sourceCopy;
      }
      source.set_data_handle(from);
      target.set_data_handle(direct_ ? image(outputs[0], n).data : productCopy);
      primitive_.execute(stream, arguments);
      stream.wait();
      if (!direct_) finish(productCopy, inputs, outputs, n);
    }
  }

  int64_t scratchBytes(int64_t) const override {
    const int64_t product =
        direct_ ? 0 : product_.elements() * static_cast<int64_t>(byteSize(productType_)) + 64;
    return bytesOf(descriptor_.scratchpad_desc()) + sourceBytes() + product;
  }

  std::string describe() const override { return text("onednn ", descriptor_.impl_info_str()); }

  bool isPlain() const { return cpu::isPlain(descriptor_); }

 private:
  // Of a dense bf16 copy of the input image, where it is not that already.
  int64_t sourceBytes() const {
    if (in_.dtype == DType::bf16 && in_.pixelStride == in_.shape.channels) return 0;
    return roundUp(in_.shape.elements() * static_cast<int64_t>(byteSize(DType::bf16)), 64);
  }

  void prepare(const Weights& weights, const std::string& layer, Activation::Kind activation) {
    [[maybe_unused]] const OneThread guard;
    const Window& w = op_.window;
    const int64_t groupIn = in_.shape.channels / op_.groups;
    std::vector<float> weight, bias;
    for (const ConvPart& part : op_.parts) {
      const FoldedWeights folded = foldConvPart(part, groupIn, w, weights, layer);
      weight.insert(weight.end(), folded.weight.begin(), folded.weight.end());
      bias.insert(bias.end(), folded.bias.begin(), folded.bias.end());
    }
    const int64_t out = op_.outChannels();
    const bool grouped = op_.groups > 1;
    const memory::dims shape =
        grouped ? memory::dims{op_.groups, out / op_.groups, groupIn, w.kernelHeight, w.kernelWidth}
                : memory::dims{out, groupIn, w.kernelHeight, w.kernelWidth};
    const memory::desc any(shape, dataType(DType::bf16), memory::format_tag::any);
    const memory::desc plainBias({out}, memory::data_type::f32, memory::format_tag::a);
    descriptor_ =
        describeForward(dnnl::prop_kind::forward_inference, channelsLast(1, in_.shape, DType::bf16), any,
                        plainBias, channelsLast(1, product_, productType_), w, attributesFor(activation));
    primitive_ = dnnl::convolution_forward(descriptor_);

    const memory::desc plain(shape, memory::data_type::f32,
                             grouped ? memory::format_tag::goihw : memory::format_tag::oihw);
    memory plainWeights(plain, engine(), weight.data());
    weights_ = memory(descriptor_.weights_desc(), engine());
    bias_ = memory(plainBias, engine());
    std::copy(bias.begin(), bias.end(), static_cast<float*>(bias_.get_data_handle()));
    dnnl::stream stream(engine());
    dnnl::reorder(plainWeights, weights_).execute(stream, plainWeights, weights_);
    stream.wait();
  }

  void finish(void* product, const std::vector<View>& inputs, const std::vector<View>& outputs,
              int64_t n) const {
    int64_t channel = 0;
    for (size_t p = 0; p < outputs.size(); ++p) {
      const View out = image(outputs[p], n);
      View slice{
          static_cast<unsigned char*>(product) + channel * static_cast<int64_t>(byteSize(productType_)),
          productType_, 1, out.shape, product_.channels};
      const Activation::Kind kind = op_.parts[p].activation.kind;
      const float* slope = slopes_[p].empty() ? nullptr : slopes_[p].data();
      if (oneActivation_)
        isa().convert(slice, out);
      else if (op_.residual)
        isa().add(slice, image(inputs[1], n), 1, out, kind, slope);
      else
        isa().activation(slice, out, kind, slope);
      channel += out.shape.channels;
    }
  }

  Conv2d op_;
  PlannedTensor in_;
  Shape product_;  // of all parts together
  DType productType_ = DType::f32;
  bool oneActivation_ = true;  // the primitive activates everything
  bool direct_ = false;        // and writes where the output belongs
  std::vector<std::vector<float>> slopes_;
  dnnl::convolution_forward::primitive_desc descriptor_;
  dnnl::convolution_forward primitive_;
  memory weights_, bias_;
};

}  // namespace

std::unique_ptr<Kernel> makeConvOnednn(const Conv2d& op, const StepContext& context) {
  return unlessUnimplemented([&]() -> std::unique_ptr<Kernel> {
    auto kernel = std::make_unique<ConvOnednn>(op, context);
    return kernel->isPlain() ? nullptr : std::move(kernel);
  });
}

}  // namespace facenet::cpu
