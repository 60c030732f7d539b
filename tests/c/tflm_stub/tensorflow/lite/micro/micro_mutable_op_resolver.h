/* A stub of TFLite Micro, as far as kws_ops.h asks: a resolver of a few operators. */
#ifndef TFLM_STUB_RESOLVER_H
#define TFLM_STUB_RESOLVER_H

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

namespace tflite {

class MicroOpResolver {};

template <unsigned int tOpCount>
class MicroMutableOpResolver : public MicroOpResolver {
  public:
    TfLiteStatus AddConv2D() { return add(); }
    TfLiteStatus AddFullyConnected() { return add(); }
    TfLiteStatus AddReshape() { return add(); }

  private:
    TfLiteStatus add() { return added_++ < tOpCount ? kTfLiteOk : kTfLiteError; }
    unsigned int added_ = 0;
};

}  // namespace tflite

#endif
