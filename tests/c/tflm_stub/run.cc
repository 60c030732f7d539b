/* Runs kws_model_tflm.cc on a stub interpreter: `run BROKEN` prints what two runs give, how often
 * it was set up, and the first output. BROKEN names what fails, or "nothing". */
#include <cstdio>
#include <cstring>

#include "kws_model.h"
#include "kws_model_data.h"
#include "tensorflow/lite/micro/micro_interpreter.h"

static const char *broken;
static int made;
static int8_t in[KWS_MODEL_INPUT_BYTES], out[KWS_MODEL_OUTPUT_BYTES];
static TfLiteTensor tensors[2];

static bool fails(const char *what) { return std::strcmp(broken, what) == 0; }

namespace tflite {

uint32_t Model::version() const { return fails("version") ? 2 : TFLITE_SCHEMA_VERSION; }

const Model *GetModel(const void *data) { return static_cast<const Model *>(data); }

MicroInterpreter::MicroInterpreter(const Model *model, const MicroOpResolver &, uint8_t *arena,
                                   size_t bytes)
{
    made++;
    if (static_cast<const void *>(model) != kws_model_data) made = 100;
    if (reinterpret_cast<uintptr_t>(arena) % 16 != 0 || bytes != KWS_ARENA_BYTES) made = 200;
}

TfLiteStatus MicroInterpreter::AllocateTensors()
{
    return fails("allocate") ? kTfLiteError : kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Reset() { return fails("reset") ? kTfLiteError : kTfLiteOk; }

TfLiteStatus MicroInterpreter::Invoke()
{
    for (int i = 0; i < KWS_MODEL_OUTPUT_BYTES; i++) out[i] = static_cast<int8_t>(in[i] + 1);
    return fails("invoke") ? kTfLiteError : kTfLiteOk;
}

TfLiteTensor *MicroInterpreter::input(size_t)
{
    tensors[0].data.int8 = in;
    tensors[0].bytes = fails("input") ? 1 : sizeof in;
    return &tensors[0];
}

TfLiteTensor *MicroInterpreter::output(size_t)
{
    tensors[1].data.int8 = out;
    tensors[1].bytes = fails("output") ? 1 : sizeof out;
    return &tensors[1];
}

}  // namespace tflite

int main(int, char **arguments)
{
    static int8_t input[KWS_MODEL_INPUT_BYTES], output[KWS_MODEL_OUTPUT_BYTES];
    uint32_t scratch[1] = {0};
    broken = arguments[1];
    input[0] = 41;
    int8_t *given = fails("null") ? nullptr : output;
    int first = kws_model_run(input, given, scratch);
    int second = kws_model_run(input, given, scratch);
    std::printf("%d %d %d %d\n", first, second, made, output[0]);
    return 0;
}
