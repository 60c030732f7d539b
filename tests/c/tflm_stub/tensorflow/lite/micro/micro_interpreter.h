/* A stub of TFLite Micro, as far as kws_model_tflm.cc asks: an interpreter that a test replaces. */
#ifndef TFLM_STUB_INTERPRETER_H
#define TFLM_STUB_INTERPRETER_H

#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

struct TfLiteTensor {
    union {
        void *raw;
        int8_t *int8;
    } data;
    size_t bytes;
};

namespace tflite {

class MicroInterpreter {
  public:
    MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena,
                     size_t arena_bytes);
    TfLiteStatus AllocateTensors();
    TfLiteStatus Reset();
    TfLiteStatus Invoke();
    TfLiteTensor *input(size_t index);
    TfLiteTensor *output(size_t index);
};

}  // namespace tflite

#endif
