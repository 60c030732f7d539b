/* A stub of TFLite Micro, as far as kws_model_tflm.cc asks: the model and its schema version. */
#ifndef TFLM_STUB_SCHEMA_H
#define TFLM_STUB_SCHEMA_H

#include <cstdint>

#define TFLITE_SCHEMA_VERSION (3)

namespace tflite {

class Model {
  public:
    uint32_t version() const;
};

const Model *GetModel(const void *data);

}  // namespace tflite

#endif
